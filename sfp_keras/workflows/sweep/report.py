"""What the finished members of a sweep say together: tables and figures in its folder."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd

from sfp_keras.analyses import Sweep
from sfp_keras.csv_files import csv_text, read_csv
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.files import damaged, write_text
from sfp_keras.papers import measured_as_papers, paper_sweep
from sfp_keras.reports import Folded, Listing, Part, page, terminal
from sfp_keras.reports.power_laws import POWER_LAWS
from sfp_keras.reports.sweep import LINES_OVER_K, print_sweep, summarise, sweep_stage
from sfp_keras.runs import RunFiles
from sfp_keras.runs.statistics_files import LAYER_COLUMNS, check_layers, with_layer_columns
from sfp_keras.runs.tables import read_content
from sfp_keras.settings import LABELS, SweepAxis
from sfp_keras.workflows.report.provenance import with_provenance
from sfp_keras.workflows.report.writer import ReportWriter
from sfp_keras.workflows.sweep.directory import SweepDirectory, axis_of

_READINGS = {reading.axis: reading for reading in (LINES_OVER_K, POWER_LAWS)}
# What a member's experiment.json says of how it was made.
_MADE_WITH = ("versions", "git_revision", "backend", "device", "platform")


def sweep_report(path: Path, stage: str | None = None) -> None:
    """Write the tables, figures and page of a sweep, and print its table.

    Members that are not finished are left out.

    Args:
        path: `Path` of the sweep's folder.
        stage: `str`. The stage whose error is drawn. Default: the sweep's own.

    Raises:
        InputError: if the folder holds no sweep, no finished member, a member whose layers.csv is
            damaged, or not that stage.
    """
    folder = SweepDirectory(path)
    console = terminal()
    if not folder.settings.exists():
        raise InputError(f"{path} holds no sweep.json; `mode`=sweep makes one")
    with folder.locked():
        saved = folder.read()
        axis = axis_of(saved)
        reading = _READINGS[axis]
        members = reading.extended(read_members(folder, saved))
        stages = list(dict.fromkeys(members["stage"]))
        stage = sweep_stage(stage or saved["stage"], saved["model"], stages)
        if stage not in stages:
            raise InputError(f"`sweep_stage`={stage} is none of the probed {', '.join(stages)}")
        made = Experiment.from_json({**saved["settings"], "model": saved["model"]})
        alike = measured_as_papers(saved["split"], saved["threshold"])
        of_paper = alike and not made.changed_options
        known = paper_sweep(saved["model"], saved["dataset"]) if of_paper else None
        paper = known if axis is LABELS else None
        summary, fits = summarise(members, axis, reading.metrics), reading.fit(members)
        for file, table in (
            (folder.members, members),
            (folder.summary, summary),
            (folder.fit, fits),
        ):
            write_text(file, csv_text(table))
        content = {**saved, "results": _results(folder, saved, members, stage)}
        write_text(folder.settings, json.dumps(content, indent=2) + "\n")
        writer = ReportWriter(folder.figures)
        found = Sweep(members, summary, fits, stage, paper, axis)
        sections = with_provenance(writer.sections(found), _provenance_parts(content))
        finished, all_of_them = members["member"].nunique(), len(saved["members"])
        title = f"{saved['model']} on {saved['dataset']}, {axis.column} varied"
        left_out = [name for name in saved["members"] if name not in set(members["member"])]
        otherwise = [name for name in left_out if folder.run(name).layers.exists()]
        of_others = f", {len(otherwise)} measured otherwise" if otherwise else ""
        summary_line = (
            f"{finished} of {all_of_them} members finished{of_others}. Folder: {folder.path}"
        )
        write_text(folder.report, page(title, sections, summary_line))
        writer.delete_previous()
    print_sweep(summary, fits, paper, stage, console, reading)
    if unfinished := len(left_out) - len(otherwise):
        console.print(f"{unfinished} of {all_of_them} members are not finished")
    if otherwise:
        console.print(
            f"left out: {', '.join(otherwise)}, not measured at threshold {saved['threshold']:g} "
            f"on {saved['split']} images; run the sweep of these members too, which trains nothing"
        )
    console.print(
        f"results: {folder.path}\n"
        f"  {folder.members}  every member and stage\n"
        f"  {folder.summary}  mean and standard deviation over seeds\n"
        f"  {folder.fit}  {reading.fit_is}\n"
        f"  {folder.figures}  figures and tables\n"
        f"  {folder.report}  all of it on one page"
    )


def _provenance_parts(content: dict[str, Any]) -> list[Part]:
    about = {name: content[name] for name in ("command", "threshold", "split")}
    about["stage"] = content["results"]["stage"]
    made_with = {
        name: ", ".join(map(str, v)) for name, v in content["results"].items() if type(v) is list
    }
    commands = {name: member["command"] for name, member in content["members"].items()}
    return [
        Listing({**about, **made_with, "seconds": content["results"]["seconds"]}),
        Folded("Settings of all members", [Listing(content["settings"])]),
        Folded("Command of each member", [Listing(commands)]),
    ]


def read_members(folder: SweepDirectory, saved: dict[str, Any]) -> pd.DataFrame:
    """The layers of every finished member.

    Args:
        folder: `SweepDirectory`.
        saved: its sweep.json.

    Returns:
        `DataFrame`, members by seed and K (or width), stages input side first: member, K, seed,
        preset, numbers of the network where the axis names some, then the columns of layers.csv
        with error = 1 - accuracy.
    """
    axis, tables, order = axis_of(saved), [], {}
    for name, of in saved.get("members", {}).items():
        run = folder.run(name)
        if not run.layers.exists():
            continue
        layers = _read_layers(run.layers)
        chosen = (layers["threshold"] == saved["threshold"]) & (layers["split"] == saved["split"])
        layers = layers[chosen].reset_index(drop=True)
        layers.insert(LAYER_COLUMNS.index("accuracy") + 1, "error", 1 - layers["accuracy"])
        about = {"member": name, **{key: of[key] for key in (axis.column, "seed", "preset")}}
        about |= _network(run, axis)
        tables.append(pd.DataFrame({k: [v] * len(layers) for k, v in about.items()}).join(layers))
        order.update({s: place for place, s in enumerate(layers["stage"]) if s not in order})
    members = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    if members.empty:
        raise InputError(f"{folder.path} has no finished member; run `mode`=sweep")
    place = members["stage"].map(order)
    return (
        members.assign(place=place)
        .sort_values(["seed", axis.column, "place"], kind="stable", ignore_index=True)
        .drop(columns="place")
    )


def _network(run: RunFiles, axis: SweepAxis) -> dict[str, Any]:
    """What the axis asks for of a member's network; `None` where its record has it not."""
    results = run.record.results if axis.results else {}
    return {name: results.get(name) for name in axis.results}


def _read_layers(path: Path) -> pd.DataFrame:
    try:
        text = read_content(path)
        check_layers(with_layer_columns(read_csv(io.StringIO(text), dtype=str)))
        layers = with_layer_columns(read_csv(io.StringIO(text), dtype={"stage": str}))
        numbers = layers.drop(columns=["stage", "split"]).astype(float)
        # Averages over clusters are undefined where there are none.
        never_undefined = numbers[["threshold", "filters", "accuracy", "zero_signal_labels"]]
        if never_undefined.isna().any(axis=None):
            raise ValueError("a cell is empty")
    except (OSError, ValueError, TypeError) as error:
        raise damaged(path, error, "delete it and run `mode`=sweep, which writes it") from None
    return layers


def _results(
    folder: SweepDirectory, saved: dict[str, Any], members: pd.DataFrame, stage: str
) -> dict[str, Any]:
    """What was read, and with what the members were made: each value once."""
    finished = list(dict.fromkeys(members["member"]))
    records = [folder.run(name).record.read() for name in finished]
    made: dict[str, list] = {}
    for name in _MADE_WITH:
        values = made.setdefault(name, [])
        values += [
            member[name]
            for i, member in enumerate(records)
            if name in member and member[name] not in [m.get(name) for m in records[:i]]
        ]
    seconds = sum(sum(member.get("seconds", {}).values()) for member in records)
    return {"finished": finished, "stage": stage, "seconds": round(seconds, 1), **made}
