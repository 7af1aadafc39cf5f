"""Rows at random places of features that may lie in a file larger than memory."""

import os
from typing import IO

import numpy as np


class RowReader:
    """Reads rows of an array: `reader(rows)` is `array[rows]`.

    Of a file mapped into memory a random row costs a read ahead of megabytes, one after the
    other, and its pages stay with the process. Here all rows are first announced to the system,
    which fetches them at once, in the order of the file; they are copied, and nothing stays
    mapped.

    Args:
        array: (N, size), in memory or a whole npy file that is memory-mapped.
    """

    def __init__(self, array: np.ndarray):
        self.array = array
        self._file: IO[bytes] | None = None
        name = getattr(array, "filename", None)
        if not (isinstance(array, np.memmap) and name and array.flags.c_contiguous):
            return
        # A part of a mapping does not say where it begins.
        if array.offset + array.nbytes != os.path.getsize(name):
            return
        self._file = open(name, "rb", buffering=0)  # noqa: SIM115
        self._begin, self._width = array.offset, array.nbytes // len(array)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)

    def expect(self, rows: np.ndarray) -> None:
        """Have rows (n,) fetched from the disk while other work is done."""
        if self._file is None or not hasattr(os, "posix_fadvise"):
            return
        handle = self._file.fileno()
        for row in np.sort(rows).tolist():
            place = self._begin + row * self._width
            os.posix_fadvise(handle, place, self._width, os.POSIX_FADV_WILLNEED)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows (n,) as an array (n, size) in their order."""
        if self._file is None:
            return self.array[rows]
        self.expect(rows)
        found = np.empty((len(rows), *self.array.shape[1:]), self.array.dtype)
        parts = found.view(np.uint8).reshape(len(rows), self._width)
        handle = self._file.fileno()
        for i in np.argsort(rows).tolist():
            place = self._begin + int(rows[i]) * self._width
            if os.preadv(handle, [parts[i].data], place) != self._width:
                raise OSError(f"{self._file.name} is cut short")
        return found

    def __del__(self) -> None:
        if (file := getattr(self, "_file", None)) is not None:
            file.close()
