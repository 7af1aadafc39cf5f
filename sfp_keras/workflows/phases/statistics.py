"""The end of phase 3: clusters, noise and statistics of every stage."""

from collections.abc import Mapping

import pandas as pd

from sfp_keras.filters import find_clusters
from sfp_keras.runs.statistics_files import (
    LAYER_COLUMNS,
    layer_row,
    merge_layers,
    write_statistics_of,
)
from sfp_keras.workflows.session import ProbeSession


def write_statistics(session: ProbeSession) -> pd.DataFrame:
    """Write the statistics of the session's stages and splits.

    Returns:
        The rows of layers.csv of these, input side first.
    """
    with session.run.timed("analysis"):
        layers = analyse(session)
        _keep_kinds(session)
    return layers


def _keep_kinds(session: ProbeSession) -> None:
    """Keep what the filters of stages are, where they are not those of a map."""
    heads = {stage.name: session.attention_heads(stage) for stage in session.stages}
    _merge(session, "kinds", session.kinds)
    _merge(session, "attention_heads", heads)


def _merge(session: ProbeSession, name: str, of_stages: Mapping[str, str | int | None]) -> None:
    """Keep a result of stages beside that of other stages."""
    record = session.run.record
    before = record.results.get(name, {})
    now = {**before, **of_stages}
    now = {stage: value for stage, value in now.items() if value not in ("filter", None)}
    if now != before:
        record.add_results(**{name: now})


def analyse(session: ProbeSession) -> pd.DataFrame:
    """Find the clusters and write what they say; returns rows of layers.csv."""
    run, analysis = session.run, session.experiment.analysis
    rows = []
    for stage in session.stages:
        for split in analysis.split:
            measured = session.measurement(stage.name, split)
            clusters = find_clusters(measured.fields, analysis.threshold)
            files = run.stage(stage.name).split(split)
            write_statistics_of(files, measured, clusters, session.dataset.class_names)
            row = layer_row(stage.name, split, measured.fields, clusters, measured.accuracy)
            rows.append(row)
    layers = pd.DataFrame(rows, columns=LAYER_COLUMNS)
    depths = {stage.name: session.depths[stage.path] for stage in session.stages}
    merge_layers(run, layers, depths)
    return layers
