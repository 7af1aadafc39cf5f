"""Tree sampling against its sum, one number at a time.

Runs on whichever backend Keras has; test_other_backend.py runs it on JAX as well.
"""

import keras
import numpy as np
import pytest
from keras import ops

from sfp_keras import TreeSampling
from sfp_keras.afcc.multiply_adds import multiply_adds
from sfp_keras.errors import InputError
from sfp_keras.traits import traits_of

RNG = np.random.default_rng(0)


def layer_of(shape, **arguments):
    """A layer with random weights for maps of a shape."""
    layer = TreeSampling(**arguments)
    layer.build((None, *shape))
    layer.set_weights([RNG.normal(size=weight.shape) for weight in layer.weights])
    return layer


def literal(layer, image, filters):
    """z[m, g, r], of one image; `filters` of a group of a tree."""
    kernel, bias = (ops.convert_to_numpy(weight).astype(np.float64) for weight in layer.weights)
    _, width, _ = image.shape
    groups, rectangles, branches = bias.shape
    z = np.zeros((branches, groups, rectangles))
    for m in range(branches):
        tree, own = divmod(m, layer.branches)
        for g in range(groups):
            for r in range(rectangles):
                z[m, g, r] = bias[g, r, m]
                for k in range(filters):
                    channel = (g * layer.trees + tree) * filters + k
                    for row in range(layer.rows):
                        for col in range(width):
                            weight = kernel[r, row, col, channel, own]
                            z[m, g, r] += weight * image[layer.rows * r + row, col, channel]
    return z


@pytest.mark.parametrize(
    ("shape", "filters", "arguments"),
    [
        ((6, 5, 9), 3, {"branches": 4, "groups": 3}),
        ((6, 3, 2), 2, {"branches": 2, "rows": 3, "activation": "relu"}),
        ((4, 3, 12), 2, {"branches": 3, "groups": 2, "trees": 3, "activation": "sigmoid"}),
    ],
)
def test_numbers_are_those_of_the_sum(shape, filters, arguments) -> None:
    layer = layer_of(shape, **arguments)
    images = RNG.normal(size=(2, *shape)).astype(np.float32)
    outputs = layer(images)
    sums = np.array([literal(layer, image, filters) for image in images])
    activation = {"relu": lambda z: np.maximum(z, 0), "sigmoid": lambda z: 1 / (1 + np.exp(-z))}
    expected = activation.get(arguments.get("activation"), lambda z: z)(sums)
    assert outputs.shape == layer.compute_output_shape(images.shape)
    # Branches are last.
    expected = np.moveaxis(expected, 1, -1)
    np.testing.assert_allclose(ops.convert_to_numpy(outputs), expected, rtol=2e-5, atol=2e-5)


def test_each_weight_is_used_once() -> None:
    layer = layer_of((6, 5, 9), branches=4, groups=3)
    assert layer.count_params() == 4 * 3 * 3 * (3 * 2 * 5 + 1)
    count, _ = multiply_adds(layer, (None, 6, 5, 9), (None, 3, 3, 4))
    assert count == 4 * 3 * 3 * 3 * 2 * 5


def test_it_is_saved_with_its_arguments(tmp_path) -> None:
    layer = layer_of((4, 3, 12), branches=3, groups=2, trees=3, rows=4, activation="relu")
    model = keras.Sequential([keras.Input((4, 3, 12)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images = RNG.normal(size=(2, 4, 3, 12)).astype(np.float32)
    np.testing.assert_array_equal(model.predict_on_batch(images), loaded.predict_on_batch(images))
    assert loaded.layers[0].get_config() == layer.get_config()


def test_what_it_makes_are_branches() -> None:
    traits = traits_of(TreeSampling(3))
    assert (traits.filters, traits.called) == ("made", "branch")
    assert traits.kernel_of(TreeSampling(3)).inputs == (-2,)
    assert traits.kernel_of(TreeSampling(3, trees=2)) is None


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ({"branches": 0}, (4, 3, 2), "`branches` must be a whole number from 1, not 0"),
        ({"branches": "4"}, (4, 3, 2), "`branches` must be a whole number from 1, not '4'"),
        ({"branches": 1, "rows": 1.5}, (4, 3, 2), "`rows` must be a whole number from 1"),
        ({"branches": 1, "rows": 3}, (4, 3, 2), "`rows`=3 does not divide the 4 rows"),
        ({"branches": 1, "groups": 2, "trees": 2}, (4, 3, 6), "do not divide the 6 filters"),
        ({"branches": 1}, (None, 3, 2), r"of known size, received shape \(None, None, 3, 2\)"),
    ],
)
def test_refusals(arguments, shape, message) -> None:
    with pytest.raises(InputError, match=message):
        TreeSampling(**arguments).build((None, *shape))
