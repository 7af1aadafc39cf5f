"""The network's own layers as heads of the stages behind which it is linear."""

import math
from collections.abc import Sequence

import keras

from sfp_keras.errors import InputError
from sfp_keras.monitoring.linear_head import LinearHead, linear_head
from sfp_keras.probing import Stage, StageView
from sfp_keras.traits import inherited_traits
from sfp_keras.workflows.inputs.stage_settings import StageSettings, view_of


def own_heads(
    network: keras.Model, stages: Sequence[Stage], settings: StageSettings
) -> dict[str, LinearHead]:
    """Find the stages between which and the network's outputs there are linear layers alone.

    Args:
        network: `keras.Model`.
        stages: those that are probed.
        settings: of each of them.

    Returns:
        Dict from the name of each such stage to its `LinearHead`, which reads what the stage's
        settings say.

    Raises:
        InputError: if `pool` changes what the network reads of one.
    """
    found = {}
    for stage in stages:
        view = view_of(stage, settings)
        try:
            head = linear_head(network, stage.path, pooled=bool(view.text))
        except InputError:
            continue
        if view.text and not (_averages_all(view) and len(head.kernel()) == 1):
            raise InputError(
                f"`own_head`: the network does not read stage {stage.name} by `pool`={view.text}; "
                f"give `pool`={stage.name}=none"
            )
        found[stage.name] = head
    return found


def check_own_heads(network: keras.Model, stages: Sequence[Stage], settings: StageSettings) -> None:
    """Refuse stages none of which can have the network's own layers as its head.

    Args:
        network: `keras.Model`.
        stages: all that may be probed.
        settings: of each of them.

    Raises:
        InputError: if there is none, or a setting of its head or its pooling does not go with it.
    """
    found = own_heads(network, stages, settings)
    if not found:
        try:
            where = f"give `stages`={linear_head(network).stage}, or leave it out"
        except InputError:
            where = "leave it out"
        names = ", ".join(stage.name for stage in stages)
        raise InputError(
            f"`own_head`: between none of the stages {names} and the network's outputs are there "
            f"linear layers alone; {where}"
        )
    for name in found:
        if group := settings[name]["head_group"]:
            raise InputError(
                f"`head_group`={group}: with `own_head` no head of stage {name} is trained"
            )


def _averages_all(view: StageView) -> bool:
    """Whether a view is the average over all positions."""
    averages = all(inherited_traits(layer).linear == "averaged" for layer in view.fixed())
    return averages and not view.learnt() and math.prod(view.seen[:-1]) == 1
