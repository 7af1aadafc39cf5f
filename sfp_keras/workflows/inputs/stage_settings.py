"""How the head of each stage is pooled and trained.

A run directory keeps `pool` and `head_group` for each stage, so that further stages can have their
own.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.probing import HeadVariant, Stage, StageView, check_heads, head_variants
from sfp_keras.settings import HeadSettings
from sfp_keras.training import default_group, parse_group
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.inputs.arguments import training_called

StageSettings = Mapping[str, Mapping[str, str]]


def stage_settings(run: ExperimentRun, stages: list[Stage]) -> StageSettings:
    """Pooling and group of the head of each stage, as `pool` and `head_group` give them.

    Args:
        run: `ExperimentRun`; the settings may name finished heads in it too.
        stages: all others that the settings may name.

    Returns:
        Dict from the name of each of `stages` to its `pool` and `head_group`.

    Raises:
        InputError: if a setting names other stages, or changes a finished head.
    """
    experiment, finished = run.experiment, run.finished_heads()
    probed = [stage.name for stage in stages]
    everywhere, pools = _pools(experiment)
    groups = _groups(experiment)
    for setting, named in (("pool", pools), ("head_group", groups)):
        for name, value in named.items():
            if name not in finished:
                _check_probed(setting, name, probed)
            if name not in probed:
                _check_same(run, finished, name, setting, value)
    settings = {
        name: {"pool": pools.get(name, everywhere), "head_group": groups.get(name, "")}
        for name in probed
    }
    for name, of_stage in settings.items():
        for setting, value in of_stage.items():
            _check_same(run, finished, name, setting, value)
    return settings


def views_without_run(experiment: Experiment, stages: Sequence[Stage]) -> list[StageView]:
    """What the heads of stages read by `pool` alone, whatever a run directory holds.

    Args:
        experiment: `Experiment`.
        stages: those that `pool` may name.

    Returns:
        The view of each stage.

    Raises:
        InputError: if `pool` is misspelt, or names other stages.
    """
    everywhere, pools = _pools(experiment)
    probed = [stage.name for stage in stages]
    for name in pools:
        _check_probed("pool", name, probed)
    settings = {name: {"pool": pools.get(name, everywhere)} for name in probed}
    return [view_of(stage, settings) for stage in stages]


def _check_probed(setting: str, name: str, probed: Sequence[str]) -> None:
    if name not in probed:
        raise InputError(f"`{setting}`: {name!r} is none of the probed stages {', '.join(probed)}")


def _check_same(
    run: ExperimentRun, finished: StageSettings, stage: str, setting: str, now: str
) -> None:
    before = finished.get(stage, {}).get(setting, now)
    if before != now:
        raise InputError(
            f"{run.path} holds another head of {stage}: `{setting}` was "
            f"{before or 'not given'}, now {now or 'not given'}; choose another `run_dir`, or redo "
            "all heads with `overwrite`=heads"
        )


def _pools(experiment: Experiment) -> tuple[str, dict[str, str]]:
    """`pool`: one text for all stages, and `<stage>=<text>` for some of them."""
    given = ",".join(experiment.network.pool)
    everywhere = [text for text in experiment.network.pool if "=" not in text]
    if len(everywhere) > 1:
        raise InputError(
            f"`pool`={given}: give one for all stages, as in avg:7, or <stage>=<pool> for each"
        )
    pools: dict[str, str] = {}
    for text in experiment.network.pool:
        name, equals, pool = text.partition("=")
        if equals and name in pools:
            raise InputError(f"`pool`={given}: {name!r} has two; give each stage one")
        if equals:
            pools[name] = pool
    return (everywhere or [experiment.architecture.pool or "none"])[0], pools


def _groups(experiment: Experiment) -> dict[str, str]:
    """`head_group`: its text by stage."""
    groups: dict[str, str] = {}
    for text in experiment.heads.training.group:
        name = _stage_of(experiment, text)
        if name in groups:
            raise InputError(f"`head_group`: two groups of stage {name!r}; put them into one")
        groups[name] = " ".join(text.split())
    return groups


def only_stage(experiment: Experiment, name: str) -> Experiment:
    """The experiment of one stage, without the pools and groups of others."""
    pools = experiment.network.pool
    groups = experiment.heads.training.group
    return experiment.changed(
        stages=(name,),
        pool=tuple(t for t in pools if "=" not in t or t.partition("=")[0] == name),
        head_group=tuple(t for t in groups if _stage_of(experiment, t) == name),
    )


def pools_of(settings: StageSettings) -> dict[str, str]:
    """The pooling of those stages that have one."""
    return {name: of["pool"] for name, of in settings.items() if of["pool"] != "none"}


def view_of(stage: Stage, settings: StageSettings) -> StageView:
    """What the head of a stage reads."""
    pool = pools_of(settings).get(stage.name, "")
    return StageView(stage.name, stage.output_shape, pool, stage.called)


def head_settings(experiment: Experiment, settings: StageSettings) -> HeadSettings:
    """How the heads of these stages are trained.

    Raises:
        InputError: if `head_decay` or a `head_group` cannot be read.
    """
    groups = tuple(of["head_group"] for of in settings.values() if of["head_group"])
    training = dataclasses.replace(experiment.heads.training, group=groups)
    with training_called("head_"):
        check_heads(training, settings)
    return training


def further_heads(experiment: Experiment) -> list[HeadVariant]:
    """The heads of each stage that are trained beside its own."""
    heads = experiment.heads
    seeds = heads.seeds if experiment.reads("head_seeds") else 1
    shuffled = heads.shuffled_labels and experiment.reads("shuffled_labels")
    return head_variants(experiment.run.seed, seeds, shuffled)


def _stage_of(experiment: Experiment, group: str) -> str:
    """The stage that a `head_group` is of."""
    with training_called("head_"):
        return parse_group(group, default_group(experiment.heads.training)).name
