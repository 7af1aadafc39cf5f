"""Average and maximum of square windows side by side; paper 2 pools EfficientNet-B0 by 7x7."""

import functools

import keras

from sfp_keras.errors import InputError
from sfp_keras.probing.views.registry import Seen, View, register_view

_LAYERS = {
    "avg": (
        *(keras.layers.AveragePooling1D, keras.layers.AveragePooling2D),
        keras.layers.AveragePooling3D,
    ),
    "max": (
        *(keras.layers.MaxPooling1D, keras.layers.MaxPooling2D),
        keras.layers.MaxPooling3D,
    ),
}


def _windows(kind: str, seen: Seen) -> list[keras.layers.Layer]:
    positions = seen.shape[:-1]
    if len(positions) not in (1, 2, 3):
        raise seen.refuse()
    if seen.number > min(positions):
        raise InputError(
            f"`pool`={seen.text} is larger than the {'x'.join(map(str, positions))} positions of "
            f"stage {seen.stage!r}: give at most {kind}:{min(positions)}, or a pool for each stage"
        )
    layer = _LAYERS[kind][len(positions) - 1]
    name = seen.layer_name(f"{kind}_pool")
    return [layer(seen.number, data_format="channels_last", name=name)]


for _kind in _LAYERS:
    register_view(View(_kind, functools.partial(_windows, _kind), argument="size"))
