"""Whether a user's network and the scaling of its images go together."""

from typing import Any

import keras
import numpy as np

from sfp_keras.data import ImageDataset, Scaling, parse_scaling
from sfp_keras.models.graph import call_graph
from sfp_keras.traits import LayerTraits, traits_of

_RANGES = ("0..255", "0..1", "-1..1")
# What layers are given has a range of this width: of scaled images it is about 1 to 5.
_LEAST, _MOST = 0.1, 50.0


def scaling_note(
    network: keras.Model,
    scaling: Scaling,
    dataset: ImageDataset,
    argument: str = "--scaling",
    *,
    asked: bool = True,
) -> str | None:
    """Say whether a network's first layers and the scaling of its images go together.

    Args:
        network: `keras.Model`.
        scaling: `Scaling` of images before the network gets them.
        dataset: `ImageDataset`. Images of any range are not judged.
        argument: `str`. What the user calls the scaling. Defaults to the command's flag.
        asked: `bool`. Whether the user chose this scaling. Defaults to `True`.

    Returns:
        One sentence where black and white images differ by hardly anything, or by far too much,
        behind the network's own Rescaling and Normalization layers, or where it has none of these
        and gets images that nobody asked to leave unscaled; else `None`.
    """
    if dataset.train.dtype != np.uint8:
        return None
    layers, all_known = _first_scaling(network)
    if not layers and (asked or not all_known):
        return None
    channels = dataset.image_shape[-1]
    width = _width(scaling, layers, channels)
    if _LEAST <= width <= _MOST:
        return None
    if not layers:
        return (
            f"images come to the network as {scaling.text}, and it starts with no layer that "
            f"scales them: give {argument} as in its training, such as 0..1 or -1..1"
        )
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


def _first_scaling(network: keras.Model) -> tuple[list[keras.layers.Layer], bool]:
    """The layers that scale images before anything else is made of them.

    And whether they are all: what comes then is a convolution or the like, not a normalization, and
    no operation stands before it that may change the range.
    """
    graph = call_graph(network)
    made = {id(tensor) for tensor in graph.inputs}
    scaling: list[keras.layers.Layer] = []
    all_known = True
    for call in graph.calls:
        layer = call.operation
        if call.nested or not any(id(tensor) in made for tensor in call.inputs):
            continue
        # Operations such as a division may scale images.
        traits = traits_of(layer) if isinstance(layer, keras.layers.Layer) else None
        if isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization):
            scaling.append(layer)
        elif getattr(layer, "weights", ()) or len(call.inputs) > 1:
            return scaling, all_known and traits is not None and traits.multiply_adds is not None
        else:
            all_known = all_known and traits is not None and _keeps_range(traits, layer)
        made = {id(tensor) for tensor in call.outputs}
    return scaling, False


def _keeps_range(traits: LayerTraits, layer: keras.layers.Layer) -> bool:
    """Whether what a layer without weights puts out has the range of its images for sure."""
    # Others may normalize, as UnitNormalization and an activation do.
    return (
        traits.filters_of(layer) == "moved"
        or traits.positions != "same"
        or traits.linear in ("identity", "averaged")
        or traits.only_in_training
    )


def _width(scaling: Scaling, layers: list[Any], channels: int) -> float:
    """How far black and white are apart behind a scaling and layers that scale."""
    images = np.stack([np.full((1, 1, channels), grey, np.uint8) for grey in (0, 255)])
    scaled = scaling(images)
    for layer in layers:
        scaled = keras.ops.convert_to_numpy(layer(scaled))
    return float(np.abs(scaled[1] - scaled[0]).max())
