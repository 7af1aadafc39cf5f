"""Which folders hold the training and the test images."""

import itertools
from pathlib import Path

from sfp_keras.data.images.class_folders import class_folders, image_files
from sfp_keras.data.label_order import shorten
from sfp_keras.data.splitting import SPLIT_NAMES, choose_split, split_kind
from sfp_keras.errors import InputError


def has_class_folders(data_dir: str | Path) -> bool:
    """Whether `data_dir` holds class folders, or folders of splits with them."""
    root = Path(data_dir)
    if not root.is_dir():
        return False
    folders = []
    for folder in class_folders(root):
        folders += class_folders(folder) if split_kind(folder.name) else [folder]
    return any(next(image_files(folder), None) is not None for folder in folders)


def find_splits(root: Path) -> tuple[Path, Path | None]:
    """Find the training and the test tree in a folder.

    A folder holds a split if it has class folders and one of the usual names (`split_kind`),
    such as `train`, `valid` or `testing`. Names with more to them, such as `seg_train`, are those
    of splits where a training and another split have the same class folders. Of several test
    trees `test` comes before `val`, and both before longer names.

    Args:
        root: `Path` that holds split folders, or one of test images alone, or class folders.

    Returns:
        The folder whose subfolders are classes, and that of the test images; None where the
        first is to be split.

    Raises:
        InputError: if there are several of test images and none of training images, or several
            of one kind between which the names do not decide.
    """
    folders = _split_folders(root)
    trains = [folder for folder in folders if split_kind(folder.name) == "train"]
    train = _first(root, trains) if trains else None
    others = [folder for folder in folders if split_kind(folder.name) != "train"]
    if train is not None:
        test = _first(root, others) if others else None
        return _unwrapped(train), None if test is None else _unwrapped(test)
    if not others or any(split_kind(folder.name) is None for folder in class_folders(root)):
        return root, None
    if len(others) > 1:
        there = " and ".join(folder.name for folder in others)
        raise InputError(
            f"`data_dir`={root} holds {there} but no train; choose one by "
            f"`only_split`={others[0].name}, which is then divided"
        )
    return _unwrapped(others[0]), None


def find_training(root: Path) -> Path:
    """Find the training tree in a folder whose test images lie elsewhere.

    Args:
        root: `Path` that holds folders of splits, see `find_splits`, or class folders.

    Returns:
        The folder whose subfolders are classes.

    Raises:
        InputError: if several may be it.
    """
    folders = [folder for folder in _split_folders(root) if split_kind(folder.name) == "train"]
    if not folders:
        return root
    return _unwrapped(_first(root, folders, f"give one of them, such as {folders[0]}"))


def find_split(root: Path, only_split: str) -> Path:
    """Find the one tree that is to be used.

    Args:
        root: `Path` that holds folders of splits, see `find_splits`.
        only_split: `str`. The name of one; or of any folder that holds class folders.

    Returns:
        The folder whose subfolders are classes.

    Raises:
        InputError: if it is not there.
    """
    folders = {folder.name: folder for folder in class_folders(root)}
    there = [name for name in folders if split_kind(name) is not None]
    if only_split not in folders or not (only_split in there or class_folders(folders[only_split])):
        only_split = choose_split(only_split, there, f"`data_dir`={root}")
    return _unwrapped(folders[only_split])


def _split_folders(root: Path) -> list[Path]:
    """The folders of splits, those of the best known names first, test before validation."""
    found = {}
    for folder in class_folders(root):
        if split_kind(folder.name) is None:
            continue
        classes = {inside.name for inside in class_folders(_unwrapped(folder))}
        # With images alone it is a class, or a test folder of unlabelled images.
        empty = folder.name.lower() == "train" and next(image_files(folder), None) is None
        if classes or empty:
            found[folder] = classes
    plain = [folder for folder in found if folder.name.lower() in SPLIT_NAMES]
    longer = [
        folder
        for folder in found
        if folder not in plain
        and any(
            2 * len(found[folder] & classes) >= len(classes)
            and "train" in {split_kind(folder.name), split_kind(other.name)}
            and split_kind(folder.name) != split_kind(other.name)
            for other, classes in found.items()
        )
    ]
    return sorted([*plain, *longer], key=_rank)


def _rank(folder: Path) -> tuple[bool, int]:
    name = folder.name.lower()
    if name in SPLIT_NAMES:
        return False, SPLIT_NAMES.index(name)
    return True, ("train", "test", "validation").index(split_kind(name) or "train")


def _first(
    root: Path,
    folders: list[Path],
    mend: str = "leave one there, or name the one to use, and to divide, by `only_split`",
) -> Path:
    equal = [folder.name for folder in folders if _rank(folder) == _rank(folders[0])]
    if len(equal) > 1:
        raise InputError(
            f"`data_dir`={root} holds {' and '.join(equal)}, and either may be the "
            f"{split_kind(equal[0])} split; {mend}"
        )
    return folders[0]


def _unwrapped(tree: Path) -> Path:
    """Archives often hold `seg_train/seg_train/<class>`."""
    kind, inside = split_kind(tree.name), class_folders(tree)
    while kind is not None and len(inside) == 1 and split_kind(inside[0].name) == kind:
        deeper = class_folders(inside[0])
        if not deeper:
            break
        tree, inside = inside[0], deeper
    return tree


def check_classes(tree: Path, count: int, nested: dict[str, set[str]]) -> None:
    """Raise an `InputError` if what is taken for class folders looks like splits of them.

    Args:
        tree: `Path` whose folders are taken for classes.
        count: `int`. How many these are.
        nested: dict from each that has its images in folders alone to the names of these.
    """
    names = sorted(nested)
    if count == 1 and names and len(nested[names[0]]) > 1:
        raise InputError(
            f"`data_dir`: {tree} has the one class folder {names[0]}, and that has folders of "
            f"images inside ({shorten(sorted(nested[names[0]]))}); give {tree / names[0]} where "
            "these are the classes"
        )
    # The neighbour and the first: linear in the number of classes, and splits are few.
    for other, name in {*itertools.pairwise(names), *((names[0], n) for n in names[1:])}:
        same = sorted(nested[name] & nested[other])
        if len(same) > 1 and 2 * len(same) >= len(nested[name] | nested[other]):
            raise InputError(
                f"`data_dir`: {tree} has {other} and {name} with the same folders inside "
                f"({shorten(same)}), as splits have and classes have not; call them train and "
                f"test, or use one by `only_split`={other}; where they are classes, name all by "
                "`class_names`"
            )
