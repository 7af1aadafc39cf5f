"""The rooms of the source: what each may import, what importing costs, how long files are."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sfp_keras

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "sfp_keras"
LONGEST = 400

# From left to right: each imports only what stands to its left.
ROOMS = (
    "filters",
    *("settings", "checkpoints", "data", "traits", "layers", "models", "papers"),
    *("experiment", "distribution", "training"),
    *("probing", "afcc", "reports", "analyses"),
    *("monitoring", "runs"),
    *("workflows", "one_call", "command"),
)
EVERYWHERE = (
    "csv_files",
    "errors",
    "files",
    "file_names",
    "console",
    "importing",
    "progress",
    "backend",
    "reachability",
    "saved_classes",
    "short_repr",
    "text",
    "_version",
)


def room_of(path: Path) -> str:
    """The room a source file belongs to: the folder or module right under sfp_keras."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> Iterator[tuple[int, str]]:
    """Line and room of every import of sfp_keras in a file, in functions as well."""
    package = ("sfp_keras", *path.relative_to(SOURCE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # One dot is the file's own package, each further dot one package up.
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            # In `from sfp_keras import data` the room is the imported name.
            names = (
                [f"{module}.{alias.name}" for alias in node.names]
                if module == "sfp_keras"
                else [module]
            )
        for name in names:
            top, _, rest = name.partition(".")
            if top == "sfp_keras":
                yield node.lineno, rest.split(".")[0]


def room_files() -> list[Path]:
    return [path for path in sorted(SOURCE.rglob("*.py")) if room_of(path) in ROOMS]


def test_every_source_file_has_a_room() -> None:
    rooms = {room_of(path) for path in SOURCE.rglob("*.py")}
    assert rooms <= {*ROOMS, *EVERYWHERE, "__init__", "__main__"}


@pytest.mark.parametrize("path", room_files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_rooms_import_only_to_their_left(path: Path) -> None:
    room = room_of(path)
    allowed = {*ROOMS[: ROOMS.index(room) + 1], *EVERYWHERE}
    wrong = [f"line {line}: {name}" for line, name in imported_rooms(path) if name not in allowed]
    assert not wrong, f"{room} may not import {wrong}"


def test_shared_files_import_no_room() -> None:
    for name in EVERYWHERE:
        found = {room for _, room in imported_rooms(SOURCE / f"{name}.py")}
        assert found <= set(EVERYWHERE), name


def test_imports_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SOURCE", tmp_path)
    path = tmp_path / "data" / "loading.py"
    path.parent.mkdir()
    path.write_text(
        "import sfp_keras.models.vgg\nfrom sfp_keras import filters, data\n"
        "from ..training import SGD\nfrom . import cifar\nfrom .cifar import x\n"
        "def f():\n    from sfp_keras.probing.heads import Head\n"
    )
    assert sorted(imported_rooms(path)) == [
        *((1, "models"), (2, "data"), (2, "filters"), (3, "training"), (4, "data"), (5, "data")),
        (7, "probing"),
    ]


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("sfp_keras, sfp_keras.filters", "keras tensorflow jax torch"),
        ("sfp_keras.data, sfp_keras.experiment", "keras tensorflow torch"),
        ("main, sfp_keras.__main__", "keras tensorflow jax torch pandas matplotlib"),
    ],
    ids=["filters", "data", "command"],
)
def test_importing_opens_no_framework(modules: str, absent: str) -> None:
    code = f"import {modules}, sys; print(*sorted(set('{absent}'.split()) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


@pytest.mark.parametrize("name", sfp_keras.__all__)
def test_public_names_resolve(name: str) -> None:
    value = getattr(sfp_keras, name)
    assert dir(sfp_keras) == sorted(sfp_keras.__all__)
    if name in sfp_keras._ROOM_OF:
        assert value.__name__ == name
        assert name in sys.modules[sfp_keras._ROOM_OF[name]].__all__


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'find_cluster'"):
        _ = sfp_keras.find_cluster


def test_no_file_is_long() -> None:
    folders = ("sfp_keras", "flags", "tests", "benchmarks", "tb_plugin", "docs", "examples")
    paths = [*ROOT.glob("*.py"), *(p for name in folders for p in (ROOT / name).rglob("*.py"))]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in paths}
    assert "main.py" in lengths
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def imported_at_the_top(path: Path) -> set[str]:
    body = ast.parse(path.read_text()).body
    whole = {alias.name for node in body if isinstance(node, ast.Import) for alias in node.names}
    parts = {node.module or "" for node in body if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in whole | parts}


def test_backends_and_flags_stay_out_of_the_library() -> None:
    backends = {"tensorflow", "tensorflow_datasets", "jax", "torch"}
    found = {
        str(path): imported_at_the_top(path)
        & (backends if room_of(path) == "command" else {*backends, "absl", "flags", "main"})
        for path in SOURCE.rglob("*.py")
    }
    assert {path: names for path, names in found.items() if names} == {}


def test_no_two_test_files_have_one_name() -> None:
    # pytest imports them as modules of one folder.
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert not {name for name in names if names.count(name) > 1}
