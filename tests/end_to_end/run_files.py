"""The files of a run directory; those for TensorBoard tell the time and are left out."""

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by name, with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "events" not in path.relative_to(folder).parts
    }


def differing(found: Mapping[str, bytes], expected: Mapping[str, bytes]) -> list[str]:
    """The files in which two finished run directories differ, but for what tells the time."""
    names = {*found, *expected} - {"experiment.json", ".lock"}
    return sorted(n for n in names if _timeless(n, found.get(n)) != _timeless(n, expected.get(n)))


def _timeless(name: str, data: bytes | None) -> object:
    """A file's content; of a network's archive what is no time and no place in memory."""
    if data is None or not name.endswith(".keras"):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        config = re.sub(rb'"shared_object_id": \d+', b"", archive.read("config.json"))
        return config, archive.read("model.weights.h5")
