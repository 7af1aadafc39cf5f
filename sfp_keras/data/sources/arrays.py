"""Images and labels that are NumPy arrays in files."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sfp_keras.data.array_files import ArrayFiles
from sfp_keras.data.dataset import ImageSplit, check_finite_pixels
from sfp_keras.data.file_digest import digest_files
from sfp_keras.data.label_order import shorten
from sfp_keras.data.source import LabelledImages, Request, Source
from sfp_keras.data.splitting import choose_split
from sfp_keras.errors import InputError

# Bytes of labels and names that fit into every memory.
_ALWAYS_HELD = 64 << 20
_FORMS = "x_train, y_train, x_test and y_test, or x and y"


def load_arrays(request: Request) -> LabelledImages:
    """Load images and labels from NumPy's files, such as `mnist.npz` of `keras.datasets`.

    `data_dir` is an `.npz` file with `x_train`, `y_train`, `x_test` and `y_test`, or with `x` and
    `y` alone, or a folder with `x_train.npy` and so on. Images are (N, H, W), (N, H, W, 1) or
    (N, H, W, 3), uint8 of 0..255, or float32, which are taken as they are. Labels are integers
    from 0 of shape (N,) or (N, 1). Optional `class_names` are K texts. Images above
    `memory_budget` are left in the files of a folder and read as needed.

    Raises:
        InputError: if a file is missing, damaged or too large, or an array does not fit; the
            message names it.
    """
    data_dir, only_split = request.folder, request.only_split
    files = _Files(data_dir)
    single = not any(name in files.names for name in ("x_train", "x_test"))
    parts = ("",) if single else ("_train", "_test")
    if only_split is not None:
        if single:
            raise InputError(
                f"`only_split`={only_split}: {data_dir} has x and y alone; leave it out, they are "
                "divided anyway"
            )
        parts = ("_" + choose_split(only_split, ("train", "test"), f"`data_dir`={data_dir}"),)
    missing = {f"{kind}{part}" for kind in "xy" for part in parts} - files.names
    if missing:
        raise InputError(
            f"`data_dir`={data_dir} has no {' and no '.join(sorted(missing))}; give {_FORMS}"
        )
    held = files.fit(request.memory_budget, [f"x{part}" for part in parts])
    images = [files.images(f"x{part}") for part in parts]
    splits = [
        files.split(array, f"x{part}", f"y{part}", held)
        for array, part in zip(images, parts, strict=True)
    ]
    if len({(split.image_shape, split.dtype) for split in splits}) > 1:
        raise InputError(
            f"`data_dir`={data_dir}: x_train and x_test differ in size or type, "
            + " and ".join(f"{split.dtype} {split.image_shape}" for split in splits)
        )
    class_names = files.class_names()
    _note_empty_labels(str(data_dir), splits, class_names)
    return LabelledImages(splits, class_names)


def count_array_labels(request: Request) -> int:
    """K of `load_arrays`, from the labels alone.

    Raises:
        InputError: if a file is missing or damaged, or the labels do not fit.
    """
    files = _Files(request.folder)
    for part in ("", "_train", "_test"):
        files.check_length(f"x{part}", f"y{part}")
    files.fit(request.memory_budget, [])
    return len(files.class_names())


def array_digest(data_dir: Path) -> str | None:
    """Digest a few blocks of each file, see `digest_files`."""
    if not (data_dir.is_file() or data_dir.is_dir()):
        return None  # Loading it says what is wrong.
    if data_dir.is_dir():
        return digest_files({path.name: path for path in data_dir.glob("*.npy") if path.is_file()})
    return digest_files({"": data_dir})


class _Files(ArrayFiles):
    """Images, labels and names of a file or a folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _FORMS)

    def images(self, name: str) -> np.ndarray:
        """Checked images (N, H, W, 3), or grey ones (N, H, W, 1)."""
        images = self.array(name)
        about = f"`data_dir`={self.path}: {name} is {images.dtype} {images.shape}"
        if images.ndim == 3:
            images = images[..., None]
        if images.ndim != 4 or images.shape[-1] not in (1, 3):
            raise InputError(f"{about}; give (N, height, width, 3) or grey (N, height, width)")
        if images.dtype not in (np.uint8, np.float32):
            raise InputError(
                f"{about}; give uint8 of 0..255, `scaling` makes what a network takes, or float32, "
                "which is taken as it is"
            )
        if not images.size:
            raise InputError(f"{about}, there is no image")
        return images

    def check_length(self, name: str, labels_name: str) -> None:
        """Refuse images and labels of different numbers, before either is read."""
        images, labels = self.length(name), self.length(labels_name)
        if images is not None and labels is not None and images != labels:
            raise InputError(
                f"`data_dir`={self.path}: {name} has {images} images, {labels_name} {labels} labels"
            )

    def fit(self, budget: int, images: Sequence[str]) -> bool:
        """Whether all arrays fit into memory, from their heads; if not, images are mapped.

        Raises:
            InputError: if they cannot be mapped, or labels and names alone do not fit.
        """
        pixels, others = self.bytes(*images), self.bytes("y_train", "y_test", "y", "class_names")
        if pixels + others <= budget:
            return True
        if others > max(budget, _ALWAYS_HELD) and (self.mapped or pixels <= budget):
            raise InputError(
                f"`data_dir`={self.path} has {others / 2**30:.1f} GiB of labels and class_names, "
                "above `memory_budget`; raise that, or store them as numbers of fewer bytes and "
                "texts of fewer characters"
            )
        if not self.mapped and pixels > budget:
            raise InputError(
                f"`data_dir`={self.path} has {pixels / 2**30:.1f} GiB of images, above "
                "`memory_budget`; raise that, or give a folder with x_train.npy and so on, which "
                "is read as needed"
            )
        return not self.mapped

    def split(self, images: np.ndarray, name: str, labels_name: str, held: bool) -> ImageSplit:
        """The images with their labels, in memory or read from the files as needed."""
        self.check_length(name, labels_name)
        labels = self.labels(labels_name)
        if held:
            images = np.array(images, order="C")
            check_finite_pixels(images, f"`data_dir`={self.path}: {name}")
        return ImageSplit(images, labels)

    def labels(self, name: str) -> np.ndarray:
        """Labels (N,) of int64."""
        labels = self.array(name)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        whole = labels.dtype.kind in "iu" and labels.ndim == 1
        if not whole or (labels.size and (labels.min() < 0 or labels.max() > 2**62)):
            raise InputError(
                f"`data_dir`={self.path}: {name} is {labels.dtype} {labels.shape}; give the label "
                "of each image, a whole number from 0"
            )
        return labels.astype(np.int64)

    def class_names(self) -> tuple[str, ...]:
        """K names: those of `class_names`, or the labels."""
        labels = [self.labels(name) for name in ("y_train", "y_test", "y") if name in self.names]
        if not labels:
            raise InputError(f"`data_dir`={self.path} has no labels; give {_FORMS}")
        count = 1 + max((int(part.max()) for part in labels if part.size), default=0)
        if count > max(2, sum(map(len, labels))):
            raise InputError(
                f"`data_dir`={self.path}: labels go up to {count - 1:,}, more than there are "
                "images; number them from 0"
            )
        if "class_names" not in self.names:
            return tuple(map(str, range(count)))
        names = self.array("class_names")
        if names.dtype.kind != "U" or names.ndim != 1 or len(names) < count:
            raise InputError(
                f"`data_dir`={self.path}: class_names is {names.dtype} {names.shape}; give "
                f"{count} texts"
            )
        return tuple(map(str, names))


def _note_empty_labels(
    source: str, splits: Sequence[ImageSplit], class_names: Sequence[str]
) -> None:
    counts = np.bincount(
        np.concatenate([split.labels for split in splits]), minlength=len(class_names)
    )
    empty = [class_names[label] for label in np.flatnonzero(counts == 0).tolist()]
    if empty:
        logging.getLogger(__name__).warning(
            "%s: %d of %d labels have no images: %s; labels are numbered from 0",
            source,
            len(empty),
            len(class_names),
            shorten(empty),
        )


SOURCES = (
    Source(
        "arrays",
        load=load_arrays,
        count_labels=count_array_labels,
        digest=array_digest,
        needs="an .npz file or a folder of .npy files",
    ),
)
