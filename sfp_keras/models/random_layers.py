"""Layers that draw random numbers, such as dropout."""

import keras
import numpy as np


def seed_random_layers(model: keras.Model, seed: int) -> None:
    """Let layers that have no seed of their own draw by one, from its beginning.

    Keras gives such a layer another seed whenever it makes it, also where it makes a copy.

    Args:
        model: `keras.Model`, changed in place.
        seed: `int`. Each layer's is a function of it and of the layer's place.
    """
    generators = (
        value
        for layer in model._flatten_layers()
        for value in vars(layer).values()
        if isinstance(value, keras.random.SeedGenerator)
    )
    for place, generator in enumerate(generators):
        if generator.get_config()["seed"] is None:
            drawn = np.random.SeedSequence((seed, place)).generate_state(1)[0] >> 1
            generator.state.assign([drawn, 0])
