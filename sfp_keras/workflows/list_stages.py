"""The list of the stages that could be probed."""

from sfp_keras.experiment import Experiment
from sfp_keras.probing import list_stages
from sfp_keras.reports import Column, ReportTable, print_table, terminal
from sfp_keras.workflows.inputs.network import load_network_and_images
from sfp_keras.workflows.inputs.stages import chosen_stages


def show_stages(experiment: Experiment) -> None:
    """`--list_stages`: every candidate with its shape, head size and memory."""
    network, dataset = load_network_and_images(experiment)
    chosen = {stage.name for stage in chosen_stages(experiment, network)}
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
            "stage": ("* " if stage.name in chosen else "  ") + stage.name,
            "shape": "x".join(str(n) for n in (*stage.position_shape, stage.filters)),
            "filters": stage.filters,
            "inputs": stage.head_inputs,
            "weights": stage.head_inputs * labels,
            "cache": f"{stage.head_inputs * images * width / 2**20:,.0f} MiB",
        }
        for stage in list_stages(network)
    ]
    title = f"stages of {experiment.network.model} (* probed unless --stages says otherwise)"
    print_table(ReportTable(title, columns, rows), terminal())
