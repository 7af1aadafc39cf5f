"""The stages of a transformer: what each block's attention and feed-forward layers leave."""

import keras
import pytest
from keras import layers

from sfp_keras.probing import cut_stages, default_stages


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

    def __init__(self, **more: object) -> None:
        super().__init__(**more)
        self.attention = layers.MultiHeadAttention(2, 4)

    def build(self, shape: tuple) -> None:
        self.attention.build(shape, shape)

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return x + self.attention(x, x)


def transformer(kind: str) -> keras.Model:
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(6, 8, strides=8, name="patches")(image)
    x = layers.Reshape((4, 6), name="parts")(x)
    x = layers.Add(name="placed")([x, Position(name="position")(x)])
    for name in ("one", "two"):
        x = Block(name=name)(x) if kind == "layer" else block(x, name, kind == "operator")
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(image, layers.Dense(3, name="scores")(x), name="small_transformer")


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("sum", ["one_sum1", "one_sum2", "two_sum1", "two_sum2"]),
        ("operator", ["add", "add_1", "add_2", "add_3"]),
        ("layer", ["one", "two"]),
    ],
)
def test_blocks_are_stages(kind: str, names: list[str]) -> None:
    keras.utils.clear_session()
    model = transformer(kind)
    found = default_stages(model)
    assert [stage.name for stage in found] == names
    assert {(stage.position_shape, stage.filters) for stage in found} == {((4,), 6)}
    assert cut_stages(model, names).output_names == names


def test_a_network_that_attends_over_no_blocks_keeps_its_reductions() -> None:
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="conv")(image)
    x = layers.Reshape((36, 4), name="parts")(x)
    x = layers.GlobalAveragePooling1D(name="mean")(layers.Attention(name="attention")([x, x]))
    model = keras.Model(image, layers.Dense(2, name="scores")(x))
    assert [stage.name for stage in default_stages(model)] == ["attention"]
