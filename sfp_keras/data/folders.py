"""Folders of images, one folder a class."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from sfp_keras.data.dataset import ImageDataset, ImageSplit, LazyImages
from sfp_keras.data.image_files import (
    UnreadableImageError,
    image_threads,
    is_image_file,
    read_image,
    read_image_size,
)
from sfp_keras.data.label_order import shorten
from sfp_keras.data.splitting import stratified_split
from sfp_keras.errors import InputError

_LOGGER = logging.getLogger("sfp_keras")
_TEST_NAMES = ("test", "val", "validation")
T = TypeVar("T")


class FolderImages(LazyImages):
    """Image files that are decoded, in threads, when they are read.

    Args:
        paths: the N files.
        size: `(height, width)` that every image is resized to.
    """

    def __init__(self, paths: list[str], size: tuple[int, int]) -> None:
        self.paths = paths
        self.shape = (len(paths), *size, 3)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Decode the images at `indices` (n,) to an array (n, H, W, 3) of uint8.

        Raises:
            InputError: if a file cannot be decoded, although its head could be read.
        """
        images = np.empty((len(indices), *self.shape[1:]), np.uint8)
        paths = [self.paths[i] for i in indices]
        for i, image in enumerate(_in_threads(lambda p: read_image(p, self.shape[1:3]), paths)):
            if isinstance(image, UnreadableImageError):
                raise InputError(
                    f"{paths[i]} cannot be decoded ({image}); delete or mend the file and run again"
                )
            images[i] = image
        return images


@dataclass(frozen=True)
class _Files:
    """Image files, sorted, with the index of their class."""

    paths: list[str]
    classes: list[int]

    def only(self, kept: Iterable[int]) -> "_Files":
        return _Files(*map(list, zip(*((self.paths[i], self.classes[i]) for i in kept))))  # noqa: B905


def has_class_folders(data_dir: str | Path) -> bool:
    """Tell whether `data_dir` looks like class folders, or train and test folders of them."""
    folders = _subfolders(Path(data_dir)) if Path(data_dir).is_dir() else []
    inner = [f for f in folders if f.name.lower() in ("train", *_TEST_NAMES)]
    for folder in inner:
        folders += _subfolders(folder)
    return any(_has_image(folder) for folder in folders if folder not in inner)


def load_folder(
    data_dir: str | Path,
    size: tuple[int, int] | None = None,
    test_fraction: float = 0.2,
    class_names: tuple[str, ...] | None = None,
    memory_budget: int = 2 << 30,
    name: str = "folder",
) -> ImageDataset:
    """Load images from class folders.

    `data_dir` holds `train/` and `test/` (or `val/`, `validation/`) with one folder a class in
    each, or the class folders themselves. Without a test folder every class is split by
    `test_fraction`, by a hash of the file names, so the same files always give the same split.
    Classes are the names of the folders in alphabetical order; images may lie deeper inside.
    Hidden files and files of other kinds are ignored. Unreadable images are left out, with a
    warning (logger `sfp_keras`) that names the first and counts them. Image files become RGB as
    in `read_image`.

    Images that fit into `memory_budget` are decoded at once; otherwise only the heads of the
    files are checked now and images are decoded when they are read.

    Args:
        data_dir: `str` or `Path`.
        size: `(height, width)` to resize to, bicubic, not keeping the aspect. Default: the size
            of the images, which must then be the same.
        test_fraction: `float`. Default 0.2.
        class_names: the names of labels 0..K-1; every class folder must be among them, and those
            without a folder have no images. Default: the class folders.
        memory_budget: `int`, bytes. Default 2 GiB.
        name: `str`, the name of the data set. Default `"folder"`.

    Returns:
        An `ImageDataset`.

    Raises:
        InputError: if there are no class folders, one has no image, training and test classes
            differ, sizes differ without `size`, or `class_names` lacks a class.
    """
    root = Path(data_dir)
    if not root.is_dir():
        raise InputError(f"--data_dir={root} does not exist or is no folder")
    train_root, test_root = _find_splits(root)
    classes = [folder.name for folder in _subfolders(train_root)]
    if not classes:
        raise InputError(
            f"--data_dir: {train_root} has no class folders; give a folder with one folder of "
            "images for each class, or with train/ and test/ of such folders"
        )
    names = class_names or tuple(classes)
    absent = [one for one in classes if one not in names]
    if absent:
        raise InputError(
            f"--class_names lacks {len(absent)} of the class folders in {train_root}: "
            f"{shorten(absent)}"
        )
    if test_root is not None:
        _check_same_classes(train_root, test_root)
    empty_allowed = class_names is not None
    train = _scan(train_root, names, empty_allowed)
    test = _scan(test_root, names, empty_allowed) if test_root is not None else None

    train, sizes = _readable(train)
    if test is not None:
        test, test_sizes = _readable(test)
        sizes += test_sizes
    if not train.paths or (test is not None and not test.paths):
        raise InputError(f"--data_dir={root} has no readable image in training or test folders")
    if size is None:
        size = sizes[0]
        if any(other != size for other in sizes):
            odd = next(other for other in sizes if other != size)
            raise InputError(
                f"--image_size is needed: the images in {root} have different sizes, such as "
                f"{size[0]}x{size[1]} and {odd[0]}x{odd[1]}"
            )
    if test is None:
        kept, tested = _split(train, train_root, test_fraction)
        train, test = train.only(kept), train.only(tested)
    in_memory = len(sizes) * size[0] * size[1] * 3 <= memory_budget
    make = _decoded if in_memory else _streamed
    dataset = ImageDataset(
        name=name,
        train=make(train, size),
        test=make(test, size),
        class_names=names,
        original_labels=tuple(range(len(names))),
    )
    _warn_of_missing_labels(dataset, classes)
    return dataset


def _subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, sorted, without hidden ones and archive leftovers."""
    return sorted(
        child
        for child in folder.iterdir()
        if child.is_dir() and not child.name.startswith((".", "__MACOSX"))
    )


def _image_files(folder: Path) -> Iterable[str]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        yield from (os.path.join(here, file) for file in sorted(files) if is_image_file(file))


def _has_image(folder: Path) -> bool:
    return next(iter(_image_files(folder)), None) is not None


def _find_splits(root: Path) -> tuple[Path, Path | None]:
    by_name = {folder.name.lower(): folder for folder in _subfolders(root)}
    tests = [by_name[one] for one in _TEST_NAMES if one in by_name]
    # A test folder without class folders holds unlabelled images.
    tests = [folder for folder in tests if _subfolders(folder)]
    if "train" in by_name:
        return by_name["train"], tests[0] if tests else None
    if len(tests) == len(by_name) == 1:
        return tests[0], None
    return root, None


def _check_same_classes(train_root: Path, test_root: Path) -> None:
    trained, tested = ({folder.name for folder in _subfolders(r)} for r in (train_root, test_root))
    if trained != tested:
        raise InputError(
            f"--data_dir: the class folders of {train_root} and {test_root} differ: "
            f"{shorten(sorted(trained ^ tested))} only in one of them"
        )


def _scan(root: Path, names: tuple[str, ...], empty_allowed: bool) -> _Files:
    label = {name: i for i, name in enumerate(names)}
    paths: list[str] = []
    classes: list[int] = []
    empty = []
    for folder in _subfolders(root):
        found = list(_image_files(folder))
        paths += found
        classes += [label[folder.name]] * len(found)
        if not found:
            empty.append(folder.name)
    # Left out silently they would shift the labels of the classes after them.
    if empty and not empty_allowed:
        raise InputError(
            f"--data_dir: no images in the class folders {shorten(empty)} of {root}; add images, "
            "remove the folders, or name all classes by --class_names"
        )
    return _Files(paths, classes)


def _in_threads(
    function: Callable[[str], T], paths: list[str]
) -> Iterable[T | UnreadableImageError]:
    def guarded(path: str) -> T | UnreadableImageError:
        try:
            return function(path)
        except UnreadableImageError as error:
            return error

    # Blocks bound what is decoded but not yet used.
    for start in range(0, len(paths), 1024):
        yield from image_threads().map(guarded, paths[start : start + 1024])


def _readable(files: _Files) -> tuple[_Files, list[tuple[int, int]]]:
    """Leave out files whose head cannot be read, and return the sizes of the others."""
    found = list(_in_threads(read_image_size, files.paths))
    kept = [i for i, one in enumerate(found) if not isinstance(one, UnreadableImageError)]
    _warn_of_unreadable(files, found)
    if not kept:
        return _Files([], []), []
    return files.only(kept), [one for one in found if not isinstance(one, UnreadableImageError)]


def _warn_of_unreadable(files: _Files, found: Iterable[object]) -> None:
    bad = [
        f"{path} ({one})"
        for path, one in zip(files.paths, found, strict=True)
        if isinstance(one, UnreadableImageError)
    ]
    if bad:
        _LOGGER.warning("%d unreadable images left out: %s", len(bad), shorten(bad, most=3))


def _split(files: _Files, root: Path, test_fraction: float) -> tuple[np.ndarray, np.ndarray]:
    # Names relative to the root, so that a moved folder is split alike.
    names = [Path(path).relative_to(root).as_posix() for path in files.paths]
    keys = [int(hashlib.sha256(name.encode()).hexdigest()[:16], 16) for name in names]
    labels = np.array(files.classes, np.int64)
    return stratified_split(labels, test_fraction, np.array(keys, np.uint64))


def _streamed(files: _Files, size: tuple[int, int]) -> ImageSplit:
    return ImageSplit(FolderImages(files.paths, size), np.array(files.classes, np.int64))


def _decoded(files: _Files, size: tuple[int, int]) -> ImageSplit:
    images = np.empty((len(files.paths), *size, 3), np.uint8)
    labels = np.array(files.classes, np.int64)
    found: list[object] = []
    good = []
    for i, image in enumerate(_in_threads(lambda path: read_image(path, size), files.paths)):
        if isinstance(image, UnreadableImageError):
            found.append(image)
        else:
            found.append(None)
            images[len(good)] = image
            good.append(i)
    _warn_of_unreadable(files, found)
    return ImageSplit(images[: len(good)], labels[good])


def _warn_of_missing_labels(dataset: ImageDataset, classes: list[str]) -> None:
    for split, kind in ((dataset.train, "training"), (dataset.test, "test")):
        without = [one for one in classes if dataset.class_names.index(one) not in split.labels]
        if without:
            _LOGGER.warning("no readable %s images of class %s", kind, shorten(without))
