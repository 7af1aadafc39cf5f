"""ImageNet's 1,000 labels: class folders, or what tensorflow-datasets prepared."""

from pathlib import Path

from sfp_keras.data.images.split_folders import has_class_folders
from sfp_keras.data.source import LabelledImages, Request, Source
from sfp_keras.data.sources.folder import count_folder_labels, folder_digest, load_folder
from sfp_keras.data.sources.tfds import count_tfds_labels, load_tfds


def _load(request: Request) -> LabelledImages:
    return load_folder(request) if _has_folders(request.data_dir) else load_tfds(request)


def _count_labels(request: Request) -> int:
    if _has_folders(request.data_dir):
        return count_folder_labels(request)
    return count_tfds_labels(request)


def _digest(data_dir: Path) -> str | None:
    return folder_digest(data_dir) if _has_folders(data_dir) else None


def _has_folders(data_dir: Path | None) -> bool:
    # tensorflow-datasets keeps its own data in a folder of this name.
    return (
        data_dir is not None
        and not (data_dir / "imagenet2012").exists()
        and has_class_folders(data_dir)
    )


SOURCES = (
    Source(
        "imagenet2012",
        load=_load,
        count_labels=_count_labels,
        digest=_digest,
        model="efficientnetb0",
    ),
)
