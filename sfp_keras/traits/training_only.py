"""What does something in training alone: dropout, noise, augmentation."""

from keras import layers

from sfp_keras.traits.registry import LayerTraits, register_traits

_BY_CHANCE = LayerTraits("passed", linear="identity", only_in_training=True)

for _name in ("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"):
    register_traits(getattr(layers, _name), _BY_CHANCE)
for _axes in (1, 2, 3):
    register_traits(getattr(layers, f"SpatialDropout{_axes}D"), _BY_CHANCE)
for _kind in (layers.Identity, layers.ActivityRegularization):
    register_traits(_kind, LayerTraits("passed", linear="identity"))
for _name in dir(layers):
    if _name.startswith("Random"):
        register_traits(
            getattr(layers, _name),
            LayerTraits("passed", alone=False, positions="window", only_in_training=True),
        )
