"""Where the images of a tree of class folders are."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sfp_keras.data.images.decoding import is_image_file
from sfp_keras.data.label_order import shorten
from sfp_keras.data.splitting import choose_split
from sfp_keras.errors import InputError

_TEST_NAMES = ("test", "val", "validation")
_SPLIT_NAMES = ("train", *_TEST_NAMES)


@dataclass(frozen=True)
class LabelledFiles:
    """Image files and their labels.

    Attributes:
        paths: the files, class by class, sorted.
        labels: the label of each.
    """

    paths: list[str]
    labels: list[int]

    def only(self, kept: Sequence[int]) -> "LabelledFiles":
        """Return the files at the positions `kept`."""
        return LabelledFiles([self.paths[i] for i in kept], [self.labels[i] for i in kept])


def existing_folder(data_dir: Path) -> Path:
    """Return `data_dir`, or raise an `InputError` if it is no folder."""
    if not data_dir.is_dir():
        raise InputError(f"`data_dir`={data_dir} does not exist or is no folder")
    return data_dir


def has_class_folders(data_dir: str | Path) -> bool:
    """Whether `data_dir` holds class folders, or train and test folders of them."""
    root = Path(data_dir)
    if not root.is_dir():
        return False
    folders = []
    for folder in class_folders(root):
        split = folder.name.lower() in _SPLIT_NAMES
        folders += class_folders(folder) if split else [folder]
    return any(map(_has_image, folders))


def find_splits(root: Path) -> tuple[Path, Path | None]:
    """Find the training and the test tree in a folder.

    Args:
        root: `Path` that holds `train` and `test`, `val` or `validation` (in any case), or one
            of these alone, or class folders.

    Returns:
        The folder whose subfolders are classes, and that of the test images; None where the
        first is to be split.

    Raises:
        InputError: if there are several of test images and none of training images.
    """
    by_name = {folder.name.lower(): folder for folder in class_folders(root)}
    tests = [by_name[name] for name in _TEST_NAMES if name in by_name]
    # A test folder without class folders holds unlabelled images.
    tests = [folder for folder in tests if class_folders(folder)]
    if "train" in by_name:
        return by_name["train"], tests[0] if tests else None
    if not tests or not by_name.keys() <= set(_TEST_NAMES):
        return root, None
    if len(tests) > 1:
        there = " and ".join(folder.name for folder in tests)
        raise InputError(
            f"`data_dir`={root} holds {there} but no train; choose one by "
            f"`only_split`={tests[0].name}, which is then divided"
        )
    return tests[0], None


def find_split(root: Path, only_split: str) -> Path:
    """Find the one tree that is to be used.

    Args:
        root: `Path` that holds `train`, `test`, `val` or `validation`.
        only_split: `str`. One of these.

    Returns:
        The folder whose subfolders are classes.

    Raises:
        InputError: if it is not there.
    """
    by_name = {folder.name: folder for folder in class_folders(root)}
    there = [name for name in by_name if name.lower() in _SPLIT_NAMES]
    return by_name[choose_split(only_split, there, f"`data_dir`={root}")]


def class_folders(tree: Path) -> list[Path]:
    """Return the folders in a folder by name, without hidden ones and archive leftovers."""
    return sorted(
        child
        for child in tree.iterdir()
        if child.is_dir() and not child.name.startswith((".", "__MACOSX"))
    )


def check_same_classes(train: Path, test: Path) -> None:
    """Raise an `InputError` if two trees have different class folders."""
    trained, tested = ({folder.name for folder in class_folders(tree)} for tree in (train, test))
    if trained != tested:
        raise InputError(
            f"`data_dir`: {train} and {test} must have the same class folders; only in one of "
            f"them: {shorten(sorted(trained ^ tested))}"
        )


def list_images(tree: Path, names: Sequence[str], empty_allowed: bool) -> LabelledFiles:
    """List the image files of a tree of class folders.

    Args:
        tree: `Path` whose subfolders are classes.
        names: the class names; a file's label is the position of its folder's name.
        empty_allowed: `bool`. Whether a class folder may have no images.

    Returns:
        A `LabelledFiles`.

    Raises:
        InputError: if a class folder has no images and must have.
    """
    label = {name: i for i, name in enumerate(names)}
    paths: list[str] = []
    labels: list[int] = []
    empty = []
    for folder in class_folders(tree):
        found = list(image_files(folder))
        paths += found
        labels += [label[folder.name]] * len(found)
        if not found:
            empty.append(folder.name)
    # Left out silently they would shift the labels of the classes after them.
    if empty and not empty_allowed:
        raise InputError(
            f"`data_dir`: class folders of {tree} without images: {shorten(empty)}; add images, "
            "remove the folders, or name all classes by `class_names`"
        )
    return LabelledFiles(paths, labels)


def image_files(folder: Path) -> Iterator[str]:
    """Yield the paths of all image files in a folder, at any depth, sorted."""

    def stop(error: OSError) -> None:
        raise error

    for here, folders, files in os.walk(folder, onerror=stop):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(here, file) for file in sorted(files) if is_image_file(file))


def _has_image(folder: Path) -> bool:
    return next(image_files(folder), None) is not None
