"""Networks trained with fewer filters, each an ordinary run below the ablation."""

import re

import keras
import pandas as pd

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.probing import Stage
from sfp_keras.runs import RunFiles, stage_results
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
    if not experiment.trains or "filters" not in experiment.architecture.defining:
        network_of = f"`model`={experiment.network.model}"
        if experiment.network.weights:
            network_of += f" with `weights`={experiment.network.weights}"
        raise InputError(
            f"`ablate_widths` trains a network of chosen `filters`, not {network_of}; leave it "
            "out, or use `model`=vgg6, vgg11, vgg16 or avgg16 without `weights`"
        )
    if experiment.network.initial_weights:
        raise InputError(
            "`ablate_widths`: the weights of "
            f"`initial_weights`={experiment.network.initial_weights} do not fit other numbers of "
            "filters; leave one of the two out"
        )
    layers = {layer.name: layer for layer in network.layers}
    widest = max(experiment.ablation.widths)
    for number in narrowed_layers(experiment, stage):
        if f"layer{number}_conv" not in layers:
            raise InputError(
                f"`ablate_layers`={number}: {experiment.network.model} has no layer {number}"
            )
        filters = layers[f"layer{number}_conv"].filters
        if widest >= filters:
            raise InputError(
                f"`ablate_widths`={widest} is not fewer than the {filters} filters of layer "
                f"{number}"
            )


def narrowed_layers(experiment: Experiment, stage: Stage) -> list[int]:
    """The numbers of the layers with fewer filters, by default the stage's own.

    Raises:
        InputError: if the stage is no convolution of the papers' numbering.
    """
    if experiment.ablation.layers:
        return sorted(experiment.ablation.layers)
    match = re.match(r"layer(\d+)(_|$)", stage.name)
    if match is None:
        raise InputError(
            f"`ablate_widths`: stage {stage.name} is no layer of filters; name some by "
            "`ablate_layers`"
        )
    return [int(match[1])]


def narrower_experiments(session: ProbeSession) -> list[Experiment]:
    """The session's experiment with fewer filters, one for each width."""
    (stage,), experiment = session.stages, session.experiment
    if not experiment.ablation.widths:
        return []
    layers = narrowed_layers(experiment, stage)
    named = () if [str(number) for number in layers] == _number(stage) else layers
    kept = [text for text in experiment.value("filters") if int(text.split(":")[0]) not in layers]
    # Where the run's own network is trained again, the narrower ones are deleted with it.
    overwrite = experiment.run.overwrite if experiment.run.overwrite != "train" else None
    return [
        only_stage(experiment, stage.name).changed(
            mode="probe",
            filters=(*kept, *(f"{layer}:{width}" for layer in layers)),
            run_dir=str(session.run.ablation(stage.name).narrower(width, named)),
            split=("test",),
            overwrite=overwrite,
            decisions=False,
            ablate_stage=None,
            ablate_removed=(),
            ablate_widths=(),
            ablate_layers=(),
        )
        for width in experiment.ablation.widths
    ]


def narrower_networks(session: ProbeSession, accuracy: float) -> pd.DataFrame:
    """The rows of widths.csv: the run's own network, then all narrower ones that are finished.

    Args:
        session: `ProbeSession`.
        accuracy: `float`. Of the stage's head on the test images.
    """
    (stage,), run = session.stages, session.run
    rows = [_row("", stage.filters, run, accuracy)]
    found = []
    for layers, width, folder in run.ablation(stage.name).all_narrower():
        files = RunFiles(folder)
        if files.stage(stage.name).split("test").fields.exists():
            found.append((layers or "-".join(_number(stage)), -width, files))
    for layers, width, files in sorted(found, key=lambda item: item[:2]):
        measured = stage_results.read_measurement(files, stage.name, "test")
        rows.append(_row(layers, -width, files, measured.accuracy))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _row(layers: str, width: int, files: RunFiles, accuracy: float) -> dict[str, object]:
    return {
        "layers": layers,
        "width": width,
        "network_accuracy": files.record.results.get("network_accuracy"),
        "accuracy": accuracy,
    }


def _number(stage: Stage) -> list[str]:
    return re.findall(r"\d+", stage.name)[:1]
