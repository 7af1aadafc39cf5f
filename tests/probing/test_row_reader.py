"""Rows read from files at random places are those of the arrays."""

from pathlib import Path

import numpy as np
import pytest

from sfp_keras.probing import RowReader


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("where", ["memory", "file", "part of a file"])
def test_rows_are_those_of_the_array(where: str, dtype: str, tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(50, 7)).astype(dtype)
    if where != "memory":
        np.save(tmp_path / "array.npy", array)
        array = np.load(tmp_path / "array.npy", mmap_mode="r")
    if where == "part of a file":
        array = array[3:45]
    reader = RowReader(array)
    for rows in (np.array([5, 2, 2, 41, 0]), np.arange(10, 20), np.array([], np.int64)):
        reader.expect(rows)
        found = reader(rows)
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array[rows])


def test_a_file_that_was_cut_short_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "array.npy"
    np.save(path, np.zeros((1000, 100)))
    reader = RowReader(np.load(path, mmap_mode="r"))
    with open(path, "r+b") as file:
        file.truncate(1000)
    with pytest.raises(OSError, match=r"array.npy is cut short"):
        reader(np.array([900]))
