"""Features written row by row: in memory, or to files that never fill it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from sfp_keras.distribution import aligned_empty
from sfp_keras.errors import InputError
from sfp_keras.file_names import file_name
from sfp_keras.files import mapped_array, open_mapped

FLOAT16_LARGEST = 65504.0
# What may wait to be written to the disk; the system holds it in memory until then.
UNWRITTEN_BYTES = 128 << 20


def features_file(root: Path, stage: str) -> Path:
    """The file of a stage's features."""
    return root / f"{file_name(stage)}.npy"


class Rows(Protocol):
    """(rows, size) numbers, put in their place block by block."""

    shape: tuple[int, int]
    dtype: np.dtype

    def put(self, row: int, block: np.ndarray) -> None:
        """Write the rows of `block` from `row` on."""

    def widened(self, rows: int) -> "Rows":
        """The same with the first `rows` rows, as float32."""

    def array(self) -> np.ndarray:
        """All rows."""


class HeldRows:
    """`Rows` in memory."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype):
        self.shape, self.dtype = shape, dtype
        self._array = aligned_empty(shape, dtype)

    def put(self, row: int, block: np.ndarray) -> None:
        """Write the rows of `block` from `row` on."""
        self._array[row : row + len(block)] = block

    def widened(self, rows: int) -> "HeldRows":
        """The same with the first `rows` rows, as float32."""
        wide = HeldRows(self.shape, np.dtype(np.float32))
        wide.put(0, self._array[:rows])
        return wide

    def array(self) -> np.ndarray:
        """All rows."""
        return self._array


class FiledRows:
    """`Rows` in an npy file, written and not mapped: pages of a mapping stay with the process.

    Args:
        path: `Path`. The file.
        shape: (rows, size).
        dtype: of the numbers.
        new: `bool`. Whether to make the file; otherwise it must be there, whole.

    Raises:
        OSError, ValueError, EOFError: if the disk has no room, or the file is not such an array.
    """

    def __init__(self, path: Path, shape: tuple[int, int], dtype: np.dtype, *, new: bool):
        self.path, self.shape, self.dtype = path, shape, dtype
        if new:
            mapped_array(path, shape, dtype)
        found = self.array()
        if (found.shape, found.dtype) != (shape, dtype):
            raise ValueError(f"{path} holds {found.shape} {found.dtype}")
        self._begin = found.offset
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115

    def put(self, row: int, block: np.ndarray) -> None:
        """Write the rows of `block` from `row` on."""
        left = np.ascontiguousarray(block, self.dtype).reshape(-1).view(np.uint8).data
        place = self._begin + row * self.shape[1] * self.dtype.itemsize
        while len(left):
            written = os.pwrite(self._file.fileno(), left, place)
            left, place = left[written:], place + written

    def widened(self, rows: int) -> "FiledRows":
        """The same with the first `rows` rows, as float32, in the file's place."""
        temporary = self.path.with_name(f".{self.path.name}.tmp")
        wide = FiledRows(temporary, self.shape, np.dtype(np.float32), new=True)
        step = max(1, UNWRITTEN_BYTES // (self.shape[1] * wide.dtype.itemsize))
        for row in range(0, rows, step):
            wide.put(row, self.array()[row : min(row + step, rows)])
            wide.flush()
        wide.flush()
        self.close()
        os.replace(temporary, self.path)
        wide.path = self.path
        return wide

    def flush(self) -> None:
        """Have all that was put on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        if hasattr(self, "_file"):
            self._file.close()

    __del__ = close

    def array(self) -> np.memmap:
        """All rows, read-only, in a new mapping."""
        return open_mapped(self.path)


class FeatureStore:
    """The rows of every stage; a stage with outputs too large for float16 is widened.

    Args:
        inputs: dict from stage name to the length of its rows.
        rows: `int`. Number of images.
        dtypes: dict from stage name to `"float16"` or `"float32"`.
        root: `Path` of the files, or `None` to hold all in memory.
        new: `bool`. Whether to make the files, rather than go on with them.
    """

    def __init__(
        self,
        inputs: Mapping[str, int],
        rows: int,
        dtypes: Mapping[str, str],
        root: Path | None,
        new: bool = True,
    ):
        self._stages: dict[str, Rows] = {}
        self._unwritten = 0
        for name, size in inputs.items():
            shape, dtype = (rows, size), np.dtype(dtypes[name])
            self._stages[name] = (
                HeldRows(shape, dtype)
                if root is None
                else FiledRows(features_file(root, name), shape, dtype, new=new)
            )

    @property
    def dtypes(self) -> dict[str, str]:
        """What each stage is kept as."""
        return {name: stage.dtype.name for name, stage in self._stages.items()}

    def make_room(self, row: int, blocks: Mapping[str, np.ndarray]) -> bool:
        """Widen the stages that cannot take their next rows; return whether there were any.

        Raises:
            InputError: if a number is not finite.
        """
        before = self.dtypes
        for name, block in blocks.items():
            largest = np.abs(block).max(initial=0.0)
            if not np.isfinite(largest):
                raise InputError(
                    f"stage {name} puts out values that are not finite: check `scaling`, the "
                    "network's weights, and that images hold no NaN"
                )
            if before[name] == "float16" and largest > FLOAT16_LARGEST:
                self._stages[name] = self._stages[name].widened(row)
        return self.dtypes != before

    def put(self, row: int, blocks: Mapping[str, np.ndarray]) -> None:
        """Write rows of every stage from `row` on."""
        for name, block in blocks.items():
            stage = self._stages[name]
            stage.put(row, block)
            self._unwritten += block.size * stage.dtype.itemsize
        if self._unwritten >= UNWRITTEN_BYTES:
            self.flush()

    def flush(self) -> None:
        """Have all rows on the disk, where they are kept there."""
        for stage in self._stages.values():
            if isinstance(stage, FiledRows):
                stage.flush()
        self._unwritten = 0

    def arrays(self) -> dict[str, np.ndarray]:
        """All rows of each stage; nothing is written any more."""
        self.flush()
        return {name: stage.array() for name, stage in self._stages.items()}
