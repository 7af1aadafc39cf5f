"""scikit-learn's handwritten digits: real images that need no download."""

import numpy as np

from sfp_keras.data.dataset import ImageSplit
from sfp_keras.data.source import LabelledImages, Request, Source
from sfp_keras.data.splitting import divide_split
from sfp_keras.errors import InputError


def load_digits(request: Request) -> LabelledImages:
    """Load the 1,797 digits of scikit-learn, enlarged and split once and for all.

    The 8x8 images of 17 grey levels become RGB of 0..255 and are enlarged to 32x32 or the size
    asked for. About 20% of each label's images are the test split.
    """
    if request.only_split is not None:
        raise InputError(
            f"`only_split`={request.only_split}: digits has no splits of its own; leave it out, "
            "every label is divided anyway"
        )
    from sklearn.datasets import load_digits as load_small_digits

    bunch = load_small_digits()
    grey = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    images = np.repeat(grey[..., None], 3, axis=-1)
    parts = divide_split(ImageSplit(images, bunch.target.astype(np.int64)), 0.2)
    return LabelledImages(parts, tuple(map(str, range(10))), usual_size=(32, 32))


SOURCES = (
    Source(
        "digits",
        load=load_digits,
        count_labels=lambda request: 10,
        unused=("data_dir", "test_fraction"),
        model="vgg6",
    ),
)
