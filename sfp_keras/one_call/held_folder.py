"""A folder that lasts as long as what it holds is used."""

import shutil
import tempfile
import weakref
from pathlib import Path


class HeldFolder:
    """A temporary folder, deleted with the last reference to it.

    Attributes:
        path: `Path`.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="sfp_keras-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
