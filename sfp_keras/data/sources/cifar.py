"""CIFAR-10 and CIFAR-100 as their publisher distributes them for Python."""

import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sfp_keras.data.dataset import ImageSplit
from sfp_keras.data.label_order import superclass_of_label
from sfp_keras.data.pickles import load_plain_pickle
from sfp_keras.data.source import LabelledImages, Request, Source
from sfp_keras.data.sources.tfds import load_tfds
from sfp_keras.data.splitting import choose_split
from sfp_keras.errors import InputError, first_line
from sfp_keras.files import meant


@dataclass(frozen=True)
class _Layout:
    """The files of one set and the entries in them."""

    folder: str
    train: tuple[str, ...]
    test: str
    meta: str
    label_key: str
    names_key: str
    num_labels: int
    coarse_key: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        return (*self.train, self.test, self.meta)


_LAYOUTS = {
    "cifar10": _Layout(
        folder="cifar-10-batches-py",
        train=tuple(f"data_batch_{i}" for i in range(1, 6)),
        test="test_batch",
        meta="batches.meta",
        label_key="labels",
        names_key="label_names",
        num_labels=10,
    ),
    "cifar100": _Layout(
        folder="cifar-100-python",
        train=("train",),
        test="test",
        meta="meta",
        label_key="fine_labels",
        names_key="fine_label_names",
        num_labels=100,
        coarse_key="coarse_labels",
    ),
}
# Pixels, labels, and labels of superclasses.
_Batch = tuple[np.ndarray, np.ndarray, np.ndarray]
# Of one file or an unpacked archive; the largest of the publisher's has 0.18 GiB.
_MOST_BYTES = 1 << 30
_ARCHIVES = {"cifar10": "cifar-10-python.tar.gz", "cifar100": "cifar-100-python.tar.gz"}


def find_cifar(name: str, data_dir: str | Path) -> Path | None:
    """Look for the publisher's files of a CIFAR set.

    Args:
        name: `"cifar10"` or `"cifar100"`.
        data_dir: `str` or `Path`. The folder of the pickles, the folder that holds this folder
            or the publisher's `.tar.gz`, or the `.tar.gz` itself.

    Returns:
        The folder of the pickles or the archive; None where `data_dir` has neither.

    Raises:
        InputError: if `data_dir` does not exist, is empty, holds only part of the files, or
            holds the other CIFAR set instead.
    """
    layout, data_dir = _LAYOUTS[name], Path(data_dir)
    if data_dir.is_file():
        if tarfile.is_tarfile(data_dir):
            return data_dir
        raise InputError(f"`data_dir`={data_dir} is neither a folder nor {_ARCHIVES[name]}")
    if not data_dir.is_dir():
        raise InputError(f"`data_dir`={data_dir} does not exist{meant(data_dir)}")
    for folder in (data_dir / layout.folder, data_dir):
        missing = [file for file in layout.files if not (folder / file).is_file()]
        if not missing:
            return folder
        if len(missing) < len(layout.files) or (folder.name == layout.folder and folder.is_dir()):
            raise InputError(
                f"`data_dir`: {folder} is not complete, {', '.join(missing)} missing; unpack "
                f"{_ARCHIVES[name]} again"
            )
    for place in ("", "downloads", "manual", "downloads/manual"):
        if (data_dir / place / _ARCHIVES[name]).is_file():
            return data_dir / place / _ARCHIVES[name]
    if not any(data_dir.iterdir()):
        raise InputError(
            f"`data_dir`={data_dir} is empty; put {layout.folder}/ or {_ARCHIVES[name]} there"
        )
    for other, there in _LAYOUTS.items():
        folders = (data_dir, data_dir / there.folder)
        if other != name and any((folder / there.test).is_file() for folder in folders):
            raise InputError(f"`data_dir`={data_dir} holds {other}, not {name}; use `name`={other}")
    return None


def load_cifar(request: Request) -> LabelledImages:
    """Load a CIFAR set from the publisher's pickles, else from tensorflow-datasets.

    Nothing the pickles name is called except what rebuilds NumPy arrays. CIFAR-100 has its 20
    superclasses with it.

    Raises:
        InputError: if a file is missing, cut short, unsafe or of another format.
    """
    source = find_cifar(request.name, request.data_dir) if request.data_dir else None
    if source is None:
        return load_tfds(request, "coarse_label" if request.name == "cifar100" else None)
    layout = _LAYOUTS[request.name]
    wanted: tuple[str, ...] = ("train", "test")
    if request.only_split is not None:
        wanted = (choose_split(request.only_split, wanted, f"`name`={request.name}"),)
    if source.is_dir():
        entries = {file: _read_file(source / file) for file in layout.files}
    else:
        entries = _read_archive(source, layout)
    names = _entry(entries[layout.meta], layout.names_key, source / layout.meta)
    names = _texts(names)
    if len(names) != layout.num_labels:
        raise InputError(f"{source / layout.meta} is of another format: no list of class names")
    files = {"train": layout.train, "test": (layout.test,)}
    batches = {
        split: [_batch(entries[file], layout, source / file) for file in files[split]]
        for split in files
    }
    parts = {split: _joined(some) for split, some in batches.items()}
    _, labels, coarse = parts["train"]
    return LabelledImages(
        [ImageSplit(*parts[split][:2]) for split in wanted],
        names,
        superclass_of_label(labels, coarse, layout.num_labels) if layout.coarse_key else None,
    )


def _read_file(path: Path) -> Any:
    _check_size(path.stat().st_size, path)
    try:
        with path.open("rb") as file:
            return load_plain_pickle(file, str(path))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from None


def _check_size(size: int, path: Path) -> None:
    if size > _MOST_BYTES:
        raise InputError(f"{path} is of another format: {size / 2**30:.1f} GiB are no CIFAR set")


def _read_archive(source: Path, layout: _Layout) -> dict[str, Any]:
    wanted = {f"{layout.folder}/{file}": file for file in layout.files}
    entries: dict[str, Any] = {}
    try:
        # One pass from front to back: a compressed archive cannot be entered in the middle.
        with tarfile.open(source) as archive:
            for member in archive:
                # A link may lead anywhere; an archive that unpacks without end is none of ours.
                file = archive.extractfile(member) if member.isreg() else None
                _check_size(member.offset_data + member.size, source)
                if member.name in wanted and file is not None:
                    entries[wanted[member.name]] = load_plain_pickle(
                        file, f"{source}/{member.name}"
                    )
    except (InputError, PermissionError):
        raise
    except Exception as error:  # a broken archive raises almost anything
        raise InputError(
            f"{source} is cut short or damaged ({first_line(error)}); get it again"
        ) from None
    missing = [file for file in layout.files if file not in entries]
    if missing:
        raise InputError(
            f"{source} does not hold {', '.join(missing)} as files under {layout.folder}/; "
            "get the publisher's archive for Python"
        )
    return entries


def _entry(entries: Any, key: str, path: Path) -> Any:
    if isinstance(entries, dict):
        for spelling in (key.encode(), key):
            if spelling in entries:
                return entries[spelling]
    raise InputError(f"{path} is of another format: it has no {key!r}")


def _texts(entry: Any) -> tuple[str, ...]:
    """A list or array of texts; none where it is something else."""
    texts = entry.tolist() if isinstance(entry, np.ndarray) and entry.ndim == 1 else entry
    if not isinstance(texts, list | tuple) or not all(isinstance(n, str | bytes) for n in texts):
        return ()
    return tuple(_decoded(name) if isinstance(name, bytes) else str(name) for name in texts)


def _decoded(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin1")


def _whole_numbers(entry: Any) -> np.ndarray:
    """A list or array of whole numbers as int64; none where it is something else."""
    if isinstance(entry, list | tuple):
        # Lists that hold one another would make an array without end.
        good = all(isinstance(value, int | np.integer) for value in entry)
        entry = np.array(entry) if good and entry else None
    whole = isinstance(entry, np.ndarray) and entry.dtype.kind in "iu" and entry.ndim == 1
    return entry.astype(np.int64) if whole else np.empty(0, np.int64)


def _joined(batches: Sequence[_Batch]) -> _Batch:
    """Batches one after another; pixels are copied once, into the order that networks take."""
    images = np.empty((sum(len(labels) for _, labels, _ in batches), 32, 32, 3), np.uint8)
    first = 0
    for pixels, of_images, _ in batches:
        # A channel at once is copied twice as fast as a pixel at once.
        for channel in range(3):
            images[first : first + len(of_images), ..., channel] = pixels[..., channel]
        first += len(of_images)
    labels, coarse = (np.concatenate([batch[place] for batch in batches]) for place in (1, 2))
    return images, labels, coarse


def _batch(entries: Any, layout: _Layout, path: Path) -> _Batch:
    data = _entry(entries, "data", path)
    if (
        not isinstance(data, np.ndarray)
        or data.dtype != np.uint8
        or data.ndim != 2
        or data.shape[1] != 3 * 32 * 32
    ):
        raise InputError(f"{path} is of another format: 'data' is not (N, 3072) of uint8")
    images = data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)

    def integers(key: str, valid: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        entry = _entry(entries, key, path)
        values = _whole_numbers(entry)
        if values.shape != (len(images),) or not valid(values).all():
            raise InputError(f"{path} is of another format: {key!r} does not fit its images")
        return values

    labels = integers(layout.label_key, lambda y: (y >= 0) & (y < layout.num_labels))
    coarse = integers(layout.coarse_key, lambda y: y >= 0) if layout.coarse_key else labels
    return images, labels, coarse


SOURCES = tuple(
    Source(
        name,
        load=load_cifar,
        count_labels=lambda request: _LAYOUTS[request.name].num_labels,
        check=lambda request: request.data_dir and find_cifar(request.name, request.data_dir),
        unused=("test_fraction",),
        model="vgg16",
    )
    for name in _LAYOUTS
)
