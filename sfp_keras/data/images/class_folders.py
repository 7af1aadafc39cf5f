"""Where the images of a tree of class folders are."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sfp_keras.data.images.decoding import is_image_file
from sfp_keras.data.images.left_out import LeftOut, file_left_out, folder_left_out
from sfp_keras.data.label_order import shorten
from sfp_keras.errors import InputError
from sfp_keras.files import meant
from sfp_keras.text import plain_text

# Deeper folders are made by mistake; paths come to an end of their length soon after.
_DEPTH = 100


@dataclass(frozen=True)
class LabelledFiles:
    """Image files and their labels.

    Attributes:
        paths: the files, class by class, sorted.
        labels: the label of each.
        nested: dict from each class folder that has images in folders alone to the names of these.
    """

    paths: list[str]
    labels: list[int]
    nested: dict[str, set[str]] = field(default_factory=dict)

    def only(self, kept: Sequence[int]) -> "LabelledFiles":
        """Return the files at the positions `kept`."""
        return LabelledFiles([self.paths[i] for i in kept], [self.labels[i] for i in kept])


def existing_folder(path: Path, argument: str = "data_dir") -> Path:
    """Return a path, or raise an `InputError` that names the argument if it is no folder."""
    if not path.is_dir():
        raise InputError(f"`{argument}`={path} does not exist or is no folder{meant(path)}")
    return path


def class_folders(tree: Path, left_out: LeftOut | None = None) -> list[Path]:
    """Return the folders in a folder by name, without hidden ones and those of the system.

    Args:
        tree: `Path`.
        left_out: counts what else there is. Default: nothing does.
    """
    found = []
    for entry in _sorted(tree):
        path = tree / entry.name
        kind: str | None = "files outside the class folders"
        if _is_folder(entry):
            # Taken for a class, a folder around the classes would hold all images.
            around = entry.is_symlink() and tree.resolve().is_relative_to(path.resolve())
            kind = "linked folders" if around else folder_left_out(entry, inside_class=False)
        if kind is None:
            found.append(path)
        elif left_out is not None:
            left_out.add(kind, path)
    return found


def check_same_classes(train: Path, test: Path) -> None:
    """Raise an `InputError` if two trees have different class folders."""
    trained, tested = (
        {plain_text(folder.name) for folder in class_folders(tree)} for tree in (train, test)
    )
    if trained != tested:
        raise InputError(
            f"`data_dir`: {train} and {test} must have the same class folders; only in one of "
            f"them: {shorten(sorted(trained ^ tested))}; add or remove the folders, or name all "
            "classes by `class_names`"
        )


def list_images(
    tree: Path, names: Sequence[str], empty_allowed: bool, left_out: LeftOut
) -> LabelledFiles:
    """List the image files of a tree of class folders.

    Args:
        tree: `Path` whose subfolders are classes.
        names: the class names; a file's label is the position of its folder's name.
        empty_allowed: `bool`. Whether a class folder may have no images.
        left_out: counts what is not taken.

    Returns:
        A `LabelledFiles`.

    Raises:
        InputError: if a class folder has no images and must have.
    """
    label = {plain_text(name): i for i, name in enumerate(names)}
    files = LabelledFiles([], [])
    empty = []
    for folder in class_folders(tree, left_out):
        found = list(image_files(folder, left_out))
        files.paths.extend(found)
        files.labels.extend([label[plain_text(folder.name)]] * len(found))
        start = len(str(folder / "x")) - 1
        inside = {path[start:].partition(os.sep)[::2] for path in found}
        if found and all(rest for _, rest in inside):
            files.nested[folder.name] = {first for first, _ in inside}
        if not found:
            empty.append(folder.name)
    # Left out silently they would shift the labels of the classes after them.
    if empty and not empty_allowed:
        there = f" (not taken: {left_out})" if str(left_out) else ""
        raise InputError(
            f"`data_dir`: class folders of {tree} without images: {shorten(empty)}{there}; add "
            "images, remove the folders, or name all classes by `class_names`"
        )
    return files


def image_files(
    folder: Path, left_out: LeftOut | None = None, depth: int = _DEPTH
) -> Iterator[str]:
    """Yield the paths of all image files in a folder and the folders inside, sorted.

    Args:
        folder: `Path`.
        left_out: counts what else there is. Default: nothing does.
        depth: `int`. How many folders deep images may lie. Default 100.
    """
    folders = []
    for entry in _sorted(folder):
        kind: str | None
        if _is_folder(entry):
            kind = folder_left_out(entry, inside_class=True)
            if kind is None:
                folders.append(folder / entry.name)
        else:
            kind = file_left_out(entry, is_image_file(entry.name))
            if kind is None:
                yield os.path.join(folder, entry.name)
        if kind is not None and left_out is not None:
            left_out.add(kind, folder / entry.name)
    for inside in folders:
        if depth:
            yield from image_files(inside, left_out, depth - 1)
        elif left_out is not None:
            left_out.add("folders too deep inside others", inside)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    # Of a link only `os.path` bears one that leads to itself.
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()


def _sorted(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)
