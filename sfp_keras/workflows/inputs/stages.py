"""Which stages of the network are probed."""

import difflib
import re

import keras

from sfp_keras.afcc import Link, links
from sfp_keras.errors import InputError, arguments_called
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
    with arguments_called(stages=setting):
        (stage,) = resolve_stages(network, [name])
    return stage


def stages_of_mode(experiment: Experiment, network: keras.Model) -> list[Stage]:
    """The stages that the experiment's mode works on: AFCC of a head, and ablations, on one."""
    mode = experiment.run.mode
    if experiment.zeroes_links:
        return stages_of_links(experiment, network)
    if mode in ("afcc", "ablate"):
        return [one_stage(experiment, network, f"{mode}_stage")]
    return chosen_stages(experiment, network)


def configurable_stages(experiment: Experiment, network: keras.Model) -> list[Stage]:
    """The stages that `pool` and `head_group` may name: the probed ones, and the mode's own."""
    stages = chosen_stages(experiment, network)
    names = [stage.name for stage in stages]
    own = stages_of_mode(experiment, network)
    return stages + [stage for stage in own if stage.name not in names]


def chosen_links(
    experiment: Experiment, network: keras.Model, num_labels: int | None = None
) -> list[Link]:
    """The links that `afcc_links` names, input side first.

    Args:
        experiment: `Experiment`.
        network: functional `keras.Model`.
        num_labels: `int`. Where it is given, what leads to another number of outputs is no link.

    Raises:
        InputError: if there is no link of a name, with similar ones.
    """
    with about_setting("afcc_links"):
        known = {
            link.name: link
            for link in links(network)
            if num_labels is None or link.num_outputs in (None, num_labels)
        }
    names = experiment.afcc.links.names
    wanted = list(known) if names == ("all",) else names
    for name in wanted:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=3)
            meant = f"did you mean {' or '.join(close)}? The" if close else "the"
            some = ", ".join([*known][-12:])
            if name == "all":
                raise InputError(f"`afcc_links`: all stands alone; the last links are {some}")
            raise InputError(
                f"`afcc_links`: there is no link {name!r}; {meant} last links are {some}"
            )
    return [link for name, link in known.items() if name in wanted]


def stages_of_links(experiment: Experiment, network: keras.Model) -> list[Stage]:
    """The stages whose labels decide what the chosen links keep.

    They have the names under which they are probed, so that their heads are trained once.
    """
    of_chosen = chosen_links(experiment, network)
    paths = {path for link in of_chosen for path in (*link.sources, link.target) if path}
    names = {stage.path: stage.name for stage in chosen_stages(experiment, network)}
    return resolve_stages(network, [names.get(path) or _short(network, path) for path in paths])


def _short(network: keras.Model, path: str) -> str:
    """`layer8` of `layer8_relu`, where that is the stage's name, as the papers call it."""
    short = re.match(r"((?:layer|stage)\d+)_[^/]*$", path)
    if short is not None:
        (stage,) = resolve_stages(network, [short[1]])
        if stage.path == path:
            return short[1]
    return path
