"""The network's own layers as heads of the stages behind which it is linear."""

import math
from collections.abc import Collection, Sequence

import keras
import numpy as np

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
        if view.text and not (_averages_all(view) and _reads_averages(network, stage, head)):
            raise InputError(
                f"`own_head`: the network does not read stage {stage.name} by `pool`={view.text}; "
                f"give `pool`={stage.name}=none"
            )
        found[stage.name] = head
    return found


def check_own_heads(
    network: keras.Model,
    stages: Sequence[Stage],
    settings: StageSettings,
    num_labels: int,
    *,
    begun: bool,
) -> Collection[str]:
    """Refuse stages none of which can have the network's own layers as its head.

    Args:
        network: `keras.Model`.
        stages: all that may be probed.
        settings: of each of them.
        num_labels: `int`. Of the images.
        begun: `bool`. Whether the run has heads already, and stays with the setting: any stages
            will do.

    Returns:
        The names of the stages that have them.

    Raises:
        InputError: if there is none, the network has other labels, or a setting of its head or its
            pooling does not go with it.
    """
    found = own_heads(network, stages, settings)
    if not found and not begun:
        names = ", ".join(stage.name for stage in stages)
        raise InputError(
            f"`own_head`: between none of the stages {names} and the network's outputs are there "
            f"linear layers alone{_why_none(network, stages[-1])}"
        )
    for name, head in found.items():
        outputs = int(head.layers[-1].outputs[0].shape[-1])
        if outputs != num_labels:
            raise InputError(
                f"`own_head`: the network has {outputs} outputs, the images have {num_labels} "
                "labels; leave it out, or give images of the network's labels"
            )
        if group := settings[name]["head_group"]:
            raise InputError(
                f"`head_group`={group}: with `own_head` no head of stage {name} is trained"
            )
    return found


def _why_none(network: keras.Model, last: Stage) -> str:
    """What can be done where no stage has an own head, or why nothing can."""
    try:
        return f"; give `stages`={linear_head(network).stage}, or leave it out"
    except InputError:
        pass
    try:
        linear_head(network, last.path, pooled=False)
    except InputError as error:
        return f" ({str(error).partition(': ')[0]}); leave it out"
    return "; leave it out"


def _averages_all(view: StageView) -> bool:
    """Whether a view is the average over all positions, none left out."""
    shape = view.shape
    for layer in view.fixed():
        traits = inherited_traits(layer)
        if traits.linear != "averaged":
            return False
        before, shape = shape, layer.compute_output_shape((None, *shape))[1:]
        if traits.positions == "window" and before[:-1] != tuple(
            size * count for size, count in zip(layer.pool_size, shape[:-1], strict=True)
        ):
            return False
    return not view.learnt() and math.prod(shape[:-1]) == 1


def _reads_averages(network: keras.Model, stage: Stage, head: LinearHead) -> bool:
    """Whether a head is of one position, and its network reads all positions of a stage alike."""
    kernel = linear_head(network, stage.path, pooled=False).kernel()
    return len(head.kernel()) == 1 and np.allclose(kernel, kernel[:1], rtol=1e-5, atol=0)
