"""Pooling, padding, cropping and upsampling: other positions of the same filters."""

from keras import layers

from sfp_keras.traits.registry import LayerTraits, register_traits

_WINDOW = LayerTraits("passed", positions="window")
_KINDS = {
    "MaxPooling": _WINDOW,
    "AveragePooling": LayerTraits("passed", positions="window", linear="averaged"),
    "GlobalMaxPooling": LayerTraits("passed", positions="all"),
    "GlobalAveragePooling": LayerTraits("passed", positions="all", linear="averaged"),
    "AdaptiveMaxPooling": _WINDOW,
    "AdaptiveAveragePooling": LayerTraits("passed", positions="window", linear="averaged"),
    "Cropping": _WINDOW,
    "UpSampling": _WINDOW,
    "ZeroPadding": LayerTraits("passed", positions="padded"),
}

for _name, _traits in _KINDS.items():
    for _axes in (1, 2, 3):
        # Older versions of Keras lack some.
        if hasattr(layers, f"{_name}{_axes}D"):
            register_traits(getattr(layers, f"{_name}{_axes}D"), _traits)
for _kind in (layers.Resizing, layers.CenterCrop, layers.RepeatVector):
    register_traits(_kind, _WINDOW)
