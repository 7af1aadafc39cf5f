"""Heads of an attention that change nothing go, with the rows of the projection that read them."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from test_dead_filters import check, scrambled

from sfp_keras import (
    build_network,
    dead_filters,
    diagonal_labels,
    links,
    mask_layers,
    network_report,
    prune_filters,
    remove_dead_filters,
)
from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields
from sfp_keras.layers import AttentionHeads

pytestmark = pytest.mark.filterwarnings("ignore:mask. .* units have no free weight")
IMAGES = np.random.default_rng(0).normal(size=(3, 16, 16, 3)).astype(np.float32)
HEADS, SIZE = 4, 5


def network(use_bias: bool = True) -> keras.Model:
    """Attention over 16 tokens, read by its projection; behind a dense layer, without a norm."""
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(6, 4, 4, activation="relu", name="patches")(inputs)
    x = layers.Reshape((16, 6))(x)
    x = layers.Dense(10, "relu", name="tokens")(x)
    x = AttentionHeads(HEADS, SIZE, use_bias, dropout=0.1, seed=0, name="heads")(x)
    x = layers.Dense(7, "gelu", name="projection")(x)
    x = layers.GlobalAveragePooling1D()(x)
    return scrambled(keras.Model(inputs, layers.Dense(4, name="end")(x)))


def changed(model: keras.Model, layer: str, change) -> keras.Model:
    weights = model.get_layer(layer).get_weights()
    change(*weights)
    model.get_layer(layer).set_weights(weights)
    return model


@pytest.mark.parametrize("use_bias", [True, False])
def test_a_head_that_nothing_reads_goes(use_bias: bool) -> None:
    def unread(kernel, bias):
        kernel[SIZE : 2 * SIZE] = 0
        kernel[3 * SIZE + 1] = 0  # One node of the last head: the others stay, and so does it.

    model = changed(network(use_bias), "projection", unread)
    qkv, *bias = model.get_layer("heads").get_weights()
    smaller, found = check(model, IMAGES)
    assert np.flatnonzero(found.dead["heads"]).tolist() == list(range(SIZE, 2 * SIZE))
    heads = smaller.get_layer("heads")
    assert (heads.num_heads, heads.head_size, heads.dropout) == (HEADS - 1, SIZE, 0.1)
    cut = qkv.reshape(10, 3, HEADS, SIZE)[:, :, [0, 2, 3]].reshape(10, -1)
    np.testing.assert_array_equal(heads.get_weights()[0], cut)
    assert len(heads.get_weights()) == 1 + use_bias == 1 + len(bias)
    assert smaller.get_layer("projection").kernel.shape == (3 * SIZE, 7)
    before, after = network_report(model), network_report(smaller)
    assert before.parameters - after.parameters == 3 * SIZE * (10 + use_bias) + SIZE * 7
    # Queries, keys and values, attention over 16 tokens, and the projection.
    assert before.operations - after.operations == 16 * SIZE * (3 * 10 + 2 * 16 + 7)


def test_a_head_whose_values_are_constant_goes_into_the_bias_of_the_projection() -> None:
    def silent(qkv, bias):
        qkv.reshape(10, 3, HEADS, SIZE)[:, 2, [0, 3]] = 0
        qkv.reshape(10, 3, HEADS, SIZE)[:, 2, 1, :2] = 0  # Two nodes alone.

    smaller, found = check(changed(network(), "heads", silent), IMAGES)
    assert found.dead["heads"].reshape(HEADS, SIZE).all(axis=1).tolist() == [
        True,
        False,
        False,
        True,
    ]
    assert not found.dead["heads"].reshape(HEADS, SIZE)[1].any()
    assert smaller.get_layer("heads").num_heads == 2


def test_inputs_that_no_head_needs_go() -> None:
    def deaf(qkv, bias):
        qkv[4] = 0
        parts = qkv.reshape(10, 3, HEADS, SIZE)
        parts[6, :, 1:] = 0  # The first head needs it, for its queries alone.
        parts[6, 1:] = 0

    model = changed(network(), "heads", deaf)
    smaller, found = check(model, IMAGES)
    assert np.flatnonzero(found.dead["tokens"]).tolist() == [4]
    assert smaller.get_layer("heads").qkv.shape == (9, 3 * HEADS * SIZE)
    unread = changed(model, "projection", lambda kernel, bias: kernel[:SIZE].fill(0))
    assert np.flatnonzero(check(unread, IMAGES)[1].dead["tokens"]).tolist() == [4, 6]


def test_a_constant_among_the_inputs_stays_unless_it_is_zero() -> None:
    def constant(kernel, bias):
        kernel[:, [2, 5]] = 0
        bias[[2, 5]] = 0.7, -0.7  # Behind ReLU the second is zero.

    smaller, found = check(changed(network(), "tokens", constant), IMAGES)
    assert np.flatnonzero(found.dead["tokens"]).tolist() == [5]
    assert smaller.get_layer("heads").qkv.shape[0] == 9


def test_one_head_stays() -> None:
    model = changed(network(), "projection", lambda kernel, bias: kernel.fill(0))
    assert remove_dead_filters(model).get_layer("heads").num_heads == 1


def test_heads_of_a_cct_without_labels_go() -> None:
    model = build_network(
        "cct2_3x2", 5, input_shape=(16, 16, 3), attention_heads=4, token_width=12, seed=1
    )
    rng = np.random.default_rng(2)
    fields = {
        name: FilterFields(
            rng.gamma(1, 1, (5, 1, 12)), rng.normal(size=(1, 12, 5)), np.full(5, 3), (1,)
        )
        for name in ("encoder1_heads", "encoder1_add1")
    }
    labels = {name: diagonal_labels(of) for name, of in fields.items()}
    labels["encoder1_heads"][3:9] = False  # The second and the third head.
    (link,) = (one for one in links(model) if one.layer == "encoder1_projection")
    assert link.sources == ("encoder1_heads",)
    labels[link.target] = labels["encoder1_add1"]
    masked = mask_layers(model, {link.layer: link.mask(labels)})
    smaller, found = check(masked, IMAGES)
    assert np.flatnonzero(found.dead["encoder1_heads"]).tolist() == list(range(3, 9))
    assert smaller.get_layer("encoder1_heads").num_heads == 2
    assert smaller.get_layer("encoder2_heads").num_heads == 4
    assert smaller.get_layer("encoder1_projection").kernel.shape == (6, 12)


def test_whole_heads_are_pruned_and_no_part_of_one() -> None:
    model = network()
    with pytest.raises(InputError, match="`remove`: 4 more filters of stage 'heads', such as 6,"):
        prune_filters(model, "heads", [5])
    pruned = prune_filters(model, "heads", range(SIZE, 2 * SIZE))
    assert pruned.get_layer("heads").num_heads == HEADS - 1
    zeroed = changed(model, "projection", lambda kernel, bias: kernel[SIZE : 2 * SIZE].fill(0))
    np.testing.assert_allclose(
        ops.convert_to_numpy(pruned(IMAGES)), ops.convert_to_numpy(zeroed(IMAGES)), atol=1e-5
    )
    assert dead_filters(pruned).number == 0
