"""The stages of a transformer: what each block's attention and feed-forward layers leave."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from sfp_keras.layers import AttentionHeads
from sfp_keras.probing import cut_stages, default_stages, list_stages, resolve_stages


def block(x: keras.KerasTensor, name: str, by_operator: bool) -> keras.KerasTensor:
    y = layers.LayerNormalization(name=f"{name}_norm1")(x)
    y = layers.MultiHeadAttention(2, 4, name=f"{name}_attention")(y, y)
    x = x + y if by_operator else layers.Add(name=f"{name}_sum1")([x, y])
    y = layers.LayerNormalization(name=f"{name}_norm2")(x)
    y = layers.Dense(8, activation="gelu", name=f"{name}_wide")(y)
    y = layers.Dense(6, name=f"{name}_narrow")(y)
    return x + y if by_operator else layers.Add(name=f"{name}_sum2")([x, y])


class Position(layers.Layer):
    def build(self, shape: tuple) -> None:
        self.value = self.add_weight(shape=(1, *shape[1:]))

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return x + self.value


class Block(layers.Layer):
    """A block as other libraries have it: one layer."""

    def __init__(self, feeds: bool = True, **more: object) -> None:
        super().__init__(**more)
        self.attention = layers.MultiHeadAttention(2, 4, name="attention")
        wide, narrow = layers.Dense(8, name="wide"), layers.Dense(6, name="narrow")
        self.feed = keras.Sequential([wide, narrow], name="feed") if feeds else None

    def build(self, shape: tuple) -> None:
        self.attention.build(shape, shape)
        if self.feed is not None:
            self.feed.build(shape)

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        x = x + self.attention(x, x)
        return x if self.feed is None else x + self.feed(x)


def transformer(kind: str) -> keras.Model:
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(6, 8, strides=8, name="patches")(image)
    x = layers.Reshape((4, 6), name="parts")(x)
    x = layers.Add(name="placed")([x, Position(name="position")(x)])
    for name in ("one", "two"):
        whole = Block(name == "one", name=name)
        x = whole(x) if kind == "layer" else block(x, name, kind == "operator")
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(image, layers.Dense(3, name="scores")(x), name="small_transformer")


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("sum", ["one_attention.heads", "one_narrow", "two_attention.heads", "two_narrow"]),
        ("operator", ["one_attention.heads", "one_narrow", "two_attention.heads", "two_narrow"]),
        ("layer", ["one.attention.heads", "one.feed.narrow", "two.attention.heads"]),
    ],
)
def test_heads_and_feed_forward_outputs_of_blocks_are_stages(kind: str, names: list[str]) -> None:
    keras.utils.clear_session()
    model = transformer(kind)
    found = default_stages(model)
    assert [stage.name for stage in found] == names
    for stage in found:
        heads = stage.name.endswith("heads")
        assert (stage.position_shape, stage.filters) == ((4,), 8 if heads else 6)
        assert stage.heads == (2 if heads else None)
    assert cut_stages(model, names).output_names == names


IMAGES = np.random.default_rng(0).normal(size=(3, 16, 16, 3)).astype(np.float32)


def projected(heads: np.ndarray, attention: layers.MultiHeadAttention) -> np.ndarray:
    kernel, bias = attention.output_dense.get_weights()
    return heads @ kernel.reshape(-1, kernel.shape[-1]) + bias


@pytest.mark.parametrize("kind", ["sum", "layer"])
def test_what_heads_put_out_gives_what_the_layer_puts_out(kind: str) -> None:
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model = transformer(kind)
    block = {"sum": "two_attention", "layer": "two/attention"}[kind]
    names = [f"{block}/heads", block, "mean"]
    cut = cut_stages(model, names)
    heads, output, mean = (keras.ops.convert_to_numpy(found) for found in cut(IMAGES))
    layer = model.get_layer("two").attention if kind == "layer" else model.get_layer(block)
    np.testing.assert_allclose(projected(heads, layer), output, rtol=1e-5, atol=1e-6)
    before = keras.Model(model.input, model.get_layer("mean").output)
    np.testing.assert_allclose(mean, before(IMAGES), rtol=1e-6, atol=1e-6)
    # A head's nodes are those of no other: without its values they are its bias.
    (mine,) = cut_stages(model, [f"{block}/heads"])(IMAGES)
    assert keras.ops.convert_to_numpy(mine).reshape(3, 4, 2, 4).std(axis=0).min() > 0
    kernel, bias = layer.value_dense.get_weights()
    kernel[:, 1] = 0
    layer.value_dense.set_weights([kernel, bias])
    (mine,) = cut_stages(model, [f"{block}/heads"])(IMAGES)
    one, two = np.moveaxis(keras.ops.convert_to_numpy(mine).reshape(3, 4, 2, 4), 2, 0)
    assert one.any()
    np.testing.assert_allclose(two, np.broadcast_to(bias[1], two.shape), rtol=1e-5, atol=1e-6)


def test_masks_and_several_inputs_reach_the_heads(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 2))
    rows = layers.Reshape((8, 16), name="rows")(image)
    other = layers.Dense(16, name="other")(rows)
    attention = layers.GroupQueryAttention(4, 4, 2, name="grouped")
    x = attention(rows, other, use_causal_mask=True)
    model = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))
    cut = cut_stages(model, ["grouped/heads", "grouped"])
    images = IMAGES[:, :8, :8, :2]
    heads, output = (keras.ops.convert_to_numpy(found) for found in cut(images))
    assert heads.shape == (3, 8, 16)
    kernel, bias = attention._output_dense.get_weights()
    found = heads @ kernel.reshape(16, -1) + bias
    np.testing.assert_allclose(found, output, rtol=1e-5, atol=1e-6)
    # The first row attends to itself alone.
    changed = images.copy()
    changed[:, 1:] += 1
    (again, _) = cut(changed)
    np.testing.assert_allclose(heads[:, 0], again[:, 0], rtol=1e-5, atol=1e-6)
    cut.save(tmp_path / "cut.keras")
    (loaded, _) = keras.saving.load_model(tmp_path / "cut.keras")(images)
    np.testing.assert_allclose(heads, loaded, rtol=1e-6, atol=1e-6)
    (stage,) = resolve_stages(model, "grouped.heads")
    assert (stage.heads, stage.path) == (4, "grouped/heads")


def test_the_heads_of_this_packages_attention() -> None:
    image = keras.Input((4, 4, 3))
    x = AttentionHeads(3, name="heads")(layers.Reshape((16, 3), name="tokens")(image))
    model = keras.Model(image, layers.Dense(3, name="projection")(x))
    assert [stage.heads for stage in list_stages(model)] == [None, 3, None]


def test_a_network_that_attends_over_no_blocks_keeps_its_reductions() -> None:
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="conv")(image)
    x = layers.Reshape((36, 4), name="parts")(x)
    x = layers.GlobalAveragePooling1D(name="mean")(layers.Attention(name="attention")([x, x]))
    model = keras.Model(image, layers.Dense(2, name="scores")(x))
    assert [stage.name for stage in default_stages(model)] == ["attention"]
