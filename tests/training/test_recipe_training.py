"""A training by the whole recipe, with images that are mixed: it goes on bit by bit alike."""

import keras
import numpy as np
import pytest

from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.data import (
    Augmentation,
    Erasing,
    ImageRecipe,
    ImageSplit,
    Mixing,
    RandAugment,
    ResizedCrop,
    evaluation_batches,
    parse_scaling,
    recipe_batches,
)
from sfp_keras.settings import RecipeSettings, TrainingSettings
from sfp_keras.training import TrainingData, compile_classifier, fit_with_resume

pytestmark = pytest.mark.usefixtures("not_compiled")
RNG = np.random.default_rng(0)
TRAIN, TEST = (
    ImageSplit(RNG.integers(0, 256, (count, 6, 5, 3), dtype=np.uint8), RNG.integers(0, 4, count))
    for count in (23, 7)
)
RECIPE = ImageRecipe(ResizedCrop(), RandAugment(), Erasing(), Mixing())
SCALING = parse_scaling("-1..1")
SETTINGS = TrainingSettings(
    4,
    4,
    lr=0.05,
    decay="cosine",
    group=("output: weight_decay=0.5",),
    recipe=RecipeSettings("adamw", 0.06, warmup_epochs=1, cooldown_epochs=1, label_smoothing=0.1),
)
DATA = TrainingData(
    lambda epoch: recipe_batches(
        TRAIN, 8, 0, SCALING, RECIPE, 4, Augmentation(shift=1), first_epoch=epoch
    ),
    3,
    lambda: evaluation_batches(TEST, 4, SCALING),
    2,
)


def train(path, *callbacks):
    keras.utils.set_random_seed(1)
    image = keras.Input((6, 5, 3))
    x = keras.layers.LayerNormalization(name="norm")(keras.layers.Flatten()(image))
    model = keras.Model(image, keras.layers.Dense(4, name="output")(x))
    compile_classifier(model, SETTINGS)
    checkpoint = TrainingCheckpoint(path, every_seconds=0)
    history = fit_with_resume(model, DATA, SETTINGS, checkpoint, callbacks=callbacks)
    return model, history


def test_stopped_and_started_again_it_ends_bit_equal(tmp_path):
    def stop(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    model, history = train(tmp_path / "whole.npz")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "part.npz", keras.callbacks.LambdaCallback(on_epoch_begin=stop))
    again, other = train(tmp_path / "part.npz")
    assert other == history
    for ours, theirs in zip(again.variables, model.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    # Test images are not mixed: their curves are those of plain labels.
    x, y = next(evaluation_batches(TEST, 7, SCALING))
    logits = model.predict_on_batch(x)
    assert history[-1]["val_accuracy"] == pytest.approx((logits.argmax(1) == y).mean())
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    assert history[-1]["val_cross_entropy"] == pytest.approx(
        -logs[np.arange(7), y].mean(), rel=1e-5
    )
