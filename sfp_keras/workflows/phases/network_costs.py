"""What the network with an AFCC head costs, beside the one with the full head."""

import dataclasses

import keras
import numpy as np

from sfp_keras.afcc import NetworkReport, compact_head, compared, network_report, prune_filters
from sfp_keras.csv_files import csv_text
from sfp_keras.errors import InputError
from sfp_keras.files import load_npz, write_text
from sfp_keras.probing import Stage
from sfp_keras.reports import terminal
from sfp_keras.runs import AfccFiles


def write_costs(files: AfccFiles, stage: Stage) -> None:
    """Write networks.csv, where there is an AFCC network and no such file yet.

    Args:
        files: `AfccFiles` of the stage.
        stage: `Stage`.
    """
    if files.networks.exists() or not (files.model.exists() and files.mask.exists()):
        return
    try:
        network = keras.saving.load_model(files.model, compile=False)
    except (TypeError, ValueError, NotImplementedError):
        terminal().print(
            f"{files.networks.name} is left out: Keras cannot load {files.model}; register layers "
            "of your own by keras.saving.register_keras_serializable, in place of Lambda layers"
        )
        return
    report = network_report(network)
    networks: dict[str, NetworkReport | keras.Model] = {
        "full head": _with_full_head(report),
        "AFCC head": report,
        "compact AFCC head": compact_head(network),
    }
    kept = load_npz(files.mask)["mask"]
    unused = np.array([not kept[:, number].any() for number in range(kept.shape[1])])
    smaller = _without(network, stage, unused)
    if smaller is not None:
        removed = f"{int(unused.sum()):,} filters without weights"
        networks[f"compact, without {removed}"] = compact_head(smaller)
    write_text(files.networks, csv_text(compared(networks)))


def _with_full_head(report: NetworkReport) -> NetworkReport:
    """The report of the network with none of its head's weights zero."""
    head = report.layers[-1]
    full = dataclasses.replace(
        head,
        nonzero=head.parameters,
        nonzero_operations=head.operations,
        compact_bytes=head.dense_bytes,
    )
    return dataclasses.replace(report, layers=(*report.layers[:-1], full))


def _without(network: keras.Model, stage: Stage, unused: np.ndarray) -> keras.Model | None:
    """The network without filters that no weight of the head reads, where they can be removed."""
    if not unused.any():
        return None
    try:
        return prune_filters(network, stage.path, unused)
    except InputError:
        return None
