"""Which stages are probed, and the list of those that could be."""

import keras

from sfp_keras.experiment import Experiment
from sfp_keras.probing import Stage, default_stages, list_stages, resolve_stages
from sfp_keras.reports import Column, ReportTable, print_table, terminal
from sfp_keras.workflows.paper_network import build_network
from sfp_keras.workflows.setup import about_flag, load_network_and_data


def choose_stages(experiment: Experiment, network: keras.Model) -> list[Stage]:
    """--stages, or those of the network's architecture, or the last before each reduction."""
    if experiment.network.stages:
        return resolve_stages(network, experiment.network.stages)
    names = experiment.stage_names
    return resolve_stages(network, names) if names else default_stages(network)


def choose_one(experiment: Experiment, network: keras.Model, flag: str) -> Stage:
    """The stage that a flag names, or the last of the probed stages."""
    name = experiment.value(flag)
    if name is None:
        return choose_stages(experiment, network)[-1]
    with about_flag(flag):
        (stage,) = resolve_stages(network, [name])
    return stage


def stages_spoken_of(experiment: Experiment, network: keras.Model) -> list[Stage]:
    """The probed stages and that of AFCC or an ablation: --pool and --head_group may name them."""
    stages = choose_stages(experiment, network)
    if experiment.run.mode in ("afcc", "ablate"):
        one = choose_one(experiment, network, f"{experiment.run.mode}_stage")
        stages += [] if one.name in [stage.name for stage in stages] else [one]
    return stages


def show_stages(experiment: Experiment) -> None:
    """`--list_stages`: every candidate with its shape, head size and memory."""
    network, dataset = load_network_and_data(experiment)
    if network is None:
        network = build_network(experiment, dataset, "float32")
    chosen = {stage.name for stage in choose_stages(experiment, network)}
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
