"""A network in another precision, and its weights back in the first."""

import keras

from sfp_keras.models.rebuilding import Exchange, layers_by_path, rebuild, remade


def in_precision(model: keras.Model, precision: str) -> keras.Model:
    """Make a copy of a network whose layers compute in another precision.

    Args:
        model: a functional `keras.Model` of one output.
        precision: `str`, such as `mixed_bfloat16`. Weights stay float32, and so does what the
            copy puts out.

    Returns:
        A functional `keras.Model` of new layers.
    """
    exchanges = {
        id(layer): Exchange(remade(layer, dtype=precision), layer.get_weights())
        for layer in layers_by_path(model).values()
    }
    copy = rebuild(model, exchanges)
    exact = keras.layers.Activation("linear", dtype="float32", name="exact_outputs")
    return keras.Model(copy.inputs[0], exact(copy.outputs[0]), name=model.name)


def copy_by_path(source: keras.Model, target: keras.Model) -> None:
    """Give the layers of a network the weights of those with their paths in another one."""
    weights = {path: layer.get_weights() for path, layer in layers_by_path(source).items()}
    for path, layer in layers_by_path(target).items():
        layer.set_weights(weights[path])
