"""The list of the stages that could be probed."""

import contextlib
from collections.abc import Sequence

import keras

from sfp_keras.experiment import Experiment
from sfp_keras.models import architectures
from sfp_keras.probing import Stage, list_stages
from sfp_keras.reports import Column, ReportTable, print_table, terminal
from sfp_keras.workflows.inputs.network import load_network_and_images
from sfp_keras.workflows.inputs.stages import chosen_stages


def show_stages(experiment: Experiment) -> None:
    """`--list_stages`: every candidate with its shape, head size and memory.

    Those that are probed are the first; each has the name that `stages` takes.
    """
    with shapes_alone(experiment):
        network, dataset = load_network_and_images(experiment)
    labels = dataset.num_labels
    images = len(dataset.train) + len(dataset.test)
    width = 2 if experiment.heads.cache_dtype == "float16" else 4
    columns = (
        Column("stage", "stage"),
        Column("shape", "shape", "s"),
        Column("filters", "filters", ",d"),
        Column("inputs", "head inputs", ",d"),
        Column("weights", "head weights", ",d"),
        Column("cache", f"cache of {images:,}", "s"),
    )
    rows = [
        {
            "stage": name,
            "shape": "x".join(str(n) for n in (*stage.position_shape, stage.filters)),
            "filters": stage.filters,
            "inputs": stage.head_inputs,
            "weights": stage.head_inputs * labels,
            "cache": f"{stage.head_inputs * images * width / 2**20:,.0f} MiB",
        }
        for name, stage in named_stages(
            chosen_stages(experiment, network), list_stages(network), experiment.network.stages
        )
    ]
    otherwise = "" if experiment.network.stages else " unless --stages says otherwise"
    title = f"stages of {experiment.network.model} (* probed{otherwise})"
    print_table(ReportTable(title, columns, rows), terminal())


def named_stages(
    chosen: Sequence[Stage], candidates: Sequence[Stage], given: Sequence[str] = ()
) -> list[tuple[str, Stage]]:
    """Name stages as they are typed, the chosen ones first and with a star.

    Args:
        chosen: the stages that are probed.
        candidates: all stages.
        given: the names by which some are chosen.

    Returns:
        A name and a stage for each candidate.
    """
    paths = {stage.path for stage in chosen}
    typed = {name.replace("/", "."): name for name in (*[stage.path for stage in chosen], *given)}
    return [(f"* {typed.get(stage.name, stage.name)}", stage) for stage in chosen] + [
        (f"  {stage.path}", stage) for stage in candidates if stage.path not in paths
    ]


def shapes_alone(experiment: Experiment) -> contextlib.AbstractContextManager[None]:
    """Build a network with a name and fresh weights without drawing the weights.

    Where others, such as a file's, are put into it, they are needed.
    """
    network = experiment.network
    known = architectures().get(network.model)
    copied = known is not None and known.layer_of is None and "filters" in network.options
    if known is None or not experiment.trains or copied:
        return contextlib.nullcontext()
    return keras.StatelessScope(initialize_variables=False)
