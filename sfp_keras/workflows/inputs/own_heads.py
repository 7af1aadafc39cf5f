"""The network's own layers as heads of the stages behind which it is linear."""

from collections.abc import Sequence

import keras

from sfp_keras.errors import InputError
from sfp_keras.monitoring.linear_head import LinearHead, linear_head
from sfp_keras.probing import Stage
from sfp_keras.workflows.inputs.stage_settings import StageSettings, view_of


def own_heads(network: keras.Model, stages: Sequence[Stage]) -> dict[str, LinearHead]:
    """Find the stages between which and the network's outputs there are linear layers alone.

    Args:
        network: `keras.Model`.
        stages: those that are probed.

    Returns:
        Dict from the name of each such stage to its `LinearHead`.
    """
    found = {}
    for stage in stages:
        try:
            found[stage.name] = linear_head(network, stage.path, pooled=False)
        except InputError:
            continue
    return found


def check_own_heads(network: keras.Model, stages: Sequence[Stage], settings: StageSettings) -> None:
    """Refuse stages none of which can have the network's own layers as its head.

    Args:
        network: `keras.Model`.
        stages: all that may be probed, input side first.
        settings: of each of them.

    Raises:
        InputError: saying what stands behind the last stage; or if `pool` changes what the
            network reads of one.
    """
    found = own_heads(network, stages)
    if not found:
        try:
            linear_head(network, stages[-1].path, pooled=False)
        except InputError as error:
            raise InputError(
                f"`own_head`: behind no stage is the network linear: {error}"
            ) from None
    for stage in stages:
        if stage.name in found and view_of(stage, settings).text:
            raise InputError(
                f"`own_head`: the network reads stage {stage.name} as it is; leave out `pool` there"
            )
