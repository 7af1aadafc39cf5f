"""A user's network that scales images itself, and a `scaling` that does so too."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from sfp_keras.data import ImageDataset, Scaling, parse_scaling
from sfp_keras.models.graph import call_graph

_RANGES = ("0..255", "0..1", "-1..1")
# What layers are given has a range of this width: of scaled images it is about 1 to 5.
_LEAST, _MOST = 0.1, 50.0


def scaling_note(
    network: keras.Model, scaling: Scaling, dataset: ImageDataset, argument: str = "--scaling"
) -> str | None:
    """Say whether a network's first layers and the scaling of its images go together.

    Args:
        network: `keras.Model`.
        scaling: `Scaling` of images before the network gets them.
        dataset: `ImageDataset`. Images of any range are not judged.
        argument: `str`. What the user calls the scaling. Defaults to the command's flag.

    Returns:
        One sentence where black and white images differ by hardly anything, or by far too much,
        behind the network's own Rescaling and Normalization layers; else `None`.
    """
    layers = list(_first_scaling(network))
    if not layers or dataset.train.dtype != np.uint8:
        return None
    channels = dataset.image_shape[-1]
    width = _width(scaling, layers, channels)
    if _LEAST <= width <= _MOST:
        return None
    names = " and ".join(repr(layer.name) for layer in layers)
    good = [
        text
        for text in _RANGES
        if _LEAST <= _width(parse_scaling(text, dataset.train), layers, channels) <= _MOST
    ]
    one = len(layers) == 1
    what = "scales images too" if one else "scale images too"
    if width > _MOST:
        what = f"{'takes' if one else 'take'} images that are scaled"
    note = (
        f"the network's own {names} {what}: with {argument}={scaling.text} black and white differ "
        f"by {width:.2g} behind it"
    )
    return f"{note}; give {argument}={good[0]}" if good else note


def _first_scaling(network: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers that scale images before anything else is made of them."""
    graph = call_graph(network)
    made = {id(tensor) for tensor in graph.inputs}
    for call in graph.calls:
        layer = call.operation
        if call.nested or not any(id(tensor) in made for tensor in call.inputs):
            continue
        if isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization):
            yield layer
        elif getattr(layer, "weights", ()) or len(call.inputs) > 1:
            return
        made = {id(tensor) for tensor in call.outputs}


def _width(scaling: Scaling, layers: list[Any], channels: int) -> float:
    """How far black and white are apart behind a scaling and layers that scale."""
    images = np.stack([np.full((1, 1, channels), grey, np.uint8) for grey in (0, 255)])
    scaled = scaling(images)
    for layer in layers:
        scaled = keras.ops.convert_to_numpy(layer(scaled))
    return float(np.abs(scaled[1] - scaled[0]).max())
