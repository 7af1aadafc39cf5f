"""scikit-learn's handwritten digits: real images that need no download."""

import numpy as np

from sfp_keras.data.dataset import ImageDataset, ImageSplit
from sfp_keras.data.resizing import resize_dataset
from sfp_keras.data.splitting import stratified_split


def load_digits(
    size: tuple[int, int] = (32, 32), memory_budget: int = 2 << 30, resize: str = "stretch"
) -> ImageDataset:
    """Load the 1,797 digits of scikit-learn, enlarged and split once and for all.

    The 8x8 images of 17 grey levels become RGB of 0..255 and are enlarged with bicubic
    interpolation. About 20% of each label's images are the test split.

    Args:
        size: `(height, width)`. Default (32, 32).
        memory_budget: `int`, bytes. Larger images are enlarged when they are read. Default 2 GiB.
        resize: `"stretch"` or `"crop"`, see `resize_image`. Default `"stretch"`.

    Returns:
        An `ImageDataset` of 10 labels.
    """
    from sklearn.datasets import load_digits as load_small_digits

    bunch = load_small_digits()
    grey = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    images = np.repeat(grey[..., None], 3, axis=-1)
    labels = bunch.target.astype(np.int64)
    train, test = stratified_split(labels, 0.2)
    small = ImageDataset(
        name="digits",
        train=ImageSplit(images[train], labels[train]),
        test=ImageSplit(images[test], labels[test]),
        class_names=tuple(str(digit) for digit in range(10)),
        original_labels=tuple(range(10)),
    )
    return resize_dataset(small, size, memory_budget, resize)
