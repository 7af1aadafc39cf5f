"""Names of layers as names of files: inside their folder, short, and each its own."""

import itertools
from pathlib import Path

import pytest

from sfp_keras.file_names import file_name, name_of_file, same_file
from sfp_keras.runs import RunFiles

PLAIN = ["conv1", "block.conv#1", "my conv", "é", "a-b_c", "x.tmp", "a..b", "con>1", "labels"]
ODD = ["..", ".", ".lock", "", "a/b", "../x", "\0", "a\nb", "%2E.", "%", "%-1", "\ud800", "/"]
LONG = ["n" * 201, "n" * 202, "é" * 300, "%" * 100]


@pytest.mark.parametrize("name", [*PLAIN, *ODD, *LONG])
def test_a_name_is_one_part_of_a_path(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "inside" / file_name(name)
    folder.mkdir(parents=True)
    assert folder.resolve().parent == (tmp_path / "inside").resolve()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert not folder.name.startswith(".")
    assert len(folder.name.encode()) <= 200


@pytest.mark.parametrize("name", PLAIN)
def test_an_ordinary_name_stays(name: str) -> None:
    assert file_name(name) == name


@pytest.mark.parametrize("name", [*PLAIN, *ODD])
def test_a_name_is_read_back(name: str) -> None:
    assert name_of_file(file_name(name)) == name


def test_names_that_differ_have_files_of_their_own() -> None:
    names = {*PLAIN, *ODD, *LONG, file_name(".."), file_name(LONG[0])}
    assert len({file_name(name) for name in names}) == len(names)


def test_names_that_some_disks_take_for_the_same() -> None:
    assert same_file("Conv", "conv")
    assert same_file("é", "e\u0301")
    assert not any(same_file(a, b) for a, b in itertools.combinations([*PLAIN, *LONG], 2))


@pytest.mark.parametrize("name", ["..", "a\tb", "w" * 240])
def test_stages_of_a_run_directory_are_found_by_their_names(name: str, tmp_path: Path) -> None:
    files = RunFiles(tmp_path / "run")
    files.record.begin("heads", {})
    files.record.add_heads({name: {"pool": "none", "head_group": ""}, "conv1": {}})
    made = [
        files.stage(name).split("test").fields,
        files.afcc(name).results,
        files.ablation(name).summary,
        files.ablation("conv1").narrower(8, [name, 3]) / "experiment.json",
    ]
    for path in made:
        path.parent.mkdir(parents=True)
        path.write_text("")
        assert path.resolve().is_relative_to(files.path.resolve())
    assert {path.name for path in files.path.iterdir()} == {
        *("experiment.json", "stages", "afcc", "ablate")
    }
    assert files.measured_stages("test") == files.afcc_stages() == files.ablated_stages() == [name]
    ((layers, width, folder),) = files.ablation("conv1").all_narrower()
    assert (width, folder) == (8, made[-1].parent)
    assert layers == f"{name}-3" or len(name) > 200
