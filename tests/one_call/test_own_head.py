"""The network's own output layers as a stage's head, against silencing its filters literally."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import sfp_keras
from sfp_keras.errors import InputError

LABELS = 10
# The networks are not trained.
pytestmark = pytest.mark.filterwarnings("ignore:the accuracy of model")


@pytest.fixture(scope="module")
def digits():
    return sfp_keras.load_dataset("digits", image_size=8)


def network(*, bias: bool) -> keras.Model:
    """A network whose last two layers are linear, and average pooling before them."""
    keras.utils.set_random_seed(0)
    made = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, activation="relu", name="early"),
            keras.layers.Conv2D(5, 3, activation="relu", name="late"),
            keras.layers.AveragePooling2D(2, name="averages"),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(7, use_bias=bias, name="between"),
            keras.layers.Dense(LABELS, use_bias=bias, name="output"),
        ]
    )
    for layer in made.layers[-2:]:
        if bias:
            layer.bias.assign(np.linspace(-3, 3, layer.units))
    return made


def arrays(split):
    return split.images, split.labels


def probe(model, digits, **settings):
    return sfp_keras.probe(
        *(model, arrays(digits.train), arrays(digits.test)),
        **{"epochs": 2, "own_head": True, "quiet": True, **settings},
    )


def literal_fields(model: keras.Model, stage: str, images: np.ndarray, labels: np.ndarray):
    """(F, K, K): mean outputs by label with all filters of the stage but one silenced."""
    names = [layer.name for layer in model.layers]
    place = names.index(stage)
    stage_outputs = keras.Model(model.inputs, model.layers[place].output).predict(images, verbose=0)
    found = []
    for f in range(stage_outputs.shape[-1]):
        x = np.zeros_like(stage_outputs)
        x[..., f] = stage_outputs[..., f]
        for layer in model.layers[place + 1 :]:
            x = keras.ops.convert_to_numpy(layer(x))
            if getattr(layer, "bias", None) is not None:
                x = x - keras.ops.convert_to_numpy(layer.bias)
        found.append([x[labels == label].mean(axis=0) for label in range(LABELS)])
    return np.array(found)


@pytest.mark.parametrize("bias", [False, True])
def test_fields_are_those_of_silenced_filters(digits, bias: bool) -> None:
    model = network(bias=bias)
    stages = ["early", "late", "averages"]
    # Further heads change nothing of these: one of the networks says it.
    further = {"head_seeds": 2, "shuffled_labels": True} if bias else {}
    result = probe(model, digits, stages=stages, **further)
    images = digits.test.images.astype(np.float32)
    for stage in ("late", "averages"):
        expected = literal_fields(model, stage, images, digits.test.labels)
        fields = result.fields[stage]
        found = fields.matrices(slice(None))
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * scale)
        assert result.heads[stage].history == []
    assert result.heads["late"].kernel.shape == (16, 5, LABELS)
    assert result.heads["averages"].kernel.shape == (4, 5, LABELS)
    assert len(result.heads["early"].history) == 2

    if bias:
        for layer in model.layers[-2:]:
            layer.bias.assign(np.zeros(layer.units))
    logits = model.predict(images, verbose=0)
    right = (logits.argmax(axis=1) == digits.test.labels).mean()
    accuracy = result.table.set_index("stage")["accuracy"]
    assert accuracy["late"] == pytest.approx(right, abs=1e-6)
    assert accuracy["late"] == pytest.approx(accuracy["averages"], abs=0.005)


def test_a_saved_run_has_heads_that_were_trained_beside_one_that_was_not(
    digits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = network(bias=False)
    run = tmp_path / "run"
    asked = {"stages": ["early", "late"], "head_seeds": 2, "run_dir": run}
    probe(model, digits, **asked)
    assert len(pd.read_csv(run / "stages" / "early" / "head.csv")) == 2
    assert len(pd.read_csv(run / "stages" / "late" / "head.csv")) == 0
    heads = pd.read_csv(run / "heads.csv")
    assert set(heads["stage"]) == {"early"}
    assert set(heads["head"]) == {"seed0", "seed1"}
    assert set(pd.read_csv(run / "layers.csv")["stage"]) == {"early", "late"}

    kept = {path: path.read_bytes() for path in run.rglob("*.npz")}
    probe(model, digits, **asked)
    assert {path: path.read_bytes() for path in run.rglob("*.npz")} == kept
    capsys.readouterr()
    probe(model, digits, stages=["late"], head_seeds=2, quiet=False)
    assert "note: --head_seeds and --shuffled_labels without effect" in capsys.readouterr().out
    # Its head was taken from the network; now one is asked for that is trained.
    with pytest.raises(InputError, match="own_head"):
        probe(model, digits, **asked, own_head=False)


def test_stages_that_something_else_follows_are_refused(digits) -> None:
    model = network(bias=False)
    with pytest.raises(InputError, match=r"`own_head`: .* early and .*`stages`=late, or leave"):
        probe(model, digits, stages=["early"])
    with pytest.raises(InputError, match=r"`own_head`.*stage late .*`pool`=late=none"):
        probe(model, digits, stages=["early", "late"], pool=["avg:2"])
    with pytest.raises(InputError, match=r"`head_group`=late: lr=0.5: with `own_head`"):
        probe(model, digits, stages=["early", "late"], head_group=["late: lr=0.5"])


def averaging(*averages: keras.layers.Layer, outputs: int = LABELS) -> keras.Model:
    """A network whose output layer reads averages of a stage of 6x6 positions."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(5, 3, activation="relu", name="late")(image)
    for average in averages:
        x = average(x)
    x = keras.layers.Dense(outputs, use_bias=False)(keras.layers.Flatten()(x))
    return keras.Model(image, x)


@pytest.mark.parametrize(
    "windows",
    # The last one pads a row on each side: its two windows hold three rows each.
    [[], [keras.layers.AveragePooling2D(2)], [keras.layers.AveragePooling2D(4, padding="same")]],
)
def test_the_networks_own_average_may_be_the_pool_of_the_stage(digits, windows) -> None:
    """As that of EfficientNet-B0's last stage is without being asked for."""
    model = averaging(*windows, keras.layers.GlobalAveragePooling2D())
    whole = probe(model, digits, stages=["late"])
    assert whole.heads["late"].kernel.shape == (36, 5, LABELS)
    for pool in ("avg:6", "avg:2+global_avg"):
        pooled = probe(model, digits, stages=["late"], pool=[pool])
        assert pooled.heads["late"].kernel.shape == (1, 5, LABELS)
        np.testing.assert_allclose(
            whole.fields["late"].matrices(slice(None)),
            pooled.fields["late"].matrices(slice(None)),
            rtol=1e-4,
            atol=1e-4,
            err_msg=pool,
        )


@pytest.mark.parametrize("pool", ["avg:5", "avg:4", "avg:4+global_avg", "max:6"])
def test_a_pool_that_leaves_positions_out_is_not_the_networks_average(digits, pool) -> None:
    model = averaging(keras.layers.GlobalAveragePooling2D())
    with pytest.raises(InputError, match=r"does not read stage late by `pool`=.*late=none"):
        probe(model, digits, stages=["late"], pool=[pool])


@pytest.mark.parametrize(
    "average",
    [
        keras.layers.AveragePooling2D(4),
        keras.layers.AveragePooling2D(3, strides=1),
    ],
)
def test_an_average_of_some_positions_is_not_that_of_all(digits, average) -> None:
    model = averaging(average, keras.layers.GlobalAveragePooling2D())
    with pytest.raises(InputError, match=r"does not read stage late by `pool`=avg:6"):
        probe(model, digits, stages=["late"], pool=["avg:6"])


def test_a_run_goes_on_with_stages_whose_heads_are_trained(digits, tmp_path: Path) -> None:
    model, run = network(bias=False), tmp_path / "run"
    probe(model, digits, stages=["late"], run_dir=run)
    probe(model, digits, stages=["early"], run_dir=run)
    assert set(pd.read_csv(run / "layers.csv")["stage"]) == {"early", "late"}
    assert len(pd.read_csv(run / "stages" / "early" / "head.csv")) == 2


def test_other_labels_than_the_networks_are_refused(digits, tmp_path: Path) -> None:
    model = averaging(keras.layers.GlobalAveragePooling2D(), outputs=12)
    with pytest.raises(InputError, match=r"`own_head`: .* 12 outputs, .* 10 labels; leave it out"):
        probe(model, digits, stages=["late"], run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_why_no_stage_has_an_own_head_is_said(digits) -> None:
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(5, 3, activation="relu", name="late")(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(LABELS, "sigmoid", name="scores")(x))
    with pytest.raises(InputError, match=r"`own_head`.*'scores'.* sigmoid\); leave it out"):
        probe(model, digits, stages=["late"])
