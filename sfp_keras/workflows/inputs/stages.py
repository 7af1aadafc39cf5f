"""Which stages of the network are probed."""

import keras

from sfp_keras.experiment import Experiment
from sfp_keras.probing import Stage, default_stages, resolve_stages
from sfp_keras.workflows.inputs.arguments import about_setting


def chosen_stages(experiment: Experiment, network: keras.Model) -> list[Stage]:
    """`stages`, or those of the network's architecture, or the last before each reduction."""
    if experiment.network.stages:
        return resolve_stages(network, experiment.network.stages)
    names = experiment.stage_names
    return resolve_stages(network, names) if names else default_stages(network)


def one_stage(experiment: Experiment, network: keras.Model, setting: str) -> Stage:
    """The stage that a setting names, or the last of the probed stages."""
    name = experiment.value(setting)
    if name is None:
        return chosen_stages(experiment, network)[-1]
    with about_setting(setting):
        (stage,) = resolve_stages(network, [name])
    return stage


def stages_of_mode(experiment: Experiment, network: keras.Model) -> list[Stage]:
    """The stages that the experiment's mode works on: AFCC and ablations on one."""
    mode = experiment.run.mode
    if mode in ("afcc", "ablate"):
        return [one_stage(experiment, network, f"{mode}_stage")]
    return chosen_stages(experiment, network)


def configurable_stages(experiment: Experiment, network: keras.Model) -> list[Stage]:
    """The stages that `pool` and `head_group` may name: the probed ones, and the mode's own."""
    stages = chosen_stages(experiment, network)
    names = [stage.name for stage in stages]
    own = stages_of_mode(experiment, network)
    return stages + [stage for stage in own if stage.name not in names]
