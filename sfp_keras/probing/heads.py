"""Phase 2: a bias-free linear head on every frozen stage, all trained side by side."""

import dataclasses
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.data import epoch_order
from sfp_keras.distribution import current_devices
from sfp_keras.errors import InputError
from sfp_keras.models.scope_names import is_scope_name
from sfp_keras.probing.features import Batches, FeatureCache, stage_outputs
from sfp_keras.probing.head_variants import HeadVariant, check_variants
from sfp_keras.probing.row_reader import RowReader
from sfp_keras.probing.stage_head import heads_of
from sfp_keras.probing.views import pooling_weights
from sfp_keras.progress import Progress
from sfp_keras.settings import HeadSettings, TrainingSettings
from sfp_keras.training import (
    GroupSchedule,
    ParameterGroup,
    StepsTogether,
    TrainingData,
    compile_classifier,
    fit_with_resume,
    optimizer_of,
    schedule_of,
)

# Batches whose rows are fetched from a file while one is trained on.
_READ_AHEAD = 4


@dataclasses.dataclass(frozen=True, eq=False)
class Head:
    """A trained head.

    Attributes:
        kernel: (P, F, K) float32.
        position_shape: shape of the P positions.
        history: one dict an epoch: epoch, lr, loss, accuracy, test_accuracy.
        pooling: weights of the pooling in front of it that was trained with it, by name; empty
            where there is none.
    """

    kernel: np.ndarray
    position_shape: tuple[int, ...]
    history: list[dict[str, float]]
    pooling: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        positions, filters, labels = np.shape(self.kernel)
        accuracy = self.history[-1].get("test_accuracy", math.nan) if self.history else math.nan
        known = "" if math.isnan(accuracy) else f", test accuracy {accuracy:.4f}"
        return (
            f"Head({filters} filters of {positions} outputs, {labels} labels, "
            f"{len(self.history)} epochs{known})"
        )


def train_heads(
    cache: FeatureCache,
    num_labels: int | None = None,
    settings: TrainingSettings | None = None,
    *,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    description: str = "",
    augmented: tuple[keras.Model, Callable[[int], Batches], int] | None = None,
    progress: Progress | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, Head]:
    """Train the heads of all stages of a cache together.

    Their gradients do not mix: each head comes out as if it had been trained alone. Every
    head's first weights are a function of (seed, stage), the order of the images one of
    (seed, epoch). The last epoch counts, not the best (paper 1 and 2, supplements).

    Args:
        cache: `FeatureCache` of training and test images; an epoch is of one of its versions, of
            each in turn.
        num_labels: `int`. K. Default: one more than the largest label of the cache.
        settings: `TrainingSettings`. A `group` is called by its stage: `layer2: lr=0.01`. Heads
            are float32 with any `precision`. Defaults to `HeadSettings()`, those of paper 2
            for VGG-16.
        seed: `int`.
        checkpoint: file from which an interrupted training goes on, or `None`.
        description: `str`. Kept in the checkpoint, so that another training's is refused.
        augmented: to train on new augmented images instead of the cached training rows: the
            cut model, a function of the first epoch giving endless batches, steps an epoch.
        progress: `Progress`, or `None`.
        callbacks: further Keras callbacks.

    Returns:
        Dict from stage name to `Head`.

    Raises:
        InputError: if a loss is not finite, a label lies outside 0 .. K-1, there are no training
            images, or `settings` has a `decay` or a `group` that cannot be read or is of no stage.
    """
    variants = [HeadVariant(seed)]
    found = train_head_variants(
        cache,
        variants,
        num_labels,
        settings,
        seed=seed,
        checkpoint=checkpoint,
        description=description,
        augmented=augmented,
        progress=progress,
        callbacks=callbacks,
    )
    return found[variants[0]]


def train_head_variants(
    cache: FeatureCache,
    variants: Sequence[HeadVariant],
    num_labels: int | None = None,
    settings: TrainingSettings | None = None,
    *,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    description: str = "",
    augmented: tuple[keras.Model, Callable[[int], Batches], int] | None = None,
    progress: Progress | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[HeadVariant, dict[str, Head]]:
    """Train several heads of every stage together, which read each batch once.

    The first comes out as if it had been trained alone. All see the images in the order of
    `seed`: they differ in their first weights, and in their labels where these are shuffled.

    Args:
        cache: as of `train_heads`, like what is not named here.
        variants: the heads of each stage; callbacks see the first.
        num_labels: `int`.
        settings: `TrainingSettings`.
        seed: `int`. Of the order of the images.
        checkpoint: file.
        description: `str`.
        augmented: as of `train_heads`; labels of new images are not shuffled.
        progress: `Progress`.
        callbacks: further Keras callbacks.

    Returns:
        Dict from variant to a dict from stage name to `Head`.

    Raises:
        InputError: as `train_heads`; and if there are several heads and a stage has a pooling that
            is trained with its head, or labels of new images are to be shuffled.
    """
    settings = settings or HeadSettings()
    if not isinstance(settings, TrainingSettings):
        raise InputError(
            "`settings` must be HeadSettings, such as HeadSettings(epochs=20, schedule_epochs=20), "
            f"received {type(settings).__name__}"
        )
    num_labels = _number_of_labels(cache, num_labels)
    if augmented is None and not cache.image_count:
        raise InputError("`cache` holds no training images")
    # Resident features are gathered on the device by index; files and new images are fed.
    resident = augmented is None and not cache.on_disk
    model = _HeadBank(cache, num_labels, variants, resident)
    learnt = [name for name, head in model.heads.items() if head.pooling]
    check_variants(variants, learnt, augmented is not None)
    names = list(cache.arrays)
    compile_classifier(model, settings, outputs=model.outputs_of, names=_patterns(names))
    rows, train_count, size = len(cache.labels), cache.train_count, settings.batch_size
    count = cache.image_count
    labels_of = {
        scope: variant.labels(cache.labels, count, cache.versions)
        for variant in variants
        for scope in model.scopes_of[variant.name].values()
    }
    readers = {name: RowReader(array) for name, array in cache.arrays.items()}

    def feed(indices: np.ndarray) -> tuple[Any, dict[str, np.ndarray]]:
        inputs = (
            indices.astype(np.int32)
            if resident
            else {name: read(indices) for name, read in readers.items()}
        )
        return inputs, {scope: one[indices] for scope, one in labels_of.items()}

    def feed_all(order: np.ndarray) -> Iterator[Any]:
        for begin in range(0, len(order), size):
            if not resident:
                coming = begin + _READ_AHEAD * size if begin else 0
                for reader in readers.values():
                    reader.expect(order[coming : begin + (_READ_AHEAD + 1) * size])
            yield feed(order[begin : begin + size])

    def cached(first_epoch: int) -> Iterator[Any]:
        epoch = first_epoch
        while True:
            version = epoch % cache.versions
            yield from feed_all(version * count + epoch_order(seed, epoch, count))
            epoch += 1

    def new(first_epoch: int) -> Iterator[Any]:
        assert augmented is not None
        cut, batches, _ = augmented
        for outputs, labels in stage_outputs(cut, batches(first_epoch)):
            inputs = {n: x.reshape(len(x), -1) for n, x in zip(names, outputs, strict=True)}
            yield inputs, dict.fromkeys(labels_of, labels)

    def test() -> Iterator[Any]:
        return feed_all(np.arange(train_count, rows))

    history = fit_with_resume(
        model,
        TrainingData(
            cached if augmented is None else new,
            augmented[2] if augmented else -(-count // size),
            test if rows > train_count else None,
            -(-(rows - train_count) // size),
            count // size if resident else None,
            (rows - train_count) // size if resident else None,
        ),
        settings,
        TrainingCheckpoint(checkpoint, description) if checkpoint else None,
        progress=progress,
        callbacks=callbacks,
    )
    groups = model.optimizer.groups
    rates = schedule_of(settings)
    return {
        variant: {
            name: Head(
                head.weights_array(),
                head.position_shape,
                _curve(history, name, model.called(variant, name), rates, groups),
                pooling_weights(head.pooling),
            )
            for name, head in model.heads_of[variant.name].items()
        }
        for variant in variants
    }


def _number_of_labels(cache: FeatureCache, wanted: int | None) -> int:
    if not isinstance(cache, FeatureCache):
        kind = type(cache).__name__
        raise InputError(f"`cache` must be what `cache_features` returns, received {kind}")
    if not len(cache.labels):
        if wanted is None:
            raise InputError("`num_labels` is needed: `cache` holds no images")
        return wanted
    least, most = int(cache.labels.min()), int(cache.labels.max())
    number = most + 1 if wanted is None else wanted
    if least < 0 or most >= number:
        raise InputError(
            f"`num_labels`={number}: labels run from {least} to {most}; give labels from 0 to "
            f"{number - 1}"
        )
    return number


class _HeadBank(StepsTogether):
    """All heads; fed features, or row indices of features it holds itself."""

    def __init__(
        self,
        cache: FeatureCache,
        num_labels: int,
        variants: Sequence[HeadVariant],
        resident: bool,
    ):
        super().__init__(name="heads", dtype="float32")
        self.heads_of = {one.name: heads_of(cache, num_labels, one.seed) for one in variants}
        # The first, which callbacks see.
        self.heads = self.heads_of[variants[0].name]
        self._features: dict[str, keras.Variable] = {}
        if resident:
            for name, array in cache.arrays.items():
                self._features[name] = current_devices().constant(array)
        self.scopes = _scope_names(self.heads)
        self._in_logs = {
            scope: name for name, scope in self.scopes.items() if not _like_test(name, self.scopes)
        }
        others = [one.name for one in variants[1:]]
        self.scopes_of = {variants[0].name: dict(self.scopes)}
        for name in others:
            self.scopes_of[name] = {n: f"{scope}.{name}" for n, scope in self.scopes.items()}
        self.resident = resident
        self.built = True

    @property
    def constants(self) -> list[keras.Variable]:
        """Variables a checkpoint leaves out."""
        return list(self._features.values())

    @property
    def outputs_of(self) -> list[str]:
        """Names of all outputs."""
        return [scope for scopes in self.scopes_of.values() for scope in scopes.values()]

    def called(self, variant: HeadVariant, stage: str) -> str:
        """What the logs call a head."""
        scope = self.scopes_of[variant.name][stage]
        return self._in_logs.get(scope, scope)

    def call(self, inputs: Any) -> dict[str, Any]:
        if self.resident:
            # Where Keras only looks at shapes, TensorFlow's strategies hand floats over.
            rows = ops.cast(inputs, "int32")
            inputs = {n: ops.take(x, rows, axis=0) for n, x in self._features.items()}
        return {
            self.scopes_of[variant][name]: head.outputs(inputs[name])
            for variant, heads in self.heads_of.items()
            for name, head in heads.items()
        }

    def get_metrics_result(self) -> dict[str, Any]:
        """The logs, with the names of stages for those of outputs."""
        changed = [(scope, name) for scope, name in self._in_logs.items() if scope != name]
        results = {}
        for key, value in super().get_metrics_result().items():
            name = next((n + key[len(s) :] for s, n in changed if key.startswith(f"{s}_")), key)
            results[name] = value
        return results


def _scope_names(stages: Iterable[str]) -> dict[str, str]:
    """What outputs are called in Keras, by stage: TensorFlow has no scope `conv#1`."""
    names = list(stages)
    return {
        stage: stage if is_scope_name(stage) and not _like_test(stage, names) else f"stage-{index}-"
        for index, stage in enumerate(names)
    }


def _like_test(stage: str, stages: Iterable[str]) -> bool:
    """Whether Keras calls what it finds of another stage on test images as this one's own."""
    return stage.startswith("val_") and stage.removeprefix("val_") in stages


def check_heads(settings: TrainingSettings, stages: Iterable[str]) -> None:
    """Refuse settings that cannot train heads.

    Args:
        settings: `TrainingSettings`, as of `train_heads`.
        stages: the stages' names.

    Raises:
        InputError: if `decay` or a `group` cannot be read, or two are of one stage.
    """
    optimizer_of(settings, _patterns(stages))


def _patterns(stages: Iterable[str]) -> dict[str, str]:
    """Where the variables of stages are, by the stages' names."""
    return {name: rf"(^|/){re.escape(name)}/" for name in stages}


def _curve(
    history: Sequence[Mapping[str, float]],
    name: str,
    called: str,
    schedule: GroupSchedule,
    groups: Sequence[ParameterGroup],
) -> list[dict[str, float]]:
    """The part of the logs of one head of a stage, under the name by which they call it."""
    group = next((g for g in groups if re.search(g.pattern, f"{name}/kernel")), None)

    def logged(row: Mapping[str, float], prefix: str, quantity: str) -> float:
        # Keras drops the output's name where there is a single output.
        keys = [f"{prefix}{called}_{quantity}", f"{prefix}{quantity}"]
        return next((row[key] for key in keys if key in row), float("nan"))

    return [
        {
            "epoch": int(row["epoch"]),
            "lr": row["lr"] if group is None else schedule.group_rate(group, int(row["epoch"])),
            "loss": logged(row, "", "cross_entropy"),
            "accuracy": logged(row, "", "accuracy"),
            "test_accuracy": logged(row, "val_", "accuracy"),
        }
        for row in history
    ]
