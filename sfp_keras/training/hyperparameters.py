"""What `TrainingSettings` mean: an optimiser with its groups, a schedule, a compiled model."""

from collections.abc import Mapping, Sequence

import keras

from sfp_keras.errors import InputError, arguments_called
from sfp_keras.settings import TrainingSettings
from sfp_keras.training.adamw import AdamW
from sfp_keras.training.callbacks import GroupSchedule
from sfp_keras.training.cosine import CosineDecay, WarmUp
from sfp_keras.training.decay import parse_decay
from sfp_keras.training.grouped_optimizer import GroupedOptimizer
from sfp_keras.training.groups import ParameterGroup, parse_group
from sfp_keras.training.loss import CrossEntropy, curves
from sfp_keras.training.sgd import SGD


def default_group(settings: TrainingSettings) -> ParameterGroup:
    """The hyperparameters of variables in no group.

    Args:
        settings: `TrainingSettings`.

    Returns:
        A `ParameterGroup`.

    Raises:
        InputError: if `decay` cannot be read.
    """
    return ParameterGroup(
        "default",
        "",
        settings.lr,
        settings.momentum,
        settings.l2,
        parse_decay(settings.decay, _cosine(settings)),
        settings.recipe.weight_decay,
    )


def _cosine(settings: TrainingSettings) -> CosineDecay:
    return CosineDecay(settings.recipe.min_lr, settings.recipe.cooldown_epochs)


def _groups(
    settings: TrainingSettings, names: Mapping[str, str] | None = None
) -> list[ParameterGroup]:
    default, kind = default_group(settings), settings.recipe.optimizer
    cosine = _cosine(settings)
    return [parse_group(text, default, names, kind, cosine) for text in settings.group]


def optimizer_of(
    settings: TrainingSettings, names: Mapping[str, str] | None = None
) -> GroupedOptimizer:
    """The optimiser, not built.

    Args:
        settings: `TrainingSettings`.
        names: dict from the names that groups may have to patterns; see `parse_group`.

    Returns:
        An `SGD` or an `AdamW`.

    Raises:
        InputError: if `decay` or a `group` cannot be read.
    """
    default, groups = default_group(settings), _groups(settings, names)
    with arguments_called(groups="group"):
        if settings.recipe.optimizer == "adamw":
            return AdamW(default.learning_rate, default.weight_decay, groups=groups)
        return SGD(default.learning_rate, default.momentum, default.l2, groups=groups)


def schedule_of(settings: TrainingSettings) -> GroupSchedule:
    """The schedule of the learning rates, a Keras callback.

    Args:
        settings: `TrainingSettings`.

    Returns:
        A `GroupSchedule`.

    Raises:
        InputError: if `decay` cannot be read, a warm-up or cosine would raise a learning rate
            that it lowers or the other way about, or they take the whole schedule.
    """
    recipe, default = settings.recipe, default_group(settings)
    groups = [default, *_groups(settings)]
    cosines = [group for group in groups if isinstance(group.decay, CosineDecay)]
    used = [("warmup_lr", "warmup_epochs", groups if recipe.warmup_epochs else [])]
    used.append(("min_lr", "cooldown_epochs", cosines))
    for rate, _, of in used:
        for group in of:
            # Of rate 0, a group is frozen all the time.
            if 0 < group.learning_rate < getattr(recipe, rate):
                whose = "" if group is default else f" of `group`={group.name}"
                raise InputError(
                    f"`{rate}`={getattr(recipe, rate):g} must not be above "
                    f"`lr`={group.learning_rate:g}{whose}"
                )
    epochs = {name: getattr(recipe, name) for _, name, of in used if of}
    if sum(epochs.values()) >= max(settings.schedule_length, 1):
        given = " and ".join(f"`{name}`={count}" for name, count in epochs.items())
        raise InputError(
            f"{given}: nothing is left of the schedule's {settings.schedule_length} epochs "
            "(`schedule_epochs`)"
        )
    return GroupSchedule(
        settings.lr,
        default.decay,
        settings.total_epochs,
        settings.schedule_length,
        WarmUp(recipe.warmup_epochs, recipe.warmup_lr),
    )


def vanishing_rate(settings: TrainingSettings, prefix: str = "--") -> str | None:
    """Say where a learning rate falls to nothing long before the end.

    Args:
        settings: `TrainingSettings`.
        prefix: `str`. What stands before the names of settings. Defaults to that of flags.

    Returns:
        A sentence where the rate is below a millionth of `lr` for a tenth of the epochs or more;
        else `None`.

    Raises:
        InputError: as of `schedule_of`.
    """
    schedule, epochs = schedule_of(settings), settings.total_epochs
    rates = [schedule.default_rate(epoch) for epoch in range(epochs)]
    small = [epoch for epoch, rate in enumerate(rates) if 0 < rate < 1e-6 * settings.lr]
    if 10 * len(small) < max(epochs, 1):
        return None
    length = settings.schedule_length
    sentence = (
        f"the learning rate falls below a millionth of {prefix}lr={settings.lr:g} after "
        f"{small[0]} of {epochs} epochs: little is learnt from there on"
    )
    if length == epochs:
        return sentence
    return (
        f"{sentence}. {prefix}decay={settings.decay} is written for {length} epochs "
        f"({prefix}schedule_epochs), of which each epoch here is {length / epochs:g}: give "
        f"{prefix}schedule_epochs={epochs} if it is meant for {epochs}"
    )


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
        InputError: as of `schedule_of`; if a `group` cannot be read, or its pattern matches no
            variable.
    """
    schedule_of(settings)
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
    smoothing = settings.recipe.label_smoothing
    model.compile(
        optimizer=optimizer,
        loss={name: CrossEntropy(smoothing) for name in outputs} or CrossEntropy(smoothing),
        weighted_metrics={name: curves() for name in outputs} or curves(),
    )
    _build(optimizer, model.trainable_variables)


def _build(optimizer: GroupedOptimizer, variables: Sequence[keras.Variable]) -> None:
    with arguments_called(groups="group"):
        optimizer.build(variables)
