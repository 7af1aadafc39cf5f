"""Reads event files back with TensorBoard's own loader."""

from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader


def values(folder: Path) -> list[tuple[int, str, object]]:
    """(step, tag, summary value) of all event files of a folder, in order."""
    found = []
    for path in sorted(folder.glob("events.*")):
        for event in EventFileLoader(str(path)).Load():
            found += [(event.step, value.tag, value) for value in event.summary.value]
    return found


def blobs(folder: Path) -> dict[str, list[bytes]]:
    """Blobs of every blob sequence, by tag; the last writing counts."""
    return {
        tag: list(value.tensor.string_val)
        for _, tag, value in values(folder)
        if value.metadata.plugin_data.plugin_name == "clusters"
    }


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """Scalars by tag and step."""
    found: dict[str, dict[int, float]] = {}
    for step, tag, value in values(folder):
        if value.metadata.plugin_data.plugin_name == "scalars":
            found.setdefault(tag, {})[step] = value.tensor.float_val[0]
    return found
