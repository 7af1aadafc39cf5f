"""Branches of a tree as filters: their fields against branches silenced in forward passes."""

import keras
import numpy as np
import pytest

from sfp_keras import build_network
from sfp_keras.layers import AttentionHeads, TreeSampling
from sfp_keras.probing import cut_stages, list_stages, measure_fields
from sfp_keras.probing.views import StageView

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("trees", [1, 2])
def test_fields_of_a_branch_are_those_with_all_others_silenced(trees: int) -> None:
    network = build_network(
        "tree3", 3, filters=2, branches=4, trees=trees, input_shape=(12, 12, 3), seed=1
    )
    cut = cut_stages(network, ["layer2"])
    branches = 4 * trees
    assert cut.outputs[0].shape == (None, 3, 2, branches)
    kernel = RNG.normal(size=(6, branches, 3)).astype(np.float32)
    images = RNG.uniform(-1, 1, (20, 12, 12, 3)).astype(np.float32)
    labels = np.arange(20) % 3
    fields = measure_fields(cut, {"layer2": kernel}, [(images, labels)])["layer2"].fields
    assert fields.position_shape == (3, 2)

    silence = keras.Input((branches,))
    alone = cut.outputs[0] * silence[:, None, None]
    head = keras.layers.Dense(3, use_bias=False)
    model = keras.Model([*cut.inputs, silence], head(keras.layers.Flatten()(alone)))
    head.set_weights([kernel.reshape(-1, 3)])
    for branch in range(branches):
        one = np.tile(np.eye(branches, dtype=np.float32)[branch], (20, 1))
        outputs = model.predict([images, one], verbose=0)
        expected = np.stack([outputs[labels == label].mean(axis=0) for label in range(3)])
        np.testing.assert_allclose(fields.matrix(branch), expected, rtol=1e-4, atol=1e-5)


def test_a_view_calls_them_branches_unless_it_shows_others() -> None:
    assert StageView("layer2", (3, 7, 16), "", "branch").kind == "branch"
    assert StageView("layer2", (3, 7, 16), "avg:2", "branch").kind == "branch"
    assert StageView("layer2", (3, 7, 16), "heads:4", "branch").kind == "head"
    assert StageView("layer2", (3, 7, 16), "").kind == "filter"


def test_filters_are_called_after_the_layer_that_makes_them() -> None:
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(image)
    channels = keras.ops.mean(x, axis=(1, 2))
    x = TreeSampling(6, name="sampling")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.ops.relu(x)
    x = keras.layers.Activation(lambda x: x * 2, name="own")(x)
    x = keras.layers.GlobalMaxPooling2D(name="largest")(x)
    nodes = keras.layers.Dense(6, name="dense")(x)
    x = keras.layers.Add(name="sum")([x, nodes])
    tokens = keras.layers.Reshape((16, 4), name="tokens")(keras.layers.Conv2D(1, 1)(image))
    attended = keras.layers.Dropout(0.1, name="drop")(AttentionHeads(2, name="attention")(tokens))
    model = keras.Model(image, [channels, keras.layers.ReLU(name="last")(x), attended])
    kinds = {stage.name: stage.kind for stage in list_stages(model)}
    heads = {stage.name: stage.heads for stage in list_stages(model)}
    branches = {name for name, kind in kinds.items() if kind == "branch"}
    assert {"sampling", "norm", "own", "largest"} < branches
    assert len(branches) == 5  # That of `keras.ops` too.
    filters = {name for name, kind in kinds.items() if kind == "filter"}
    assert "conv" in filters
    assert any(name.startswith("mean") for name in filters)
    assert [kinds[name] for name in ("dense", "sum", "last", "attention")] == ["node"] * 4
    assert (heads["attention"], heads["drop"], heads["dense"]) == (2, 2, None)
