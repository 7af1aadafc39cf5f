"""Networks trained anew with fewer filters, each an ordinary run below the ablation."""

import re
from pathlib import Path

import keras
import pandas as pd

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.probing import Stage
from sfp_keras.reports import terminal
from sfp_keras.runs import stage_results
from sfp_keras.workflows import probe
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.stage_settings import only_stage

COLUMNS = ["layers", "width", "network_accuracy", "accuracy"]


def check_widths(experiment: Experiment, network: keras.Model, stage: Stage) -> None:
    """Refuse --ablate_widths where there is nothing to train, or no such layer.

    Raises:
        InputError: naming the flag and the mend.
    """
    if not experiment.ablation.widths:
        if experiment.ablation.layers:
            raise InputError("--ablate_layers says which layers --ablate_widths narrows; give both")
        return
    if not experiment.trains or "filters" not in experiment.architecture.defining:
        network_of = f"--model={experiment.network.model}"
        if experiment.network.weights:
            network_of += f" with --weights={experiment.network.weights}"
        raise InputError(
            f"--ablate_widths trains one of the papers' VGG networks anew, not {network_of}; "
            "leave it out, or use --model=vgg6, vgg11, vgg16 or avgg16 without --weights"
        )
    if experiment.network.initial_weights:
        raise InputError(
            "--ablate_widths: the weights of "
            f"--initial_weights={experiment.network.initial_weights} do not fit other numbers of "
            "filters; leave one of the two out"
        )
    layers = {layer.name: layer for layer in network.layers}
    widest = max(experiment.ablation.widths)
    for number in narrowed_layers(experiment, stage):
        if f"layer{number}_conv" not in layers:
            raise InputError(
                f"--ablate_layers={number}: {experiment.network.model} has no layer {number}"
            )
        filters = layers[f"layer{number}_conv"].filters
        if widest >= filters:
            raise InputError(
                f"--ablate_widths={widest} is not fewer than the {filters} filters of layer "
                f"{number}"
            )


def narrowed_layers(experiment: Experiment, stage: Stage) -> list[int]:
    """--ablate_layers, or the stage's own layer.

    Raises:
        InputError: if the stage is no convolution of the papers' numbering.
    """
    if experiment.ablation.layers:
        return sorted(experiment.ablation.layers)
    match = re.match(r"layer(\d+)(_|$)", stage.name)
    if match is None:
        raise InputError(
            f"--ablate_widths: stage {stage.name} is no layer of filters; name some by "
            "--ablate_layers"
        )
    return [int(match[1])]


def train_narrow(run: ExperimentRun, stage: Stage) -> None:
    """Train and probe a network for each of --ablate_widths, as far as it is not done."""
    for experiment in _experiments(run, stage):
        terminal().print(
            f"\n{', '.join(experiment.value('filters'))} filters: {experiment.directory}"
        )
        probe.probe(experiment)


def narrow_networks(run: ExperimentRun, stage: Stage, accuracy: float) -> pd.DataFrame:
    """The rows of widths.csv: the run's own network, then all narrower ones that are finished.

    Args:
        run: `ExperimentRun`.
        stage: the ablated stage.
        accuracy: of its head on the test images.
    """
    own = run.record.read()["results"].get("network_accuracy")
    rows: list[dict[str, object]] = [
        {
            "layers": "",
            "width": stage.filters,
            "network_accuracy": own,
            "accuracy": accuracy,
        }
    ]
    found = []
    for layers, width, folder in run.ablation(stage.name).all_narrower():
        narrow = ExperimentRun(run.experiment.changed(run_dir=str(folder)))
        if narrow.stage(stage.name).split("test").fields.exists():
            found.append((layers or "-".join(_number(stage)), -width, narrow))
    for layers, width, narrow in sorted(found, key=lambda item: item[:2]):
        rows.append(
            {
                "layers": layers,
                "width": -width,
                "network_accuracy": narrow.record.read()["results"].get("network_accuracy"),
                "accuracy": stage_results.read_measurement(narrow, stage.name, "test").accuracy,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _number(stage: Stage) -> list[str]:
    return re.findall(r"\d+", stage.name)[:1]


def _experiments(run: ExperimentRun, stage: Stage) -> list[Experiment]:
    """The run's experiment with fewer filters, one for each width."""
    experiment = run.experiment
    if not experiment.ablation.widths:
        return []
    layers = narrowed_layers(experiment, stage)
    kept = [text for text in experiment.value("filters") if int(text.split(":")[0]) not in layers]
    return [
        only_stage(experiment, stage.name).changed(
            mode="probe",
            filters=(*kept, *(f"{layer}:{width}" for layer in layers)),
            run_dir=str(_folder(run, stage, width)),
            split=("test",),
            # Where the run's own network is trained anew, the narrow ones are deleted with it.
            overwrite=None if experiment.run.overwrite == "train" else experiment.run.overwrite,
            decisions=False,
            ablate_stage=None,
            ablate_removed=(),
            ablate_widths=(),
            ablate_layers=(),
        )
        for width in experiment.ablation.widths
    ]


def _folder(run: ExperimentRun, stage: Stage, width: int) -> Path:
    """width-350, with the layers before it where they are not the stage's own."""
    layers = [str(number) for number in narrowed_layers(run.experiment, stage)]
    changed = () if layers == _number(stage) else layers
    return run.ablation(stage.name).narrower(width, changed)
