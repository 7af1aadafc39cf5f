"""One file of arrays that says what work it belongs to."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from sfp_keras.files import load_npz, save_npz


class DescribedFile:
    """Named arrays with a description, replaced as a whole: any kill leaves the last state.

    Args:
        path: `str` or `Path`. The file.
        description: `str`. What work the arrays belong to.
    """

    def __init__(self, path: str | Path, description: str = ""):
        self.path = Path(path)
        self.description = description
        self._written, self._took = time.monotonic(), 0.0

    @property
    def age(self) -> float:
        """Seconds since the file was last written, or this object made."""
        return time.monotonic() - self._written

    def load(self) -> dict[str, np.ndarray] | None:
        """The arrays; `None` where the file belongs to other work.

        Raises:
            InputError: if the file is missing or damaged.
        """
        arrays = load_npz(self.path)
        return arrays if str(arrays.pop("description", "")) == self.description else None

    def write(self, **arrays: Any) -> None:
        """Replace the file, by named arrays."""
        start = time.monotonic()
        save_npz(self.path, **arrays, description=np.array(self.description))
        self._written = time.monotonic()
        self._took = self._written - start

    def delete(self) -> None:
        """Delete the file: the work is done, or starts over."""
        self.path.unlink(missing_ok=True)
