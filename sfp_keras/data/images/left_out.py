"""What a folder of images holds that is not taken."""

import os
from collections import Counter
from pathlib import Path

_NAMED = 3
# What file managers, cameras and network storages keep beside images, in lower case.
_OF_SYSTEMS = frozenset(
    {
        *("__macosx", "@eadir", "#recycle", "@recycle", "$recycle.bin", "lost+found"),
        *("system volume information", "@tmp", "#snapshot", "__pycache__"),
    }
)
_THUMBNAILS = frozenset({"thumbnails", "thumbs", "_thumbs", "_thumbnails"})


class LeftOut:
    """Counts what is not taken, by kind, with the first names of each kind.

    Args:
        root: `Path`. Names are relative to it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._counts: Counter[str] = Counter()
        self._names: dict[str, list[str]] = {}

    def add(self, kind: str, path: str | Path) -> None:
        """Count one file or folder.

        Args:
            kind: `str`. What it is, in the plural.
            path: `str` or `Path`. Where it is.
        """
        self._counts[kind] += 1
        names = self._names.setdefault(kind, [])
        if len(names) < _NAMED:
            names.append(os.path.relpath(path, self.root))

    def __str__(self) -> str:
        parts = []
        for kind, count in self._counts.items():
            names = self._names[kind]
            more = f" and {count - len(names)} more" if count > len(names) else ""
            parts.append(f"{kind}: {count} ({', '.join(names)}{more})")
        return "; ".join(parts)


def folder_left_out(entry: os.DirEntry[str], inside_class: bool) -> str | None:
    """Say why a folder's images are not taken.

    Args:
        entry: `os.DirEntry` of a folder, or of a link to one.
        inside_class: `bool`. Whether it lies in a class folder, and so is no class itself.

    Returns:
        Its kind, in the plural; `None` where they are taken.
    """
    if entry.name.startswith("."):
        return "hidden folders"
    if entry.name.lower() in _OF_SYSTEMS:
        return "folders of the system"
    if inside_class and entry.name.lower() in _THUMBNAILS:
        return "folders of thumbnails"
    # A linked class folder is taken; deeper a link may lead round in a circle.
    if inside_class and entry.is_symlink():
        return "linked folders"
    return None


def file_left_out(entry: os.DirEntry[str], is_image: bool) -> str | None:
    """Say why a file is not taken as an image.

    Args:
        entry: `os.DirEntry` of anything but a folder.
        is_image: `bool`. Whether its name is that of an image.

    Returns:
        Its kind, in the plural; `None` where it is taken.
    """
    if entry.name.startswith("."):
        return "hidden files"
    # Opening a pipe would wait for a writer.
    if not (entry.is_file(follow_symlinks=False) or os.path.isfile(entry.path)):
        return "pipes, devices and broken links"
    return None if is_image else "files of other kinds"
