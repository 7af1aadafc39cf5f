"""What analyses of other phases look like on the terminal."""

from rich.console import Console

from sfp_keras.analyses.catalog.committee import agreement_table, member_table, vote_table
from sfp_keras.analyses.catalog.fewer_filters import width_table
from sfp_keras.analyses.catalog.removed_filters import removal_table
from sfp_keras.analyses.catalog.silenced_labels import silenced_table
from sfp_keras.analyses.subjects import Ablation, Committee
from sfp_keras.papers import cited
from sfp_keras.reports import ReportTable, print_table, table_of_kind, text_of_kind


def print_ablation(ablation: Ablation, console: Console) -> None:
    """Print what an ablation found, with the labels that lose most.

    Args:
        ablation: `Ablation`.
        console: `rich.console.Console`.
    """
    stage, labels = ablation.name, ablation.labels

    def show(table: ReportTable) -> None:
        console.print()
        print_table(table_of_kind(table, ablation.kind, [stage]), console)

    show(removal_table(ablation.summary, stage, ablation.paper))
    show(silenced_table(labels, stage, worst=5))
    count = labels["silenced"]
    silenced = (
        f"filters silenced a label: {count.min()} to {count.max()}, on average {count.mean():.1f}"
    )
    console.print(
        f"{text_of_kind(silenced, ablation.kind)}\n"
        f"{cited('paper 1')}: silencing a large fraction of the filters that include a label "
        "substantially decreases accuracy",
        style="dim",
    )
    if len(ablation.widths) > 1:
        show(width_table(ablation.widths, stage, ablation.paper))


def print_committee(committee: Committee, console: Console) -> None:
    """Print the members of a committee, its votes and their gain.

    Args:
        committee: `Committee`.
        console: `rich.console.Console`.
    """
    for table in (member_table, agreement_table, vote_table):
        console.print()
        print_table(table(committee), console)
    console.print(
        "±: standard error over the test images; ties of the hard vote by mean probability",
        style="dim",
    )
