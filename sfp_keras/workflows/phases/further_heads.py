"""Statistics of further heads of every stage, where they are asked for."""

import dataclasses

import pandas as pd

from sfp_keras.filters import find_clusters
from sfp_keras.probing import HeadVariant
from sfp_keras.runs.further_heads import read_further_correct, read_further_heads
from sfp_keras.runs.merged_tables import HEAD_COLUMNS, merge_heads
from sfp_keras.runs.statistics_files import layer_row
from sfp_keras.workflows.session import ProbeSession


def write_further_statistics(session: ProbeSession) -> pd.DataFrame:
    """Write heads.csv: the layer table of the stages' own heads and of further ones.

    Returns:
        Its rows of the session's stages and splits, also those of heads that were asked for
        before; none where nobody asked for further heads.
    """
    run, variants = session.run, session.further_heads
    own, threshold = HeadVariant(session.experiment.run.seed), session.experiment.analysis.threshold
    rows = []
    with run.timed("analysis"):
        for stage in session.trained_stages if variants else ():
            for split in session.experiment.analysis.split:
                measured = session.measurement(stage.name, split)
                fields, counts = measured.fields, measured.fields.label_counts
                kernels = read_further_heads(run, stage.name, fields.kernel.shape)
                correct = read_further_correct(run, stage.name, split, counts)
                asked = [variant.name for variant in variants]
                earlier = [name for name in kernels if name in correct and name not in asked]
                for name in (own.name, *sorted([*asked, *earlier], key=_order)):
                    of_head, right = fields, measured.correct
                    if name != own.name:
                        of_head = dataclasses.replace(fields, kernel=kernels[name])
                        right = correct[name]
                    accuracy = int(right.sum()) / max(1, int(counts.sum()))
                    clusters = find_clusters(of_head, threshold)
                    row = layer_row(stage.name, split, of_head, clusters, accuracy)
                    rows.append({**row, "head": name})
        heads = pd.DataFrame(rows, columns=HEAD_COLUMNS)
        if rows:
            merge_heads(run, heads)
    return heads


def _order(name: str) -> tuple[str, int]:
    """True heads before those of shuffled labels, by their seeds."""
    kind = name.rstrip("0123456789")
    return kind, int(name.removeprefix(kind))
