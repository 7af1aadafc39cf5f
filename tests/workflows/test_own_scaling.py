"""Whether a user's network and the scaling of its images go together."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from sfp_keras.data import ImageDataset, ImageSplit, parse_scaling
from sfp_keras.workflows.inputs.own_scaling import scaling_note

PIXELS = [layers.Normalization, {"mean": [125.0] * 3, "variance": [3600.0] * 3}]
UNIT = [layers.Normalization, {"mean": [0.5] * 3, "variance": [0.0625] * 3}]
TO_UNIT = [layers.Rescaling, {"scale": 1 / 255}]
TWICE = [layers.Rescaling, {"scale": 2.0, "offset": -1.0}]


def dataset(dtype: type = np.uint8) -> ImageDataset:
    split = ImageSplit(np.zeros((2, 4, 4, 3), dtype), np.array([0, 1]))
    return ImageDataset("tiny", split, split, ("a", "b"), (0, 1))


class Halved(layers.Layer):
    """A layer of the user's own, which may do anything."""

    def call(self, inputs: Any) -> Any:
        return inputs / 2


def network(*first: list, nested: bool = False) -> keras.Model:
    image = x = keras.Input((4, 4, 3))
    made = [kind(name=f"first{i}", **how) for i, (kind, how) in enumerate(first)]
    if nested:
        made = [keras.Sequential([keras.Input((4, 4, 3)), *made], name="before")]
    for layer in (layers.RandomFlip(), *made):
        x = layer(x)
    x = layers.Conv2D(2, 3, name="conv")(x)
    x = layers.Rescaling(1e-9)(x)  # Of activations, which is the network's own affair.
    return keras.Model(image, layers.Dense(2)(layers.Flatten()(x)))


TOGETHER = [
    ([TO_UNIT], "0..1", "0..255"),
    ([TO_UNIT], "-1..1", "0..255"),
    ([PIXELS], "0..1", "0..255"),
    ([TO_UNIT, UNIT], "0.5/0.2", "0..255"),
    ([TWICE], "0..255", "0..1"),
    ([UNIT], "0..255", "0..1"),
    ([TO_UNIT], "0..255", None),
    ([TO_UNIT, UNIT], "none", None),
    ([PIXELS], "0..255", None),
    ([TWICE], "0..1", None),
    ([], "0..255", None),
    ([], "0..1", None),
]


@pytest.mark.parametrize(
    ("first", "scaling", "mend", "nested"),
    # Without layers there is nothing to nest.
    [(*case, nested) for case in TOGETHER for nested in (False, True) if case[0] or not nested],
)
def test_what_does_not_go_together_is_said(
    first: list, scaling: str, mend: str | None, nested: bool
) -> None:
    note = scaling_note(network(*first, nested=nested), parse_scaling(scaling), dataset())
    if mend is None:
        assert note is None
    else:
        assert note is not None
        assert "'first0'" in note
        assert note.endswith(f"; give --scaling={mend}")


def test_images_of_any_range_are_not_judged() -> None:
    images = dataset(np.float32)
    assert scaling_note(network(TO_UNIT), parse_scaling("none", images.train), images) is None


@pytest.mark.parametrize(
    ("first", "is_said"),
    [
        ([], True),
        ([[layers.ZeroPadding2D, {}]], True),
        ([TO_UNIT], False),
        ([[layers.BatchNormalization, {}]], False),
        ([[layers.LayerNormalization, {}]], False),
        ([[layers.UnitNormalization, {}]], False),
        ([[layers.Activation, {"activation": "sigmoid"}]], False),
        ([[layers.Reshape, {"target_shape": (4, 4, 3)}]], True),
        ([[layers.Lambda, {"function": lambda images: images / 255}]], False),
        ([[Halved, {}]], False),
    ],
)
def test_images_that_nobody_scales_are_said(first: list, is_said: bool) -> None:
    made, images = network(*first), dataset()
    note = scaling_note(made, parse_scaling("0..255"), images, asked=False)
    assert (note is not None) == is_said
    if note is not None:
        assert "give --scaling as in its training" in note
    assert scaling_note(made, parse_scaling("0..255"), images) is None


def test_an_operation_may_scale_too() -> None:
    image = keras.Input((4, 4, 3))
    made = keras.Model(image, layers.Conv2D(2, 3)(image / 255.0))
    assert scaling_note(made, parse_scaling("0..255"), dataset(), asked=False) is None
