"""The callbacks of training in a plain `model.fit`, and settings turned into an optimiser."""

import contextlib
import gc
import io
import itertools

import keras
import numpy as np
import pytest
from rich.console import Console
from watched_batches import WatchedBatches

from sfp_keras import SGD
from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.errors import InputError
from sfp_keras.progress import Progress
from sfp_keras.settings import TrainingSettings
from sfp_keras.training import (
    EpochCheckpoint,
    FitProgress,
    FreshValidation,
    GroupSchedule,
    ParameterGroup,
    StepDecay,
    StopOnNaN,
    check_groups,
    optimizer_of,
    schedule_of,
)

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)).astype(np.float32), RNG.normal(size=(40, 1)).astype(np.float32)


def compiled(optimizer):
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="output")])
    model.compile(optimizer, "mse")
    optimizer.build(model.trainable_variables)
    return model


def fit(model, *callbacks, epochs=4, **arguments):
    return model.fit(
        X, Y, batch_size=20, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks,
        **arguments,
    ).history  # fmt: skip


def test_a_schedule_changes_the_rate_of_any_optimiser():
    schedule = GroupSchedule(0.1, StepDecay.parse("0.5/4"), epochs=4, schedule_epochs=8)
    logs = fit(compiled(keras.optimizers.SGD()), schedule)
    assert logs["lr"] == [0.1, 0.1, 0.05, 0.05]


def test_groups_follow_their_own_decay():
    group = ParameterGroup("fc", "output/kernel", 0.2, decay=StepDecay.parse("0.1/1"))
    model = compiled(SGD(0.1, groups=[group]))
    biases, kernels = [], []

    class Look(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            kernels.append(self.model.get_weights()[0])
            biases.append(self.model.get_weights()[1])

    still = GroupSchedule(0.0, StepDecay(), epochs=4)
    fit(model, still, Look())
    assert all((bias == biases[0]).all() for bias in biases)
    moves = [np.abs(b - a).max() for a, b in itertools.pairwise(kernels)]
    assert moves[0] > 5 * moves[1] > 0


def test_a_schedule_of_settings_is_theirs():
    settings = TrainingSettings(
        epochs=2, schedule_epochs=20, lr=0.4, decay="0.5/10", group=("output: lr=x0.1 decay=none",)
    )
    optimizer, schedule = optimizer_of(settings), schedule_of(settings)
    (group,) = optimizer.groups
    assert [schedule.default_rate(epoch) for epoch in (0, 1)] == [0.4, 0.2]
    assert [schedule.group_rate(group, epoch) for epoch in (0, 1)] == pytest.approx([0.04, 0.04])
    assert optimizer.momentum == settings.momentum
    assert optimizer.l2 == settings.l2


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"decay": "2/1"}, "`decay`='2/1'"),
        ({"group": ("fc",)}, "`group`='fc'"),
        ({"group": ("dense_9: lr=1",)}, "`group`: .*dense_9.* matches no variable"),
        ({"group": ("output: lr=1",) * 2}, "`group`: two have the name 'output'"),
    ],
)
def test_settings_that_cannot_train_are_named(wrong, match):
    with pytest.raises(InputError, match=match):
        check_groups(TrainingSettings(**wrong), compiled(SGD()).trainable_variables)


def test_a_loss_that_is_not_finite_stops_a_fit():
    model = compiled(keras.optimizers.SGD(1e30))
    with pytest.raises(InputError, match=r"loss is not finite .* epoch 0: .* lower learning rate"):
        fit(model, StopOnNaN(), epochs=2)


def test_validation_sees_a_fresh_pass_every_epoch():
    passes = []

    def one_pass():
        passes.append(0)
        for begin in range(0, 40, 10):
            passes[-1] += 1
            yield X[begin : begin + 10], Y[begin : begin + 10]

    model = compiled(keras.optimizers.SGD(0.1))
    logs = fit(model, FreshValidation(one_pass, 4), epochs=2)
    outputs = np.asarray(model(X))
    assert logs["val_loss"][-1] == pytest.approx(((outputs - Y) ** 2).mean(), rel=1e-5)
    assert [count for count in passes if count] == [4, 4]


def test_a_plain_fit_goes_on_from_a_checkpoint(tmp_path):
    def train(epochs, file, stop=None):
        model = compiled(SGD(0.1, 0.9))
        saver = EpochCheckpoint(TrainingCheckpoint(tmp_path / file, "a", every_seconds=0))
        done = saver.restore(model)
        fit(model, saver, epochs=stop or epochs, initial_epoch=done)
        return model.get_weights(), saver.history

    train(4, "part.npz", stop=2)
    weights, history = train(4, "part.npz")
    expected, whole = train(4, "whole.npz")
    assert history == whole
    assert [row["epoch"] for row in history] == [0, 1, 2, 3]
    for ours, theirs in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_progress_is_shown_by_a_plain_fit():
    text = io.StringIO()
    progress = Progress("training", Console(file=text), line_seconds=0)
    with contextlib.closing(FitProgress(progress)) as shown:
        fit(compiled(keras.optimizers.SGD(0.1)), shown, epochs=3, initial_epoch=1)
    lines = text.getvalue().splitlines()
    assert lines[0] == "training: going on after epoch 1 of 3"
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "training: epoch 2/3",
        "training: epoch 3/3",
    ]


def test_no_pass_keeps_its_batches():
    """TensorFlow keeps what it was given to call, and Keras would give it two batches a pass."""
    watched = WatchedBatches()

    def one_pass():
        return watched((X[begin : begin + 10], Y[begin : begin + 10]) for begin in range(0, 40, 10))

    model = compiled(keras.optimizers.SGD(0.1))
    fit(model, FreshValidation(one_pass, 4), epochs=5)
    gc.collect()
    assert len(watched.made) == 20
    assert watched.alive == 0


def test_validation_takes_what_keras_takes():
    """Weights that are None, and batches of other shapes; each pass from its beginning."""
    keras.utils.set_random_seed(2)
    inputs = keras.Input((None, 3))
    outputs = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(inputs))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse")
    batches = [(RNG.normal(size=(5, length, 3)), Y[:5], None) for length in (4, 6, 4)]
    validation = FreshValidation(lambda: iter(batches), steps=2)
    x = np.concatenate([X[:, None], X[:, None]], axis=1)
    logs = model.fit(x, Y, epochs=2, verbose=0, callbacks=[validation]).history
    losses = [((np.asarray(model(x)) - y) ** 2).mean() for x, y, _ in batches[:2]]
    assert logs["val_loss"][-1] == pytest.approx(np.mean(losses), rel=1e-4)


def test_groups_keep_their_rates_where_the_loss_is_scaled():
    group = ParameterGroup("all", "output", 0.1, decay=StepDecay.parse("0.5/1"))
    inner = SGD(0.01, groups=[group])
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="output")])
    model.compile(keras.optimizers.LossScaleOptimizer(inner), "mse")
    rates = []
    seen = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: rates.append(float(inner._group_rates[0]))
    )
    fit(model, GroupSchedule(0.01, StepDecay(), 3), seen, epochs=3)
    assert rates == pytest.approx([0.1, 0.05, 0.025])


def test_moving_means_that_are_not_finite_stop_it():
    model = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization(momentum=1.0)])
    model.compile("sgd", "mse")
    broken = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: model.layers[0].moving_variance.assign(
            [1, np.nan, 1]
        )
    )
    with pytest.raises(InputError, match="moving_variance is not finite after epoch 0"):
        fit(model, broken, StopOnNaN(), epochs=1)


def test_infinity_that_a_layer_holds_from_the_beginning_is_its_own():
    norm = keras.layers.BatchNormalization(trainable=False)
    model = keras.Sequential([keras.Input((3,)), norm, keras.layers.Dense(1)])
    model.layers[0].moving_variance.assign([1, 1, np.inf])
    model.compile("sgd", "mse")
    fit(model, StopOnNaN(), epochs=1)


def test_a_model_without_an_input_is_built_by_its_first_step():
    schedule = GroupSchedule(0.1, StepDecay.parse("0.5/1"), 2)
    model = keras.Sequential([keras.layers.Dense(2), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    assert fit(model, schedule, epochs=2)["lr"] == [0.1, 0.05]
    model = keras.Sequential([keras.layers.Dense(1, name="fc")])
    model.compile(SGD(groups=[ParameterGroup("fc", "fc", 0.1)]), "mse")
    with pytest.raises(InputError, match="the model has no variables yet"):
        fit(model, schedule, epochs=1)
