"""How far a pass over many images is, kept so that a killed pass goes on from there."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.files import load_npz, save_npz


class PassRecord:
    """One file with all a pass needs to go on, written whole.

    Whoever passes over the images must first flush what the record speaks of, and saves it only
    where it is `due`: a short pass never writes it, a long one loses about half a minute.

    Args:
        path: `str` or `Path`. The file.
        description: what the pass is of, JSON types; a record with another one counts as none.
    """

    EVERY_SECONDS = 30.0
    _SHARE = 0.05

    def __init__(self, path: str | Path, description: Any = ""):
        self.path = Path(path)
        self._description = json.dumps(description, sort_keys=True)
        self._ended, self._took = time.monotonic(), 0.0

    def read(self) -> dict[str, np.ndarray]:
        """The arrays saved last; none where the file is missing, damaged or of another pass."""
        try:
            arrays = load_npz(self.path)
        except InputError:
            return {}
        return arrays if str(arrays.pop("description", "")) == self._description else {}

    @property
    def due(self) -> bool:
        """Whether it is time to save, which may take a twentieth of the time."""
        since = time.monotonic() - self._ended
        return since >= max(self.EVERY_SECONDS, self._took / self._SHARE)

    def save(self, **arrays: Any) -> None:
        """Replace the file, by named arrays."""
        start = time.monotonic()
        save_npz(self.path, **arrays, description=np.array(self._description))
        self._ended = time.monotonic()
        self._took = self._ended - start

    def delete(self) -> None:
        """Delete the file: the pass is done, or begins anew."""
        self.path.unlink(missing_ok=True)
