"""A run's figures and tables in the papers' form, and one page with all of them."""

from collections.abc import Mapping, Sequence

import pandas as pd

from sfp_keras import reports
from sfp_keras._version import __version__
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.files import write_text
from sfp_keras.filters import filter_statistics, layer_robustness
from sfp_keras.papers import PaperNumbers
from sfp_keras.reports import Folded, Listing, Paragraph, Part, Section
from sfp_keras.workflows.report_files import Written
from sfp_keras.workflows.reported_run import ReportedRun, ReportedStage, read_run, read_table

# Tables with more labels than this are left to the run's own labels.csv.
_MOST_LABELS = 200
_CURVE = ("epoch", "lr", "loss", "accuracy", "test_accuracy")


def report(experiment: Experiment) -> None:
    """`--mode=report`: reads a run directory alone; no images, no network."""
    run = read_run(experiment)
    out = Written(run.files.figures)
    stages = {split: [run.stage(n, split) for n in run.stages[split]] for split in run.split}
    check_filters(experiment, stages)
    rows = pd.DataFrame([stage.row for of_split in stages.values() for stage in of_split])
    out.delete_previous()

    sections = [layer_section(run, rows, out)]
    for split, of_split in stages.items():
        suffix = f", {split} images" if len(run.split) > 1 else ""
        sections.append(cluster_section(run, of_split, out, suffix))
        sections += [
            stage_section(run, stage, experiment.report.filters, out, suffix) for stage in of_split
        ]
        sections.append(robustness_section(of_split, out, suffix))
    sections += ablation_sections(run, out)
    sections += afcc_sections(run, out)
    sections += training_sections(run, out)
    sections.append(Section("Settings and provenance", provenance_parts(run)))

    title = f"{run.flags.get('model')} on {run.flags.get('dataset')}, {len(run.names)} labels"
    write_text(run.files.report, reports.page(title, sections, summary(run)))
    console = reports.terminal()
    # The paper's rows go below those of the test images.
    reports.print_layers(rows, run.papers, console)
    console.print(f"report: {run.files.report}\nfigures and tables: {run.files.figures}")


def check_filters(experiment: Experiment, stages: Mapping[str, Sequence[ReportedStage]]) -> None:
    """Refuse --report_filters that no stage has."""
    most = max(stage.fields.num_filters for of_split in stages.values() for stage in of_split)
    beyond = [number for number in experiment.report.filters if number >= most]
    if beyond:
        raise InputError(
            f"--report_filters: there is no filter {beyond[0]}; the largest stage shown has "
            f"filters 0 to {most - 1}"
        )


def summary(run: ReportedRun) -> str:
    """The sentence below the title."""
    accuracy = run.saved["results"].get("network_accuracy")
    own = f"The network's own test accuracy is {accuracy:.4f}. " if accuracy is not None else ""
    return (
        f"{own}Single-filter performance at threshold {run.threshold:g}, measured on "
        f"{' and '.join(run.split)} images. Run directory: {run.files.path}"
    )


def layer_section(run: ReportedRun, rows: pd.DataFrame, out: Written) -> Section:
    """The papers' layer tables, and the same against depth."""
    parts: list[Part] = []
    for split, of_split in rows.groupby("split", sort=False):
        table = reports.layer_table(of_split, str(split), run.papers_of(str(split)))
        parts.append(out.table(f"{split}-layers", table))
    paper = run.papers_of("test") if "test" in run.split else PaperNumbers()
    dashed = f" Dashed, hollow: {paper.layers.source}." if paper.layers else ""
    parts.append(
        out.figure(
            "layer-curves",
            reports.draw_layer_curves(rows, paper),
            "Accuracy, noise, number and size of clusters, and signal-to-noise ratios against "
            f"depth. Ratios that are infinite are left out.{dashed} Counterpart: paper 1, Figures "
            "2B and 5A; paper 2, Tables 1-6.",
        )
    )
    return Section("Layers", parts)


def cluster_section(
    run: ReportedRun, stages: Sequence[ReportedStage], out: Written, suffix: str
) -> Section:
    """Sizes, appearances and averages of all stages of a split."""
    split = stages[0].split
    paper = run.papers_of(split)
    statistics = {stage.name: stage.statistics for stage in stages}
    appearances = {stage.name: stage.labels.appearances for stage in stages}
    below = {stage.name: stage.below for stage in stages}
    sums = {stage.name: stage.sums for stage in stages}
    parts: list[Part] = [
        out.figure(
            f"{split}-cluster-sizes",
            reports.draw_cluster_sizes(statistics, paper.cluster_sizes.column("shares")),
            "Shares of clusters of each size. Counterpart: paper 1, Figure 5A.",
        ),
        out.table(f"{split}-cluster-sizes", reports.size_table(statistics, paper)),
        out.figure(
            f"{split}-appearances",
            reports.draw_appearances(appearances, paper.fields.column("appearances")),
            "Number of clusters of a stage that hold each label; dashed: the average. "
            "Counterpart: paper 1, Figure 5B.",
        ),
        out.table(
            f"{split}-label-means",
            reports.label_mean_table({s.name: s.labels for s in stages}, paper),
        ),
        out.table(f"{split}-fields", reports.field_table(below, sums, paper)),
    ]
    return Section(f"Clusters, signal and noise{suffix}", parts)


def stage_section(
    run: ReportedRun, stage: ReportedStage, filters: Sequence[int], out: Written, suffix: str
) -> Section:
    """A stage's filters and labels."""
    name, split, names = stage.name, stage.split, run.names
    prefix = f"{split}-{name}"
    chosen = [number for number in filters if number < stage.fields.num_filters]
    parts: list[Part] = []
    drawn = chosen or ([] if filters else reports.typical_filters(stage.clusters))
    if drawn:
        statistics = filter_statistics(stage.clusters, stage.fields)
        table = reports.filter_table(name, statistics, drawn)
        parts.append(out.table(f"{prefix}-filters", table))
    for number in drawn:
        parts.append(
            out.figure(
                f"{prefix}-filter{number}",
                reports.draw_matrices(stage.fields, stage.clusters, number, names),
                reports.matrices_caption(stage.clusters, name, number),
            )
        )
    paper = run.papers_of(split).label_means.get(name)
    beside = " Hollow marks at the right: the paper's averages." if paper else ""
    parts += [
        out.figure(
            f"{prefix}-label-noise",
            reports.draw_label_noise(stage.labels, names, paper),
            f"Signal and noises of each label of {name}, dashed: averages over labels; crosses: "
            f"zero.{beside} A: counts of ones of clipped matrices. B: accumulated fields of the "
            "same elements. Counterpart: paper 2, Figure 2.",
        ),
        out.figure(
            f"{prefix}-sub-threshold",
            reports.draw_sub_threshold(stage.below),
            f"Normalised fields of {name} that are not above the threshold, dashed: their mean. "
            "A: rows of labels in a cluster of the filter. B: other rows. Counterpart: paper 1, "
            "Figure 5C.",
        ),
        out.figure(
            f"{prefix}-summed-fields",
            reports.draw_summed_fields(stage.sums, names),
            f"Whole fields of {name}, below the threshold too, summed over the filters whose "
            "clusters hold the input's label, in units of the mean field on the right unit from "
            "one such filter. A: inputs of one label. B: all labels, dashed: averages. "
            "Counterpart: paper 1, Figure 6C.",
        ),
    ]
    decisions = run.decisions(name, split)
    if decisions is not None and len(decisions.filters):
        shown = [n for n in chosen if n in decisions.filters] or decisions.filters[:3].tolist()
        parts.append(
            out.figure(
                f"{prefix}-decisions",
                reports.draw_decisions(decisions, names, shown),
                f"Decisions of single filters of {name}: the label of the largest of a filter's "
                "fields, for each image; rows sum to one. Counterpart: paper 1, Figure 3B.",
            )
        )
    if len(names) <= _MOST_LABELS:
        table = reports.label_table(name, names, stage.label_accuracy, stage.labels)
        parts.append(Folded("every label", [out.table(f"{prefix}-labels", table)]))
    return Section(f"Stage {name}{suffix}", parts)


def robustness_section(stages: Sequence[ReportedStage], out: Written, suffix: str) -> Section:
    """Thresholds, and the order of labels."""
    table = reports.robustness_table({s.name: layer_robustness(s.fields) for s in stages})
    return Section(f"Robustness{suffix}", [out.table(f"{stages[0].split}-robustness", table)])


def ablation_sections(run: ReportedRun, out: Written) -> list[Section]:
    """Ablation of every stage it was made of."""
    from sfp_keras.workflows.ablate import read_ablation

    sections = []
    for stage in run.files.ablated_stages():
        tables = read_ablation(run.files, stage)
        paper = run.papers.removed_filters(stage)
        removal, labels, widths = tables["summary"], tables["labels"], tables["widths"]
        parts: list[Part] = [
            out.figure(
                f"ablate-{stage}-removal",
                reports.draw_removal(removal, widths.iloc[1:], stage, paper),
                "Test accuracy of the head against filters removed at random; band: one standard "
                "deviation over the draws. Counterpart: paper 1, discussion.",
            ),
            out.table(f"ablate-{stage}-removal", reports.removal_table(removal, stage, paper)),
            out.figure(
                f"ablate-{stage}-labels",
                reports.draw_labels(labels, stage),
                "Test accuracy of each label without the filters whose clusters hold it.",
            ),
            out.table(f"ablate-{stage}-silenced", reports.silenced_table(labels, stage)),
        ]
        if len(labels) <= _MOST_LABELS:
            table = reports.silenced_label_table(labels, stage)
            parts.append(Folded("every label", [out.table(f"ablate-{stage}-labels", table)]))
        if len(widths) > 1:
            table = reports.width_table(widths, stage, paper)
            parts.append(out.table(f"ablate-{stage}-widths", table))
        sections.append(Section(f"Ablation of {stage}", parts))
    return sections


def afcc_sections(run: ReportedRun, out: Written) -> list[Section]:
    """AFCC of every stage it was made of."""
    from sfp_keras.workflows.afcc import read_results

    sections = []
    for stage in run.files.afcc_stages():
        results = read_results(run.files.afcc(stage))
        if results.empty:
            continue
        figure = out.figure(
            f"afcc-{stage}",
            reports.afcc_figure(results, stage),
            "Test accuracy with a part of the head's weights. Counterpart: paper 2, section on "
            "AFCC.",
        )
        table = out.table(f"afcc-{stage}", reports.afcc_table(results, stage, run.papers.afcc))
        sections.append(Section(f"AFCC of {stage}", [table, figure]))
    return sections


def training_sections(run: ReportedRun, out: Written) -> list[Section]:
    """Training curves of the network, where it was trained here, and of the heads."""
    parts: list[Part] = []
    if run.files.training.exists():
        curve = read_table(run.files.training, *_CURVE)
        figure = reports.draw_training(curve)
        parts.append(out.figure("training", figure, "Training of the network (phase 1)."))
    else:
        parts.append(Paragraph("The network came trained."))
    names = list(dict.fromkeys(name for of_split in run.stages.values() for name in of_split))
    curves = {name: run.files.stage(name).curve for name in names}
    heads = {n: read_table(path, *_CURVE) for n, path in curves.items() if path.exists()}
    if heads:
        figure = reports.draw_heads(heads)
        parts.append(
            out.figure("heads", figure, "Training of the heads (phase 2); dark: near the input.")
        )
    return [Section("Training", parts)]


def provenance_parts(run: ReportedRun) -> list[Part]:
    """How the run was made, and with what."""
    saved = run.saved
    versions = saved.get("versions", {})
    facts = {
        "command": saved.get("command"),
        "seed": run.flags.get("seed"),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "git revision": saved.get("git_revision"),
        "backend": saved.get("backend"),
        "device": saved.get("device"),
        "platform": saved.get("platform"),
        "images and labels (fingerprint)": saved.get("data"),
        "weights (SHA-256)": saved["results"].get("weights"),
        **{f"seconds of phase {name}": spent for name, spent in saved["seconds"].items()},
        "report": f"sfp-keras {__version__}, threshold {run.threshold:g}, split "
        f"{','.join(run.split)}",
    }
    parts: list[Part] = [Listing({k: v for k, v in facts.items() if v not in (None, "")})]
    for phase, settings in saved["phases"].items():
        given = {k: v for k, v in settings.items() if v not in (None, [])}
        if given:
            parts.append(Folded(f"settings of phase {phase}", [Listing(given)]))
    return parts
