"""IDX files, in which MNIST, Fashion-MNIST, KMNIST and EMNIST are published.

Format: http://yann.lecun.com/exdb/mnist (two zero bytes, the type, the number of axes, the length
of each axis as a big-endian 32-bit number, then the numbers).
"""

import contextlib
import gzip
import io
import math
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sfp_keras.data.dataset import ImageSplit
from sfp_keras.data.file_digest import digest_files
from sfp_keras.data.label_order import shorten
from sfp_keras.data.source import LabelledImages, Request, Source
from sfp_keras.data.splitting import choose_split
from sfp_keras.errors import InputError, first_line
from sfp_keras.text import read_lines

_FILE = re.compile(
    r"(?P<prefix>.*)(?P<split>train|t10k|test)-(?P<kind>images|labels)[-.]idx[13]-ubyte(\.gz)?"
)
_NAMES = "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and so on"
_SPLITS = ("train", "test")
# Of a list of labels and characters; EMNIST's have less than one KiB.
_MOST_BYTES = 1 << 20
# The files of a set by split ("train", "test") and kind ("images", "labels").
Files = dict[tuple[str, str], Path]


def load_idx(request: Request) -> LabelledImages:
    """Load grey images and labels from IDX files, packed with gzip or not.

    `data_dir` is the folder of a set under its publisher's file names, such as
    `train-images-idx3-ubyte.gz`; where the names of several sets in one folder begin differently,
    it is that beginning, such as `<folder>/emnist-balanced`. EMNIST's images, which are stored
    column by column, are turned upright. Labels are numbered from 0 in ascending order of those
    in the files. Their names are the characters of EMNIST's `-mapping.txt` where it lies beside,
    else the numbers. Images above `memory_budget` are read from unpacked files as needed.

    Raises:
        InputError: if a file is missing, damaged, of another format or too large, or numbers of
            images and labels differ; the message names it.
    """
    prefix, files = _find_set(request.folder)
    wanted: tuple[str, ...] = _SPLITS
    if request.only_split is not None:
        wanted = (choose_split(request.only_split, _SPLITS, f"`data_dir`={request.folder}"),)
    for split in wanted:
        for kind in ("images", "labels"):
            if (split, kind) not in files:
                raise InputError(
                    f"`data_dir`={request.folder} has no {split} {kind}; give {_NAMES}"
                )
    for split in wanted:
        _check_length(files[split, "images"], files[split, "labels"])
    shapes = [_shape(files[split, "images"], 3) for split in wanted]
    # A label takes eight bytes, whatever the file has.
    held = sum(math.prod(shape) + 8 * shape[0] for shape in shapes) <= request.memory_budget
    values, names = _labels_of(request.folder, prefix, files)
    splits = []
    for split in wanted:
        images = _read(files[split, "images"], 3, request.memory_budget, held)
        labels = _read(files[split, "labels"], 1, request.memory_budget)
        if prefix.startswith("emnist"):
            images = images.swapaxes(1, 2)
            images = np.ascontiguousarray(images) if held else images
        splits.append(ImageSplit(images[..., None], np.searchsorted(values, labels)))
    if len({split.image_shape for split in splits}) > 1:
        raise InputError(f"`data_dir`={request.folder}: training and test images differ in size")
    return LabelledImages(splits, names)


def count_idx_labels(request: Request) -> int:
    """K of `load_idx`, from the mapping and the labels alone."""
    return len(_labels_of(request.folder, *_find_set(request.folder))[1])


def idx_digest(data_dir: Path) -> str | None:
    """Digest a few blocks of each file, see `digest_files`."""
    try:
        _, files = _find_set(data_dir)
    except InputError:
        return None  # Loading it says what is wrong.
    return digest_files({path.name: path for path in files.values()})


def _find_set(data_dir: Path) -> tuple[str, Files]:
    """The beginning of the names of a set's files, and the files."""
    folder, wanted = (data_dir, None) if data_dir.is_dir() else (data_dir.parent, data_dir.name)
    found: dict[str, Files] = {}
    # Packed files first, so that unpacked ones beside them take their place.
    for path in sorted(folder.iterdir() if folder.is_dir() else [], reverse=True):
        match = _FILE.fullmatch(path.name)
        if (
            match
            and path.is_file()
            and wanted in (None, match["prefix"], match["prefix"].rstrip("-_"))
        ):
            split = "train" if match["split"] == "train" else "test"
            found.setdefault(match["prefix"], {})[split, match["kind"]] = path
    if not found:
        raise InputError(f"`data_dir`={data_dir} does not exist or has no IDX files; give {_NAMES}")
    if len(found) > 1:
        names = [str(folder / prefix.rstrip("-_")) for prefix in sorted(found)]
        raise InputError(f"`data_dir`={data_dir} holds several sets; give one: {shorten(names)}")
    return next(iter(found.items()))


def _labels_of(data_dir: Path, prefix: str, files: Files) -> tuple[np.ndarray, tuple[str, ...]]:
    """The labels as the files have them, ascending, and their names."""
    paths = [files[split, "labels"] for split in _SPLITS if (split, "labels") in files]
    if not paths:
        raise InputError(f"`data_dir`={data_dir} has no labels; give {_NAMES}")
    for split in _SPLITS:
        if {(split, "images"), (split, "labels")} <= files.keys():
            _check_length(files[split, "images"], files[split, "labels"])
    values = np.unique(np.concatenate([_read(path, 1) for path in paths]))
    mapping = paths[0].with_name(f"{prefix}mapping.txt")
    if not mapping.is_file() or mapping.stat().st_size > _MOST_BYTES:
        return values, tuple(map(str, values.tolist()))
    try:
        # The label, then the codes of its characters: several where upper and lower case are one.
        lines = read_lines(mapping)
        rows = sorted([int(number) for number in line.split()] for line in lines if line.strip())
        names = {label: "".join(map(chr, codes)) or str(label) for label, *codes in rows}
        "".join(names.values()).encode()
    except (ValueError, OverflowError):
        raise InputError(f"`data_dir`: {mapping} is no list of labels and characters") from None
    unnamed = set(values.tolist()) - names.keys()
    if unnamed:
        raise InputError(f"`data_dir`: {mapping} lacks the labels {shorten(sorted(unnamed))}")
    return np.array(list(names)), tuple(names.values())


def _check_length(images: Path, labels: Path) -> None:
    """Refuse images and labels of different numbers, before either is read."""
    counts = _shape(images, 3)[0], _shape(labels, 1)[0]
    if counts[0] != counts[1]:
        raise InputError(
            f"`data_dir`: {images} has {counts[0]} images, {labels.name} {counts[1]} labels"
        )


def _read(path: Path, axes: int, budget: int = 2 << 30, held: bool = True) -> np.ndarray:
    """Read a file of uint8, into memory or, where it is not to be held, mapped."""
    shape = _shape(path, axes)
    head, count = 4 + 4 * axes, math.prod(shape)
    if path.suffix != ".gz":
        if path.stat().st_size != head + count:
            raise InputError(
                f"`data_dir`: {path} has {path.stat().st_size:,} bytes, {head + count:,} are "
                "needed for what its head says; get it again"
            )
        if not held:
            return np.memmap(path, np.uint8, "r", head, shape)
    elif not held or count > budget:
        raise InputError(
            f"`data_dir`: {path} unpacks to {count / 2**30:.1f} GiB, and all images are above "
            "`memory_budget`; raise that, or unpack the files, which are then read as needed"
        )
    array = np.empty(count, np.uint8)
    with _opened(path) as file:
        file.read(head)
        done = 0
        while done < count and (more := file.readinto(array[done:].data)):
            done += more
        if done < count or file.read(1):
            raise InputError(
                f"`data_dir`: {path} has {'less' if done < count else 'more'} than its head says, "
                f"{count:,} bytes; get it again"
            )
    return array.reshape(shape)


def _shape(path: Path, axes: int) -> tuple[int, ...]:
    """The lengths of the axes, from the head of a file."""
    with _opened(path) as file:
        head = file.read(4 + 4 * axes)
    # 8 stands for unsigned bytes.
    if len(head) < 4 + 4 * axes or head[:4] != bytes((0, 0, 8, axes)):
        raise InputError(
            f"`data_dir`: {path} is no IDX file of bytes with {axes} axes, it begins with "
            f"{head[:4].hex(' ') or 'nothing'}; get it again"
        )
    shape = struct.unpack(f">{axes}I", head[4:])
    if not all(shape):
        raise InputError(f"`data_dir`: {path} is empty, {shape}")
    return shape


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[gzip.GzipFile | io.BufferedReader]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(
            f"`data_dir`: {path} is cut short or damaged ({first_line(error)}); get it again"
        ) from None


SOURCES = (
    Source(
        "idx",
        load=load_idx,
        count_labels=count_idx_labels,
        digest=idx_digest,
        needs="the folder of train-images-idx3-ubyte and the other IDX files",
        unused=("test_fraction",),
    ),
)
