"""Layers of transformers against their formulas, one image, head and token at a time.

Runs on whichever backend Keras has; test_other_backend.py runs it on JAX as well.
"""

import keras
import numpy as np
import pytest
from keras import ops

from sfp_keras import AttentionHeads, PositionEmbedding, SequencePooling, StochasticDepth
from sfp_keras.afcc.multiply_adds import multiply_adds
from sfp_keras.errors import InputError
from sfp_keras.traits import traits_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5, 6)).astype(np.float32)


def numbers(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def softmax(scores):
    powers = [np.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]


def with_random_weights(layer, shape=(None, 5, 6)):
    layer.build(shape)
    layer.set_weights([RNG.normal(size=weight.shape) for weight in layer.weights])
    return layer


def attention(x, qkv, bias, heads, size):
    """The heads' outputs for one image, (T, heads * size)."""
    columns = x @ qkv + bias
    all_heads = heads * size
    outputs = np.zeros((len(x), all_heads))
    for head in range(heads):
        here = slice(head * size, (head + 1) * size)
        queries = columns[:, :all_heads][:, here]
        keys = columns[:, all_heads : 2 * all_heads][:, here]
        values = columns[:, 2 * all_heads :][:, here]
        for token in range(len(x)):
            weights = softmax([queries[token] @ key / np.sqrt(size) for key in keys])
            for weight, value in zip(weights, values, strict=True):
                outputs[token, here] += weight * value
    return outputs


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ({"num_heads": 3}, 2),
        ({"num_heads": 2, "use_bias": True}, 3),
        ({"num_heads": 4, "head_size": 5, "dropout": 0.5}, 5),
    ],
)
def test_heads_are_those_of_the_formula(arguments, size) -> None:
    layer = with_random_weights(AttentionHeads(**arguments))
    heads = layer.num_heads
    assert layer.qkv.shape == (6, 3 * heads * size)
    qkv = ops.convert_to_numpy(layer.qkv).astype(np.float64)
    bias = 0.0 if layer.bias is None else ops.convert_to_numpy(layer.bias)
    expected = [attention(image, qkv, bias, heads, size) for image in X.astype(np.float64)]
    outputs = layer(X)
    assert outputs.shape == layer.compute_output_shape(X.shape) == (2, 5, heads * size)
    np.testing.assert_allclose(numbers(outputs), expected, rtol=2e-5, atol=2e-5)


def test_heads_are_those_of_keras_attention() -> None:
    layer = with_random_weights(AttentionHeads(3, 4, use_bias=True))
    theirs = keras.layers.MultiHeadAttention(3, 4, use_bias=True)
    theirs.build((None, 5, 6), (None, 5, 6))
    kernels = np.split(ops.convert_to_numpy(layer.qkv), 3, axis=1)
    biases = np.split(ops.convert_to_numpy(layer.bias), 3)
    projection, offset = RNG.normal(size=(3, 4, 6)), RNG.normal(size=6)
    weights = []
    # Keras' order is query, key, value, as here.
    for kernel, bias in zip(kernels, biases, strict=True):
        weights += [kernel.reshape(6, 3, 4), bias.reshape(3, 4)]
    theirs.set_weights([*weights, projection, offset])
    mine = numbers(layer(X)) @ projection.reshape(12, 6) + offset
    np.testing.assert_allclose(mine, numbers(theirs(X, X)), rtol=1e-4, atol=1e-5)


def test_fewer_heads_are_the_same_heads() -> None:
    layer = with_random_weights(AttentionHeads(3))
    fewer = AttentionHeads.from_config({**layer.get_config(), "num_heads": 2})
    fewer.build((None, 5, 6))
    kept = ops.convert_to_numpy(layer.qkv).reshape(6, 3, 3, 2)[:, :, [0, 2]]
    fewer.set_weights([kept.reshape(6, -1)])
    expected = numbers(layer(X))[..., [0, 1, 4, 5]]
    np.testing.assert_allclose(numbers(fewer(X)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 5, 6), (2, 3, 2, 6), (1, 1, 6)])
def test_sequence_pooling_is_the_weighted_mean(shape) -> None:
    x = RNG.normal(size=shape).astype(np.float32)
    layer = with_random_weights(SequencePooling(), shape)
    kernel, bias = (ops.convert_to_numpy(weight) for weight in layer.weights)
    assert (kernel.shape, bias.shape) == ((6, 1), (1,))
    for image, mean in zip(x, numbers(layer(x)), strict=True):
        tokens = image.reshape(-1, 6)
        weights = softmax([token @ kernel[:, 0] + bias[0] for token in tokens])
        expected = sum(weight * token for weight, token in zip(weights, tokens, strict=True))
        np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-6)


def test_positions_are_learnt_or_sines() -> None:
    learned = with_random_weights(PositionEmbedding())
    [embedding] = learned.get_weights()
    np.testing.assert_allclose(numbers(learned(X)), X + embedding, rtol=1e-6)
    assert len(learned.trainable_weights) == 1
    sine = PositionEmbedding("sine")
    found = numbers(sine(X)) - X
    assert not sine.trainable_weights
    for token in range(5):
        for node in range(6):
            angle = token / 10000 ** (2 * (node // 2) / 6)
            expected = np.cos(angle) if node % 2 else np.sin(angle)
            np.testing.assert_allclose(found[:, token, node], expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(400, 3), (400, 2, 3), (400, 2, 2, 3)])
def test_images_are_left_out_whole(shape) -> None:
    layer = StochasticDepth(0.25, seed=0)
    ones = np.ones(shape, np.float32)
    np.testing.assert_array_equal(numbers(layer(ones)), ones)
    found = numbers(layer(ones, training=True)).reshape(400, -1)
    for image in found:
        assert np.unique(image).size == 1
    np.testing.assert_allclose(np.unique(found), [0, 4 / 3], rtol=1e-6)
    assert abs((found[:, 0] == 0).mean() - 0.25) < 0.07
    assert not np.array_equal(numbers(layer(ones, training=True)).reshape(400, -1), found)


def test_attention_is_dropped_weight_by_weight() -> None:
    layer = AttentionHeads(1, dropout=0.5, seed=1)
    tokens = np.eye(8, dtype=np.float32)[None].repeat(200, 0)
    layer.build(tokens.shape)
    # Equal scores, and values that show which weights are there.
    layer.set_weights([np.concatenate([np.zeros((8, 16)), np.eye(8)], axis=1)])
    found = numbers(layer(tokens, training=True))
    np.testing.assert_allclose(np.unique(found), [0, 2 / 8], rtol=1e-5)
    assert abs((found == 0).mean() - 0.5) < 0.02
    np.testing.assert_allclose(numbers(layer(tokens)), 1 / 8, rtol=1e-5)


LAYERS = {
    "heads": lambda **more: AttentionHeads(2, dropout=0.5, seed=3, **more),
    "depth": lambda **more: StochasticDepth(0.5, seed=3, **more),
    "pooling": lambda **more: SequencePooling(**more),
    "learned": lambda **more: PositionEmbedding(**more),
    "sine": lambda **more: PositionEmbedding("sine", **more),
}


@pytest.mark.parametrize("kind", ["heads", "depth"])
def test_draws_are_restored_with_the_variables(kind) -> None:
    layer, images = LAYERS[kind](), np.tile(X, (20, 1, 1))
    first = numbers(layer(images, training=True))
    state = [ops.convert_to_numpy(variable) for variable in layer.variables]
    second = numbers(layer(images, training=True))
    assert not np.array_equal(second, first)
    other = LAYERS[kind]()
    other(images)
    for variable, value in zip(other.variables, state, strict=True):
        variable.assign(value)
    np.testing.assert_array_equal(numbers(other(images, training=True)), second)


@pytest.mark.parametrize("kind", LAYERS)
def test_they_are_the_same_after_saving_and_loading(kind, tmp_path) -> None:
    inputs = keras.Input((5, 6))
    model = keras.Model(inputs, LAYERS[kind](name="layer")(inputs))
    model.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    assert again.get_layer("layer").get_config() == model.get_layer("layer").get_config()
    np.testing.assert_array_equal(numbers(again(X)), numbers(model(X)))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", LAYERS)
def test_mixed_precision_is_near_float32(kind, training) -> None:
    mixed, exact = (LAYERS[kind](dtype=policy) for policy in ("mixed_bfloat16", "float32"))
    for layer in (mixed, exact):
        layer.build((None, 5, 6))
    mixed.set_weights(exact.get_weights())
    more = {"training": training} if kind in ("heads", "depth") else {}
    out, expected = mixed(X, **more), numbers(exact(X, **more))
    assert keras.backend.standardize_dtype(out.dtype) == "bfloat16"
    np.testing.assert_allclose(numbers(out), expected, atol=0.05)


@pytest.mark.slow
def test_they_train_and_their_draws_are_among_the_variables() -> None:
    inputs = keras.Input((5, 6))
    x = PositionEmbedding()(inputs)
    heads = AttentionHeads(2, dropout=0.1, seed=1)
    x = keras.layers.Add()([x, StochasticDepth(0.1, seed=2)(keras.layers.Dense(6)(heads(x)))])
    model = keras.Model(inputs, SequencePooling()(x))
    model.compile("adam", "mse", jit_compile=True)
    before = model.get_weights()
    model.fit(np.tile(X, (5, 1, 1)), np.zeros((10, 6)), batch_size=4, verbose=0)
    assert not any(map(np.array_equal, before, model.get_weights()))
    assert any(variable is heads.seed_generator.state for variable in model.variables)


def test_operations_are_counted() -> None:
    heads = with_random_weights(AttentionHeads(2, 4))
    kernel = 5 * 6 * 24
    products = 2 * 2 * 5 * 5 * 4
    assert multiply_adds(heads, (None, 5, 6), (None, 5, 8)) == (kernel + products,) * 2
    [qkv] = heads.get_weights()
    qkv[:, :4] = 0
    heads.set_weights([qkv])
    assert multiply_adds(heads, (None, 5, 6), (None, 5, 8))[1] == kernel - 5 * 24 + products
    pooling = with_random_weights(SequencePooling())
    assert multiply_adds(pooling, (None, 5, 6), (None, 6)) == (60, 60)
    for name in ("depth", "learned", "sine"):
        assert multiply_adds(with_random_weights(LAYERS[name]()), X.shape, X.shape) == (0, 0)


def test_what_they_do_with_filters() -> None:
    found = {kind: traits_of(make()) for kind, make in LAYERS.items()}
    assert found["heads"].filters == "made"
    assert found["pooling"].positions == "all"
    alone = [found[kind].alone_in(LAYERS[kind](), 3) for kind in LAYERS if kind != "heads"]
    assert alone == [True, False, True, True]
    for kind in ("depth", "learned", "sine"):
        assert (found[kind].filters, found[kind].positions) == ("passed", "same")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AttentionHeads(0), "`num_heads` must be a whole number from 1, not 0"),
        (lambda: AttentionHeads(2, 1.5), "`head_size` must be a whole number from 1, not 1.5"),
        (lambda: AttentionHeads(2, dropout=1), "`dropout` must be at least 0 and below 1"),
        (lambda: AttentionHeads(4)(X), "`num_heads`=4 does not divide the 6 nodes of a token"),
        (lambda: AttentionHeads(2)(X[0]), r"needs tokens .*, received shape \(5, 6\)"),
        (lambda: StochasticDepth(-0.1), "`rate` must be at least 0 and below 1, received -0.1"),
        (lambda: SequencePooling()(X[0]), r"needs tokens .*, received shape \(5, 6\)"),
        (lambda: PositionEmbedding("cosine"), "`kind` must be one of learned, sine"),
        (lambda: PositionEmbedding()(keras.Input((None, 6))), "fixed `image_size`"),
    ],
)
def test_what_does_not_fit_is_refused(make, words) -> None:
    with pytest.raises(InputError, match=words):
        make()
