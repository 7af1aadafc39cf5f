"""The mean over all positions, or tokens."""

import keras

from sfp_keras.probing.views.registry import Seen, View, register_view

_LAYERS = (
    *(keras.layers.GlobalAveragePooling1D, keras.layers.GlobalAveragePooling2D),
    keras.layers.GlobalAveragePooling3D,
)


def _global_average(seen: Seen) -> list[keras.layers.Layer]:
    axes = len(seen.shape) - 1
    if axes not in (1, 2, 3):
        raise seen.refuse()
    name = seen.layer_name("global_avg_pool")
    return [_LAYERS[axes - 1](data_format="channels_last", name=name)]


register_view(View("global_avg", _global_average))
