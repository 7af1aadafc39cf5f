"""Single attention heads against forward passes of the network with the others at zero."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.errors import InputError
from sfp_keras.layers import AttentionHeads, SequencePooling
from sfp_keras.probing import (
    Head,
    cut_stages,
    measure_fields,
    measure_single_heads,
)

LABELS, HEADS, SIZE = 3, 2, 3
Y = np.arange(48) % LABELS
X = np.random.default_rng(0).normal(size=(48, 8, 8, 1)) + Y[:, None, None, None] / 2
X = X.astype(np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 1))
    tokens = layers.Reshape((16, 6))(layers.Conv2D(6, 2, strides=2)(image))
    attended = AttentionHeads(HEADS, SIZE, name="heads")(tokens)
    return keras.Model(image, layers.Dense(LABELS)(layers.GlobalAveragePooling1D()(attended)))


# Nodes to labels, and weights of the pooling that prefer some tokens, as long training makes them.
KERNEL = np.random.default_rng(1).normal(size=(HEADS * SIZE, LABELS)).astype(np.float32)
POOLING = {"kernel": np.linspace(-40, 60, 6, dtype=np.float32)[:, None], "bias": np.ones(1)}


def head_of(pool):
    kernel = KERNEL[None]
    if pool != "sequence":
        kernel = KERNEL.reshape(HEADS, SIZE, LABELS).swapaxes(0, 1)
    return Head(kernel, (SIZE,) * (pool != "sequence"), [], POOLING)


def small_head_with(model, kernel, channels):
    """Mean outputs of each label, of pooling and head behind attention times `channels`."""
    tokens = model.get_layer("heads").output
    pooling, classify = SequencePooling(), layers.Dense(LABELS, use_bias=False)
    network = keras.Model(model.input, classify(pooling(tokens * channels)))
    pooling.set_weights(list(POOLING.values()))
    classify.set_weights([kernel])
    outputs = keras.ops.convert_to_numpy(network(X))
    return np.array([outputs[label == Y].mean(axis=0) for label in range(LABELS)])


@pytest.mark.parametrize("pool", ["sequence", "sequence+heads:2"])
def test_fields_are_those_of_forward_passes_without_the_other_heads(model, pool):
    cut, heads = cut_stages(model, ["heads"], pool), {"heads": head_of(pool)}
    single = measure_single_heads(cut, heads, (X, Y), HEADS)["heads"]
    for number in range(HEADS):
        own = np.arange(HEADS * SIZE) // SIZE == number
        ones = np.ones(HEADS * SIZE, np.float32)
        after = small_head_with(model, KERNEL * own[:, None], ones)
        before = small_head_with(model, KERNEL, own.astype(np.float32))
        matrices = single.after_pooling.matrix(number), single.at_input.matrix(number)
        np.testing.assert_allclose(matrices[0], after, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(matrices[1], before, rtol=1e-4, atol=1e-5)
        expected = np.linalg.norm(before - after) / np.linalg.norm(after)
        assert single.difference[number] == pytest.approx(expected, rel=1e-3)
    assert single.mean_difference > 0.01
    fields = measure_fields(cut, heads, (X, Y))["heads"].fields
    by_heads = fields.by_heads(HEADS) if pool == "sequence" else fields
    np.testing.assert_allclose(
        by_heads.features, single.after_pooling.features, rtol=1e-4, atol=1e-5
    )
    np.testing.assert_array_equal(by_heads.kernel, single.after_pooling.kernel)


def test_heads_without_a_sequence_pooling_are_refused(model):
    cut = cut_stages(model, ["heads"], "global_avg")
    for heads in ({"heads": Head(KERNEL[None], (), [])}, {}, None, {"heads": KERNEL[None]}):
        with pytest.raises(InputError, match="`kernels`: stage heads has no head with a sequence"):
            measure_single_heads(cut, heads, (X, Y), HEADS)


def test_a_number_of_heads_that_does_not_fit_is_refused(model):
    cut = cut_stages(model, ["heads"], "sequence")
    heads = {"heads": head_of("sequence")}
    with pytest.raises(InputError, match=r"`num_heads`=5: .* nodes, which do not divide"):
        measure_single_heads(cut, heads, (X, Y), 5)
    with pytest.raises(InputError, match=r"`num_heads` must be a whole number from 1, not 2\.0"):
        measure_single_heads(cut, heads, (X, Y), 2.0)
    with pytest.raises(InputError, match="`num_heads` gives no number for stage heads"):
        measure_single_heads(cut, heads, (X, Y), {"other": 2})


def test_labels_that_no_head_has_are_refused(model):
    cut = cut_stages(model, ["heads"], "sequence")
    with pytest.raises(InputError, match="`batches`: labels run from 1 to 3"):
        measure_single_heads(cut, {"heads": head_of("sequence")}, (X, Y + 1), HEADS)


def test_a_stopped_pass_goes_on_and_ends_in_the_same_bits(
    model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(PassCheckpoint, "due", True)
    cut, heads = cut_stages(model, ["heads"], "sequence"), {"heads": head_of("sequence")}

    def measured(stop: int):
        read: list[int] = []

        def batches(first: int):
            for row in range(first, len(X), 12):
                if row == stop:
                    raise InterruptedError
                read.append(row)
                yield X[row : row + 12], Y[row : row + 12]

        checkpoint = PassCheckpoint(tmp_path / "pass.npz", "a")
        found = measure_single_heads(cut, heads, batches, {"heads": HEADS}, checkpoint)
        return found["heads"], read

    with pytest.raises(InterruptedError):
        measured(24)
    found, read = measured(-1)
    assert read == [24, 36]
    (tmp_path / "pass.npz").unlink()
    whole, _ = measured(-1)
    for way in ("after_pooling", "at_input"):
        ours, theirs = getattr(found, way), getattr(whole, way)
        np.testing.assert_array_equal(ours.features, theirs.features)
        np.testing.assert_array_equal(ours.label_counts, theirs.label_counts)
