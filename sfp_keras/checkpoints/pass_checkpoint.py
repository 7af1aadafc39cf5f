"""How far a pass over many images is, kept so that a killed pass goes on from there."""

import glob
import json
from pathlib import Path
from typing import Any

import numpy as np

from sfp_keras.checkpoints.described_file import DescribedFile
from sfp_keras.errors import InputError


class PassCheckpoint(DescribedFile):
    """One file with all a pass needs to go on, written whole.

    The pass saves it only where it is `due`: a short pass never writes it, a long one loses
    about half a minute. Files that the arrays refer to must be flushed before.

    Args:
        path: `str` or `Path`. The file.
        description: what the pass is of, JSON types; a checkpoint with another description counts
            as none.
    """

    EVERY_SECONDS = 30.0
    _SHARE = 0.05

    def __init__(self, path: str | Path, description: Any = ""):
        super().__init__(path, json.dumps(description, sort_keys=True))

    def read(self) -> dict[str, np.ndarray]:
        """The arrays saved last; none where the file is missing, damaged or of another pass."""
        try:
            return self.load() or {}
        except InputError:
            return {}

    @property
    def due(self) -> bool:
        """Whether it is time to save, which may take a twentieth of the time."""
        return self.age >= max(self.EVERY_SECONDS, self._took / self._SHARE)

    def save(self, **arrays: Any) -> None:
        """Replace the file, by named arrays."""
        self.write(**arrays)

    def beside(self, name: str) -> Path:
        """The path of a further file of the pass, which `delete` deletes too."""
        return self.path.with_name(f"{self.path.name}.{name}")

    def delete(self) -> None:
        """Delete the file and those beside it: the pass is done, or starts over."""
        super().delete()
        for path in self.path.parent.glob(f"{glob.escape(self.path.name)}.*"):
            path.unlink(missing_ok=True)
