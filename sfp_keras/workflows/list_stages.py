"""The list of the stages that could be probed."""

import contextlib
import math
from collections.abc import Sequence

import keras

from sfp_keras.experiment import Experiment
from sfp_keras.models import architectures
from sfp_keras.probing import Stage, StageView, list_stages
from sfp_keras.reports import Column, ReportTable, print_table, terminal
from sfp_keras.workflows.inputs.network import load_network_and_images
from sfp_keras.workflows.inputs.stage_settings import views_without_run
from sfp_keras.workflows.inputs.stages import chosen_stages, configurable_stages


def show_stages(experiment: Experiment) -> None:
    """`--list_stages`: every candidate with its shape, head size and memory.

    Those that are probed are the first, pooled as `pool` says; each has the name that `stages`
    takes.

    Raises:
        InputError: naming the setting and the mend.
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
    chosen = chosen_stages(experiment, network)
    pooled = configurable_stages(experiment, network)
    views = {view.stage: view for view in views_without_run(experiment, pooled)}
    rows = []
    for name, stage in named_stages(chosen, list_stages(network), experiment.network.stages):
        kept, read = head_numbers(stage, views.get(stage.name))
        rows.append(
            {
                "stage": name,
                "shape": "x".join(str(n) for n in (*stage.position_shape, stage.filters)),
                "filters": stage.filters,
                "inputs": read,
                "weights": read * labels,
                "cache": f"{kept * images * width / 2**20:,.0f} MiB",
            }
        )
    otherwise = "" if experiment.network.stages else " unless --stages says otherwise"
    title = f"stages of {experiment.network.model} (* probed{otherwise})"
    print_table(ReportTable(title, columns, rows), terminal())


def head_numbers(stage: Stage, view: StageView | None) -> tuple[int, int]:
    """How many numbers of an image are kept for a stage's head, and how many the head reads.

    Args:
        stage: `Stage`.
        view: what its head reads; `None` for all its outputs.

    Raises:
        InputError: if the view's text is misspelt, or does not fit the stage.
    """
    if view is None:
        return stage.head_inputs, stage.head_inputs
    kept = view.shape
    for layer in view.fixed():
        kept = tuple(layer.compute_output_shape((None, *kept))[1:])
    return math.prod(kept), math.prod(view.seen)


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
