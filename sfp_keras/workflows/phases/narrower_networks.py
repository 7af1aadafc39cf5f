"""Networks trained with fewer filters, each an ordinary run below the ablation."""

import keras
import pandas as pd

from sfp_keras.analyses import switches
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.models.copying import (
    layer_with_filters,
    layers_with_filters,
    narrowed,
    width_of,
)
from sfp_keras.models.options import Layer, read_layer
from sfp_keras.probing import Stage
from sfp_keras.reports import terminal
from sfp_keras.runs import RunFiles, stage_results
from sfp_keras.runs.identity import FormerValue, differences
from sfp_keras.workflows.inputs.stage_settings import only_stage
from sfp_keras.workflows.session import ProbeSession

_COLUMNS = ["layers", "width", "network_accuracy", "accuracy"]


def check_widths(experiment: Experiment, network: keras.Model, stage: Stage) -> None:
    """Refuse widths where there is nothing to train, or no such layer.

    Raises:
        InputError: naming the setting and the mend.
    """
    if not experiment.ablation.widths:
        if experiment.ablation.layers:
            raise InputError("`ablate_layers` says which layers `ablate_widths` narrows; give both")
        return
    if not experiment.trains:
        network_of = f"`model`={experiment.network.model}"
        if experiment.network.weights:
            network_of += f" with `weights`={experiment.network.weights}"
        raise InputError(
            f"`ablate_widths` trains a network with fewer filters, but {network_of} is trained "
            "already: leave it out, or let a network with a name, or a function with `train`, be "
            "trained"
        )
    architecture = experiment.architecture
    if not architecture.has("filters"):
        raise InputError(f"`ablate_widths`: {architecture.name} has no option `filters`")
    if experiment.network.initial_weights:
        raise InputError(
            "`ablate_widths`: the weights of "
            f"`initial_weights`={experiment.network.initial_weights} do not fit other numbers of "
            "filters; leave one of the two out"
        )
    if architecture.layer_of and not _numbered_layers(experiment, network):
        raise InputError(
            f"`ablate_widths`: {architecture.name} has no layer whose filters it can make fewer; "
            "train it apart with another `filters`"
        )
    changed, widest = changed_layers(experiment, network, stage), max(experiment.ablation.widths)
    for layer in changed:
        name = architecture.layer_of(layer) if architecture.layer_of else str(layer)
        if name not in [one.name for one in network.layers]:
            raise InputError(
                f"`ablate_layers`={layer}: {experiment.network.model} has no layer {layer}"
            )
        filters = width_of(network, name)
        if widest >= filters:
            raise InputError(
                f"`ablate_widths`={widest} is not fewer than the {filters} filters of layer {layer}"
            )
    if architecture.layer_of is None:
        # What does not fit is found before anything is trained.
        narrowed(network, dict.fromkeys(changed, min(experiment.ablation.widths)), seed=0)


def changed_layers(experiment: Experiment, network: keras.Model, stage: Stage) -> list[Layer]:
    """The layers with fewer filters, as the option `filters` names them.

    Raises:
        InputError: if they are not given and the stage is no layer of filters.
    """
    if experiment.ablation.layers:
        layers = [read_layer(name) for name in experiment.ablation.layers]
        return sorted(layers, key=lambda layer: (isinstance(layer, str), layer))
    own = _own_layer(experiment, network, stage)
    if own is None:
        raise InputError(
            f"`ablate_widths`: stage {stage.name} is no layer of filters; name some by "
            "`ablate_layers`"
        )
    return [own]


def _own_layer(experiment: Experiment, network: keras.Model, stage: Stage) -> Layer | None:
    """The layer that makes the stage's filters, as the option `filters` names it."""
    name = layer_with_filters(network, stage.path)
    if experiment.architecture.layer_of is None:
        return name if name != network.layers[-1].name else None
    return _numbered_layers(experiment, network).get(name)


def _numbered_layers(experiment: Experiment, network: keras.Model) -> dict[str | None, int]:
    """Of a network that numbers its layers, the number of each layer with filters, by its name."""
    layer_of, known = experiment.architecture.layer_of, layers_with_filters(network)
    if layer_of is None:
        return {}
    names = {number: layer_of(number) for number in range(1, len(network.layers) + 1)}
    return {name: number for number, name in names.items() if name in known}


def narrower_experiments(session: ProbeSession) -> list[Experiment]:
    """The session's experiment with fewer filters, one for each width."""
    (stage,), experiment = session.stages, session.experiment
    if not experiment.ablation.widths:
        return []
    layers = changed_layers(experiment, session.network, stage)
    named = () if layers == [_own_layer(experiment, session.network, stage)] else layers
    names = [str(layer) for layer in layers]
    kept = [text for text in experiment.value("filters") if text.rpartition(":")[0] not in names]
    folders = {
        width: session.run.ablation(stage.name).narrower(width, named)
        for width in experiment.ablation.widths
    }
    return [
        only_stage(experiment, stage.name).changed(
            mode="probe",
            filters=(*kept, *(f"{name}:{width}" for name in names)),
            run_dir=str(folder),
            split=("test",),
            overwrite=_redone(session, stage, RunFiles(folder)),
            **switches(),
            head_seeds=1,
            shuffled_labels=False,
            ablate_stage=None,
            ablate_removed=(),
            ablate_widths=(),
            ablate_layers=(),
        )
        for width, folder in folders.items()
    ]


def _redone(session: ProbeSession, stage: Stage, files: RunFiles) -> str | None:
    """From which phase a narrower network's run is made again."""
    if files.has_results("heads") and _other_head(session, stage, files) is not None:
        return "heads"
    # Where the run's own network is trained again, the narrower ones are deleted with it.
    overwrite = session.experiment.run.overwrite
    return None if overwrite in ("all", "train") else overwrite


def narrower_networks(session: ProbeSession, accuracy: float) -> pd.DataFrame:
    """The rows of widths.csv: the run's own network, then all narrower ones that are finished.

    Those whose heads were trained with other settings than the run's own head are left out.

    Args:
        session: `ProbeSession`.
        accuracy: `float`. Of the stage's head on the test images.
    """
    (stage,), run = session.stages, session.run
    rows = [_row("", stage.filters, run, accuracy)]
    own = str(_own_layer(session.experiment, session.network, stage))
    found, left_out = [], []
    for layers, width, folder in run.ablation(stage.name).all_narrower():
        files = RunFiles(folder)
        if not files.stage(stage.name).split("test").fields.exists():
            continue
        if (other := _other_head(session, stage, files)) is not None:
            left_out.append(f"{folder} (--{other.name} was {other.before}, now {other.now})")
            continue
        found.append((layers or own, -width, files))
    if left_out:
        terminal().print(
            f"note: not in widths.csv, for their heads have other settings: {', '.join(left_out)}; "
            "those that --ablate_widths names are trained again"
        )
    for layers, width, files in sorted(found, key=lambda item: item[:2]):
        measured = stage_results.read_measurement(files, stage.name, "test")
        rows.append(_row(layers, -width, files, measured.accuracy))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _other_head(session: ProbeSession, stage: Stage, files: RunFiles) -> FormerValue | None:
    """A setting in which a head differs from that of the session's own network."""
    plan, record = session.run.plan, files.record
    before = record.read().get("phases", {}).get("heads", {})
    own = session.stage_settings[stage.name]
    now = {**plan.phase("heads"), **own}
    found = differences({**before, **own, **record.heads.get(stage.name, {})}, now, plan.defaults)
    return next(found, None)


def _row(layers: str, width: int, files: RunFiles, accuracy: float) -> dict[str, object]:
    return {
        "layers": layers,
        "width": width,
        "network_accuracy": files.record.results.get("network_accuracy"),
        "accuracy": accuracy,
    }
