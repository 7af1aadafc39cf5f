"""Names that look alike are spelled alike."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sfp_keras.data import load_dataset
from sfp_keras.errors import InputError
from sfp_keras.text import plain_text, read_lines


@pytest.mark.parametrize(
    ("given", "spelled"),
    [
        ("cafe\u0301", "caf\u00e9"),
        ("\ufeffdog ", "dog"),
        ("sea\u00a0lion", "sea lion"),
        ("ze\u200bbra\u00ad", "zebra"),
        ("a\rb\nc\x00", r"a\rb\nc\x00"),
        ("\t\r", r"\t\r"),
        ("\ufeff", r"\ufeff"),
        ("half \ud83d", r"half \ud83d"),
        ("\u2028", r"\u2028"),
        ("=1+1", "=1+1"),
        ("\U0001f469\u200d\U0001f52c", "\U0001f469\u200d\U0001f52c"),
    ],
)
def test_one_spelling(given: str, spelled: str) -> None:
    assert plain_text(given) == spelled
    assert plain_text(spelled) == spelled
    spelled.encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_any_editor(tmp_path: Path, encoding: str, end: str) -> None:
    (tmp_path / "names.txt").write_bytes(end.join(["dög", "a\x0bb", ""]).encode(encoding))
    assert read_lines(tmp_path / "names.txt") == ["dög", "a\x0bb", ""]


def fill(folder: Path) -> None:
    folder.mkdir(parents=True)
    for i in range(3):
        Image.new("L", (4, 4), i).save(folder / f"{i}.png")


def test_class_folders_are_found_by_names_spelled_otherwise(tmp_path: Path) -> None:
    # Composed in one split and decomposed in the other, as archives of a Mac and of Linux have it.
    for split, cafe in (("train", "cafe\u0301"), ("test", "caf\u00e9")):
        fill(tmp_path / "data" / split / cafe)
        fill(tmp_path / "data" / split / "bar")
    names = tmp_path / "names.txt"
    names.write_bytes("caf\u00e9\r\nbar\r\n".encode("utf-8-sig"))
    for given in (names, "\ufeffcafe\u0301, bar", ["caf\u00e9", "bar\u00a0"]):
        data = load_dataset("folder", tmp_path / "data", class_names=given)
        assert data.class_names == ("caf\u00e9", "bar")
        assert data.test.labels.tolist() == [1, 1, 1, 0, 0, 0]


def test_labels_that_look_alike_are_refused(tmp_path: Path) -> None:
    fill(tmp_path / "cafe\u0301")
    fill(tmp_path / "caf\u00e9")
    with pytest.raises(InputError, match=r"'cafe\\u0301' and 'caf\\xe9'; rename one"):
        load_dataset("folder", tmp_path)


def test_names_that_no_file_can_hold_are_written_as_escapes(tmp_path: Path) -> None:
    images, labels = np.zeros((8, 4, 4, 3), np.uint8), np.arange(8) % 2
    np.savez(tmp_path / "a.npz", x=images, y=labels, class_names=["a\r", "\ud800b"])
    assert load_dataset("arrays", tmp_path / "a.npz").class_names == ("a", r"\ud800b")
