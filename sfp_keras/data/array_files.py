"""NumPy's named arrays in an `.npz` file or in a folder of `.npy` files."""

import math
import zipfile
from pathlib import Path

import numpy as np

from sfp_keras.errors import InputError, first_line
from sfp_keras.files import array_head, meant, read_member


class ArrayFiles:
    """The named arrays of a file or a folder, read when asked for.

    Args:
        path: `Path`. An `.npz` file, or a folder with `.npy` files.
        forms: `str`. The names that are wanted, for errors.

    Attributes:
        path: as given.
        mapped: whether they are in a folder, so that large ones may stay in their files.
        names: those that there are.

    Raises:
        InputError: if there is no such file.
    """

    def __init__(self, path: Path, forms: str) -> None:
        self.path = path
        self.mapped = path.is_dir()
        if self.mapped:
            self.names = {file.stem for file in path.glob("*.npy") if file.is_file()}
            return
        if not path.is_file():
            raise InputError(f"`data_dir`={path} does not exist{meant(path)}")
        try:
            with zipfile.ZipFile(path) as archive:
                self.names = {name.removesuffix(".npy") for name in archive.namelist()}
        except PermissionError:
            raise
        except Exception:  # a broken archive raises almost anything
            raise InputError(f"`data_dir`={path} is no .npz file; give one with {forms}") from None

    def array(self, name: str) -> np.ndarray:
        """One array by its name; of a folder it is mapped, not read.

        Raises:
            InputError: if it cannot be read, or is no array.
        """
        try:
            if not self.mapped:
                with self.path.open("rb") as file:
                    return read_member(file, name)
            array = np.load(self.path / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            if not isinstance(array, np.ndarray):
                raise ValueError("it is no array")
            return array
        except PermissionError:
            raise
        except Exception as error:  # a broken file raises almost anything
            raise InputError(
                f"`data_dir`={self.path}: {name} cannot be read ({first_line(error)}); write it "
                "again with numpy.save or numpy.savez, as numbers or texts, not as objects"
            ) from None

    def length(self, name: str) -> int | None:
        """The length of an array's first axis, from its head; `None` where there is none."""
        shape, _ = self._head(name)
        return shape[0] if shape else None

    def bytes(self, *names: str) -> int:
        """Bytes of the arrays that there are of these names, from their heads alone."""
        heads = [self._head(name) for name in names if name in self.names]
        return sum(math.prod(shape) * dtype.itemsize for shape, dtype in heads)

    def _head(self, name: str) -> tuple[tuple[int, ...], np.dtype]:
        try:
            if self.mapped:
                with (self.path / f"{name}.npy").open("rb") as file:
                    return array_head(file)
            with zipfile.ZipFile(self.path) as archive, archive.open(f"{name}.npy") as member:
                return array_head(member)
        except Exception:  # `array` says what is wrong
            return (), np.dtype(np.uint8)
