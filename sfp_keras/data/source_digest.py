"""Telling the files of a data set apart without decoding them."""

import hashlib
import os
from pathlib import Path

from sfp_keras.data.class_folders import image_files
from sfp_keras.data.loading import is_imagenet_folder

_BLOCK, _BLOCKS = 4096, 16


def source_digest(name: str, data_dir: str | Path | None) -> str | None:
    """Tell data sets apart that have the same name.

    Args:
        name: `str`, as given to `load_dataset`.
        data_dir: `str` or `Path`, likewise.

    Returns:
        A digest of where the images lie in `data_dir` and of their sizes (class folders), or of
        sizes and a few blocks (files of arrays); `None` for sets whose name says what they hold.
    """
    if data_dir is None:
        return None
    root = Path(data_dir)
    if not (root.is_dir() or (name == "arrays" and root.exists())):
        return None  # Whoever loads it tells.
    digest = hashlib.sha256()
    if name == "folder" or is_imagenet_folder(name, root):
        for image in image_files(root):
            name_and_size = f"{os.path.relpath(image, root)}\0{os.path.getsize(image)}\0"
            digest.update(name_and_size.encode(errors="surrogateescape"))
    elif name == "arrays":
        for path in sorted(root.glob("*.npy")) if root.is_dir() else [root]:
            digest.update(f"{path.name if root.is_dir() else ''}\0".encode())
            _add_blocks(digest, path)
    else:
        return None
    return digest.hexdigest()[:16]


def _add_blocks(digest: "hashlib._Hash", path: Path) -> None:
    size = path.stat().st_size
    digest.update(f"{size}\0".encode())
    with open(path, "rb") as file:
        for place in range(_BLOCKS):
            file.seek(max(0, size - _BLOCK) * place // (_BLOCKS - 1))
            digest.update(file.read(_BLOCK))
