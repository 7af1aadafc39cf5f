"""Pooling, padding, cropping and upsampling: other positions of the same filters."""

from keras import layers

from sfp_keras.models.traits.registry import LayerTraits, register_traits

for _axes in (1, 2, 3):
    for _name in ("MaxPooling", "AveragePooling", "Cropping", "UpSampling"):
        register_traits(
            getattr(layers, f"{_name}{_axes}D"), LayerTraits("passed", positions="window")
        )
    for _name in ("AdaptiveMaxPooling", "AdaptiveAveragePooling"):
        if hasattr(layers, f"{_name}{_axes}D"):
            register_traits(
                getattr(layers, f"{_name}{_axes}D"),
                LayerTraits("passed", alone=False, positions="window"),
            )
    for _name in ("GlobalMaxPooling", "GlobalAveragePooling"):
        register_traits(getattr(layers, f"{_name}{_axes}D"), LayerTraits("passed", positions="all"))
    register_traits(
        getattr(layers, f"ZeroPadding{_axes}D"), LayerTraits("passed", positions="padded")
    )
for _name in ("Resizing", "CenterCrop", "RepeatVector"):
    register_traits(getattr(layers, _name), LayerTraits("passed", alone=False, positions="window"))
