"""What the finished members of a sweep say together: tables and figures in its folder."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.files import write_text
from sfp_keras.papers import PaperSweep, measured_as_papers, paper_sweep
from sfp_keras.reports import terminal
from sfp_keras.reports.page import Folded, Listing, Paragraph, Part, Picture, Section, page
from sfp_keras.reports.style import COLUMN, PAGE, save_figure
from sfp_keras.reports.sweep import (
    fit_stages,
    line_in_words,
    print_sweep,
    summarise,
    sweep_stage,
)
from sfp_keras.reports.sweep_figures import draw_clusters, draw_depth, draw_error
from sfp_keras.reports.sweep_tables import fit_table, stage_table
from sfp_keras.reports.tables import save_table
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.results import LAYER_COLUMNS
from sfp_keras.workflows.sweep.directory import SweepDirectory

# What a member's experiment.json tells of how it was made.
_MADE_WITH = ("versions", "git_revision", "backend", "device", "platform")


def sweep_report(path: Path, stage: str | None = None) -> None:
    """Write the tables, figures and page of a sweep, and print its table.

    Members that are not finished are left out.

    Args:
        path: `Path` of the sweep's folder.
        stage: `str`. The stage whose error is drawn. Default: the sweep's --sweep_stage.

    Raises:
        InputError: if the folder holds no sweep, no finished member, a member whose layers.csv is
            damaged, or not that stage.
    """
    folder = SweepDirectory(path)
    console = terminal()
    if not folder.settings.exists():
        raise InputError(f"{path} holds no sweep.json; --mode=sweep makes one")
    with folder.locked():
        saved = folder.read()
        members = read_members(folder, saved)
        stages = list(dict.fromkeys(members["stage"]))
        stage = sweep_stage(stage or saved["stage"], saved["model"], stages)
        if stage not in stages:
            raise InputError(f"--sweep_stage={stage} is none of the probed {', '.join(stages)}")
        made = Experiment.from_json({**saved["settings"], "model": saved["model"]})
        alike = measured_as_papers(saved["split"], saved["threshold"])
        of_paper = alike and not made.changed_options
        paper = paper_sweep(saved["model"], saved["dataset"]) if of_paper else None
        summary, fits = summarise(members), fit_stages(members)
        for file, table in (
            (folder.members, members),
            (folder.summary, summary),
            (folder.fit, fits),
        ):
            write_text(file, table.to_csv(index=False))
        content = {**saved, "results": _results(folder, saved, members, stage)}
        write_text(folder.settings, json.dumps(content, indent=2) + "\n")
        sections = [
            Section("Error against K", _error_parts(folder, members, summary, fits, paper, stage)),
            Section("Clusters against K", _cluster_parts(folder, members, summary, paper, stages)),
            Section("Accuracy against depth", [_depth_picture(folder, members)]),
            Section("Settings and provenance", _provenance_parts(content)),
        ]
        finished, all_of_them = members["member"].nunique(), len(saved["members"])
        title = f"{saved['model']} on {saved['dataset']}, K varied"
        said = f"{finished} of {all_of_them} members finished. Folder: {folder.path}"
        write_text(folder.report, page(title, sections, said))
    print_sweep(summary, fits, paper, stage, console)
    if finished < all_of_them:
        console.print(f"{all_of_them - finished} of {all_of_them} members are not finished")
    console.print(
        f"results: {folder.path}\n"
        f"  {folder.members}  every member and stage\n"
        f"  {folder.summary}  mean and standard deviation over seeds\n"
        f"  {folder.fit}  line of error against K, of every stage\n"
        f"  {folder.figures}  figures and tables\n"
        f"  {folder.report}  all of it on one page"
    )


def _error_parts(
    folder: SweepDirectory,
    members: pd.DataFrame,
    summary: pd.DataFrame,
    fits: pd.DataFrame,
    paper: PaperSweep | None,
    stage: str,
) -> list[Part]:
    figure = draw_error(members, paper, stage)
    caption = (
        f"Test error of the head on {stage} against the number of labels. Small: single seeds; "
        "each draws its labels, nested over K. Line: least squares through all of them, with the "
        "95% confidence band of the line. Counterpart: paper 2, Figures 3-5."
    )
    lines, of_stage = fit_table(fits, paper), stage_table(summary, paper, stage)
    save_table(lines, folder.figures / "lines")
    line = fits[fits["stage"] == stage].iloc[0]
    return [
        Picture(save_figure(figure, folder.figures / "error"), caption, COLUMN),
        *([Paragraph(line_in_words(line))] if pd.notna(line["slope"]) else []),
        of_stage,
        lines,
    ]


def _cluster_parts(
    folder: SweepDirectory,
    members: pd.DataFrame,
    summary: pd.DataFrame,
    paper: PaperSweep | None,
    stages: list[str],
) -> list[Part]:
    figure = draw_clusters(members, paper)
    caption = (
        "Clusters of a filter (A) and labels of a cluster (B) against the number of labels; "
        "mean and standard deviation over seeds. Counterpart: paper 2, Tables 4-6."
    )
    tables = {stage: stage_table(summary, paper, stage) for stage in stages}
    for stage, table in tables.items():
        save_table(table, folder.figures / f"{stage}-over-K")
    picture = Picture(save_figure(figure, folder.figures / "clusters"), caption, PAGE)
    return [picture, *tables.values()]


def _depth_picture(folder: SweepDirectory, members: pd.DataFrame) -> Picture:
    caption = "Test accuracy of the heads against depth; mean and standard deviation over seeds."
    return Picture(save_figure(draw_depth(members), folder.figures / "accuracy"), caption, COLUMN)


def _provenance_parts(content: dict[str, Any]) -> list[Part]:
    about = {name: content[name] for name in ("command", "threshold", "split", "stage")}
    said = {
        name: ", ".join(map(str, v)) for name, v in content["results"].items() if type(v) is list
    }
    commands = {name: member["command"] for name, member in content["members"].items()}
    return [
        Listing({**about, **said, "seconds": content["results"]["seconds"]}),
        Folded("Settings of all members", [Listing(content["settings"])]),
        Folded("Command of each member", [Listing(commands)]),
    ]


def read_members(folder: SweepDirectory, saved: dict[str, Any]) -> pd.DataFrame:
    """The layers of every finished member.

    Args:
        folder: `SweepDirectory`.
        saved: its sweep.json.

    Returns:
        `DataFrame`, members by seed and K, stages input side first: member, K, seed, preset, then
        the columns of layers.csv with error = 1 - accuracy.
    """
    tables, order = [], {}
    for name, of in saved.get("members", {}).items():
        run = _run(folder, name)
        if not run.layers.exists():
            continue
        layers = _read_layers(run.layers)
        chosen = (layers["threshold"] == saved["threshold"]) & (layers["split"] == saved["split"])
        layers = layers[chosen].reset_index(drop=True)
        layers.insert(LAYER_COLUMNS.index("accuracy") + 1, "error", 1 - layers["accuracy"])
        about = {"member": name, "K": of["K"], "seed": of["seed"], "preset": of["preset"]}
        tables.append(pd.DataFrame({k: [v] * len(layers) for k, v in about.items()}).join(layers))
        order.update({s: place for place, s in enumerate(layers["stage"]) if s not in order})
    members = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    if members.empty:
        raise InputError(f"{folder.path} has no finished member; run --mode=sweep")
    place = members["stage"].map(order)
    return (
        members.assign(place=place)
        .sort_values(["seed", "K", "place"], kind="stable", ignore_index=True)
        .drop(columns="place")
    )


def _read_layers(path: Path) -> pd.DataFrame:
    try:
        text = path.read_text()
        layers = pd.read_csv(io.StringIO(text), dtype={"stage": str})[LAYER_COLUMNS]
        numbers = layers.drop(columns=["stage", "split"]).astype(float)
        # Averages over clusters are undefined where there are none.
        never_undefined = numbers[["threshold", "filters", "accuracy", "zero_signal_labels"]]
        whole = text.endswith("\n") and not never_undefined.isna().any(axis=None)
    except (OSError, ValueError, KeyError):
        whole = False
    if not whole:
        raise InputError(f"{path} is damaged; delete it and run --mode=sweep, which writes it anew")
    return layers


def _run(folder: SweepDirectory, name: str) -> ExperimentRun:
    return ExperimentRun(Experiment.of(run_dir=str(folder.path / name)))


def _results(
    folder: SweepDirectory, saved: dict[str, Any], members: pd.DataFrame, stage: str
) -> dict[str, Any]:
    """What was read, and with what the members were made: each value once."""
    finished = list(dict.fromkeys(members["member"]))
    said = [_run(folder, name).record.read() for name in finished]
    made: dict[str, list] = {}
    for name in _MADE_WITH:
        values = made.setdefault(name, [])
        values += [
            member[name]
            for i, member in enumerate(said)
            if name in member and member[name] not in [m.get(name) for m in said[:i]]
        ]
    seconds = sum(sum(member.get("seconds", {}).values()) for member in said)
    return {"finished": finished, "stage": stage, "seconds": round(seconds, 1), **made}
