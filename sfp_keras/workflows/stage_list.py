"""Which stages are probed, and the list of those that could be."""

import keras
from rich.table import Table

from sfp_keras.experiment import Experiment
from sfp_keras.probing import Stage, default_stages, list_stages, resolve_stages
from sfp_keras.reports import print_table, terminal
from sfp_keras.workflows.paper_network import build_network, paper_stages
from sfp_keras.workflows.setup import about_flag, load_network_and_data


def choose_stages(experiment: Experiment, network: keras.Model) -> list[Stage]:
    """--stages, or the papers' of a network of theirs, or the default of an own network."""
    if experiment.network.stages:
        return resolve_stages(network, experiment.network.stages)
    if experiment.own_model:
        return default_stages(network)
    return resolve_stages(network, paper_stages(experiment))


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
    table = Table(
        title=f"stages of {experiment.network.model} (* probed unless --stages says otherwise)"
    )
    table.add_column("stage")
    for column in ("shape", "filters", "head inputs", "head weights", f"cache of {images:,}"):
        table.add_column(column, justify="right")
    for stage in list_stages(network):
        shape = "x".join(str(n) for n in (*stage.position_shape, stage.filters))
        table.add_row(
            ("* " if stage.name in chosen else "  ") + stage.name,
            shape,
            f"{stage.filters:,}",
            f"{stage.head_inputs:,}",
            f"{stage.head_inputs * labels:,}",
            f"{stage.head_inputs * images * width / 2**20:,.0f} MiB",
        )
    print_table(table, terminal())
