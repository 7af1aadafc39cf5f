"""The end of phase 3: clusters, noise and statistics of every stage."""

import pandas as pd

from sfp_keras.filters import (
    FilterClusters,
    FilterFields,
    as_in_published_code,
    find_clusters,
    layer_statistics,
    negative_filters,
)
from sfp_keras.reports import terminal
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
        return analyse(session)


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
            if note := _other_reading(measured.fields, clusters):
                terminal().print(f"note: {stage.name} on {split} images: {note}")
    layers = pd.DataFrame(rows, columns=LAYER_COLUMNS)
    depths = {stage.name: session.depths[stage.path] for stage in session.stages}
    merge_layers(run, layers, depths)
    return layers


def _other_reading(fields: FilterFields, clusters: FilterClusters) -> str:
    """What the papers' published code makes of filters that are dead here, where it differs."""
    negative = negative_filters(fields, clusters)
    if not negative.any():
        return ""
    here = layer_statistics(clusters)
    there = layer_statistics(as_in_published_code(clusters, negative))
    return (
        f"the fields of {negative.sum():,} of {len(negative):,} filters are negative throughout; "
        f"they count as dead, in the papers' published code each as a cluster of all {here.labels} "
        f"labels: N_c {there.clusters:.2f} instead of {here.clusters:.2f}, C_s "
        f"{there.cluster_size:.2f} instead of {here.cluster_size:.2f}"
    )
