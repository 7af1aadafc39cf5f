"""What `TrainingSettings` mean: an optimiser with its groups, a schedule, a compiled model."""

from collections.abc import Mapping, Sequence

import keras

from sfp_keras.errors import arguments_called
from sfp_keras.settings import TrainingSettings
from sfp_keras.training.callbacks import GroupSchedule
from sfp_keras.training.groups import ParameterGroup, parse_group
from sfp_keras.training.loss import CrossEntropy, curves
from sfp_keras.training.optimizer import SGD
from sfp_keras.training.schedule import StepDecay


def default_group(settings: TrainingSettings) -> ParameterGroup:
    """The hyperparameters of variables in no group.

    Args:
        settings: `TrainingSettings`.

    Returns:
        A `ParameterGroup`.

    Raises:
        InputError: if `decay` cannot be read.
    """
    decay = StepDecay.parse(settings.decay)
    return ParameterGroup("default", "", settings.lr, settings.momentum, settings.l2, decay)


def optimizer_of(settings: TrainingSettings, names: Mapping[str, str] | None = None) -> SGD:
    """The optimiser, not built.

    Args:
        settings: `TrainingSettings`.
        names: dict from the names that groups may have to patterns; see `parse_group`.

    Returns:
        An `SGD`.

    Raises:
        InputError: if `decay` or a `group` cannot be read.
    """
    default = default_group(settings)
    groups = [parse_group(text, default, names) for text in settings.group]
    with arguments_called(groups="group"):
        return SGD(default.learning_rate, default.momentum, default.l2, groups=groups)


def schedule_of(settings: TrainingSettings) -> GroupSchedule:
    """The schedule of the learning rates, a Keras callback.

    Args:
        settings: `TrainingSettings`.

    Returns:
        A `GroupSchedule`.

    Raises:
        InputError: if `decay` cannot be read.
    """
    decay = StepDecay.parse(settings.decay)
    return GroupSchedule(settings.lr, decay, settings.total_epochs, settings.schedule_length)


def check_groups(
    settings: TrainingSettings,
    variables: Sequence[keras.Variable],
    names: Mapping[str, str] | None = None,
) -> None:
    """Refuse settings that cannot train these variables.

    Args:
        settings: `TrainingSettings`.
        variables: those that are trained.
        names: as of `optimizer_of`.

    Raises:
        InputError: if `decay` or a `group` cannot be read, or a group's pattern matches no
            variable.
    """
    _build(optimizer_of(settings, names), variables)


def compile_classifier(
    model: keras.Model,
    settings: TrainingSettings,
    *,
    outputs: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
) -> None:
    """Compile a model of logits for `fit_with_resume`, with cross-entropy and accuracy.

    Args:
        model: `keras.Model`.
        settings: `TrainingSettings`.
        outputs: names of the outputs of a model that has several by name.
        names: as of `optimizer_of`.

    Raises:
        InputError: as of `check_groups`.
    """
    optimizer = optimizer_of(settings, names)
    model.compile(
        optimizer=optimizer,
        loss={name: CrossEntropy() for name in outputs} or CrossEntropy(),
        weighted_metrics={name: curves() for name in outputs} or curves(),
    )
    _build(optimizer, model.trainable_variables)


def _build(optimizer: SGD, variables: Sequence[keras.Variable]) -> None:
    with arguments_called(groups="group"):
        optimizer.build(variables)
