"""Image-classification sets of tensorflow-datasets."""

import hashlib
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from sfp_keras.data.dataset import ImageSplit
from sfp_keras.data.images.cache import Arrays, cached_images, default_cache_dir
from sfp_keras.data.images.channels import to_channels
from sfp_keras.data.images.resizing import resize_image
from sfp_keras.data.images.threads import image_threads
from sfp_keras.data.label_order import superclass_of_label
from sfp_keras.data.source import LabelledImages, Request, Source
from sfp_keras.data.splitting import choose_split
from sfp_keras.data.tfds_builders import check_tfds_name, image_and_label, open_builder
from sfp_keras.errors import InputError, first_line

_TEST_NAMES = ("test", "validation")
# Images decoded in threads at once.
_BLOCK = 256


def load_tfds(request: Request, superclass_key: str | None = None) -> LabelledImages:
    """Load an image-classification set of tensorflow-datasets.

    The test images are those of the split `test`, or `validation` where there is no labelled
    `test`; where there is neither, every label of the one split is split by `test_fraction`.
    An alpha channel is dropped, 16 bits become 8. Images are in the order in which they are
    stored.

    Images that fit into `memory_budget` are decoded into memory, otherwise once into a
    memory-mapped file in `cache_dir` (its size is logged) that later calls use again.

    Args:
        request: `Request`. Its name is such as `"mnist"` or `"name/config:1.0.0"`.
        superclass_key: `str`, a second label of each image that is its superclass.

    Raises:
        InputError: if the name or split is unknown, there is no network, the set has no single
            image and integer label, or sizes differ and none is asked for.
    """
    name, size = request.name, request.size
    builder = open_builder(name, request.data_dir)
    keys = list(image_and_label(builder, name))
    feature = builder.info.features[keys[1]]
    names = tuple(feature.names or map(str, range(feature.num_classes)))
    if superclass_key in builder.info.features:
        keys.append(str(superclass_key))
    if request.only_split is None:
        splits = _choose_splits(builder, name, keys)
    else:
        splits = [choose_split(request.only_split, list(builder.info.splits), f"`name`={name}")]
    counts = [builder.info.splits[split].num_examples for split in splits]
    how = None if size is None else request.resize
    if size is None:
        size = next(_examples(builder, splits[0], keys))[keys[0]].shape[:2]
    channels = request.channels or (1 if builder.info.features[keys[0]].shape[-1] == 1 else 3)
    in_memory = sum(counts) * size[0] * size[1] * channels <= request.memory_budget
    parts, coarse = [], []
    for split, count in zip(splits, counts, strict=True):
        shape = (count, *size, channels)
        fill = partial(_fill, builder, split, keys, how)
        if in_memory:
            images = np.empty(shape, np.uint8)
            arrays = fill(images, {}, lambda arrays: None)
        else:
            identity = [*builder.info.full_name.split("/"), split, f"{size[0]}x{size[1]}"]
            identity += ["crop"] if how == "crop" else []
            identity += ["grey"] if channels == 1 else []
            identity.append(_prepared_digest(builder))
            folder = request.cache_dir or default_cache_dir()
            images, arrays = cached_images(folder, "-".join(identity), shape, fill)
        labels = arrays["labels"]
        if labels.min(initial=0) < 0:
            raise InputError(f"`name`={name} has images without a label in its split {split}")
        parts.append(ImageSplit(images, labels))
        coarse.append(arrays.get("superclasses"))
    superclasses = None
    if coarse[0] is not None:
        superclasses = superclass_of_label(parts[0].labels, coarse[0], len(names))
    return LabelledImages(parts, names, superclasses, as_asked=True)


def count_tfds_labels(request: Request) -> int:
    """K of what tensorflow-datasets has prepared, or prepares now."""
    builder = open_builder(request.name, request.data_dir)
    return int(builder.info.features[image_and_label(builder, request.name)[1]].num_classes)


def _prepared_digest(builder: Any) -> str:
    """Tells this prepared set from others of its name and version: elsewhere, or made anew."""
    digest = hashlib.sha256()
    for file in sorted(builder.data_path.iterdir(), key=lambda path: path.name):
        there = file.stat()
        digest.update(f"{file.name}\0{there.length}\0{there.mtime}\0".encode())
    return digest.hexdigest()[:8]


def _choose_splits(builder: Any, name: str, keys: list[str]) -> list[str]:
    there = builder.info.splits
    tests = [s for s in _TEST_NAMES if s in there and _labelled(builder, s, keys)]
    if "train" in there:
        return ["train", *tests[:1]]
    if len(there) == 1 and _labelled(builder, next(iter(there)), keys):
        return [next(iter(there))]
    raise InputError(
        f"`name`={name} has no split called train; it has {', '.join(there) or 'none'}; "
        "name the one to use, and to divide, by `only_split`"
    )


def _labelled(builder: Any, split: str, keys: list[str]) -> bool:
    """Whether a split has labels: withheld ones are stored as -1."""
    example = next(iter(_examples(builder, split, keys)), None)
    return example is not None and int(example[keys[1]]) >= 0


def _examples(
    builder: Any, split: str, keys: list[str], first: int = 0
) -> Iterator[dict[str, Any]]:
    import tensorflow_datasets as tfds

    try:
        dataset = builder.as_dataset(
            split=f"{split}[{first}:]" if first else split,
            shuffle_files=False,
            decoders=tfds.decode.PartialDecoding(dict.fromkeys(keys, True)),
            # One file after the other: the stored order, with any number of cores.
            read_config=tfds.ReadConfig(interleave_cycle_length=1),
        )
        yield from tfds.as_numpy(dataset)
    except Exception as error:  # a damaged record may raise anything
        raise InputError(
            f"{builder.data_path} cannot be read ({first_line(error)}); delete it and prepare it "
            "again"
        ) from None


def _fill(
    builder: Any,
    split: str,
    keys: list[str],
    how: str | None,
    images: np.ndarray,
    there: Arrays,
    so_far: Callable[[Arrays], None],
) -> Arrays:
    """Decode a split into `images` and return its labels, see `cached_images`."""
    size = images.shape[1:3]
    names = ("labels", "superclasses")[: len(keys) - 1]
    labels = np.empty((len(names), len(images)), np.int64)
    position = len(there.get("labels", ()))
    for row, name in zip(labels, names, strict=True):
        row[:position] = there.get(name, ())
    examples = _examples(builder, split, keys, position)
    while batch := list(itertools.islice(examples, _BLOCK)):
        decoded = [_pixels(example[keys[0]], builder.name, images.shape[3]) for example in batch]
        if how is not None:
            decoded = list(
                image_threads().map(partial(resize_image, size=size, resize=how), decoded)
            )
        odd = next((image.shape for image in decoded if image.shape[:2] != size), None)
        if odd is not None:
            raise InputError(
                f"`image_size` is needed: the images of {builder.name} differ in size, such as "
                f"{size[0]}x{size[1]} and {odd[0]}x{odd[1]}"
            )
        part = slice(position, position + len(batch))
        images[part] = decoded
        labels[:, part] = [[example[key] for example in batch] for key in keys[1:]]
        position = part.stop
        so_far(dict(zip(names, labels[:, :position], strict=True)))
    if position != len(images):
        raise InputError(f"{builder.data_path} is not complete; delete it and prepare it again")
    return dict(zip(names, labels, strict=True))


def _pixels(image: np.ndarray, name: str, channels: int) -> np.ndarray:
    if image.dtype == np.uint16:
        image = np.rint(image / 257).astype(np.uint8)
    if image.dtype != np.uint8 or image.shape[-1] not in (1, 3, 4):
        raise InputError(
            f"`name`={name} has images of {image.dtype} with {image.shape[-1]} channels; "
            "only those of 8 or 16 bits, grey or RGB, can be used"
        )
    return to_channels(image[..., :3], channels)


SOURCES = (
    Source(
        "*",
        load=load_tfds,
        count_labels=count_tfds_labels,
        check=lambda request: check_tfds_name(request.name, request.data_dir),
    ),
)
