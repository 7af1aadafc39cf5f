"""What a report reads of a run directory: the run's own record, and its stages' measurements."""

import dataclasses
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sfp_keras.analyses import (
    Ablation,
    Afcc,
    Run,
    Split,
    Stage,
    image_passes,
    network_tables,
    read_image_result,
    read_network_table,
)
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment, program, typed
from sfp_keras.files import damaged
from sfp_keras.filters import find_clusters
from sfp_keras.papers import PaperNumbers, measured_as_papers
from sfp_keras.runs import RunFiles
from sfp_keras.runs.ablation_results import read_ablation
from sfp_keras.runs.afcc_results import read_afcc, read_networks
from sfp_keras.runs.link_results import read_all_links
from sfp_keras.runs.merged_tables import read_heads
from sfp_keras.runs.single_head_files import read_single_heads
from sfp_keras.runs.stage_results import read_measurement
from sfp_keras.runs.tables import COUNT, TEXT, read_curve, read_table
from sfp_keras.text import did_you_mean
from sfp_keras.workflows.paper_numbers import paper_numbers
from sfp_keras.workflows.report.followed import read_followed

# Runs that are named where another one is not there.
_NAMED = 3


@dataclasses.dataclass(frozen=True, eq=False)
class RecordedRun:
    """A run directory as a report finds it.

    Attributes:
        files: `RunFiles`.
        saved: what experiment.json says.
        names: names of the labels.
        stages: the measured stages of each split asked for, input side first.
        threshold: `float`. Of the report.
    """

    files: RunFiles
    saved: Mapping[str, Any]
    names: tuple[str, ...]
    stages: Mapping[str, Sequence[str]]
    threshold: float

    @property
    def splits(self) -> list[str]:
        """The splits asked for."""
        return list(self.stages)

    @property
    def title(self) -> str:
        """Network, data and number of labels."""
        flags = self.saved["flags"]
        return f"{flags.get('model')} on {flags.get('dataset')}, {len(self.names)} labels"

    @property
    def papers(self) -> PaperNumbers:
        """What the papers say of this experiment."""
        try:
            experiment = Experiment.from_json(self.saved["flags"])
            return paper_numbers(experiment, len(self.names))
        except InputError as error:
            raise damaged(self.files.record.path, error, "choose another `run_dir`") from None

    def measured(self, filters: Sequence[int] = ()) -> Run:
        """Read what was measured, and find the clusters.

        Args:
            filters: numbers of the filters to show; default: those that analyses choose.
        """
        papers = self.papers
        splits = [self._split(name, papers, filters) for name in self.stages]
        names = dict.fromkeys(stage for stages in self.stages.values() for stage in stages)
        files = {name: self.files.stage(name).curve for name in names}
        curves = {name: read_curve(path) for name, path in files.items() if path.exists()}
        return Run(
            splits,
            read_curve(self.files.training) if self.files.training.exists() else None,
            # The network's own layers, as a head, have no row.
            {name: curve for name, curve in curves.items() if len(curve)},
            self._ablations(papers),
            self._afcc(papers),
            read_all_links(self.files.all_links()),
            read_followed(self.files, names, len(self.names), self.threshold),
            self._further_heads(names),
            self._network_tables(),
        )

    def _network_tables(self) -> dict[str, pd.DataFrame]:
        found = {
            name: read_network_table(self.files.network_table(name), needs)
            for name, needs in network_tables().items()
        }
        return {name: table for name, table in found.items() if table is not None}

    def _further_heads(self, stages: Collection[str]) -> pd.DataFrame:
        heads = read_heads(self.files, self.threshold)
        return heads[heads["stage"].isin(stages)]

    def _split(self, split: str, papers: PaperNumbers, filters: Sequence[int]) -> Split:
        paper = papers if measured_as_papers(split, self.threshold) else PaperNumbers()
        stages = [self._stage(name, split, paper, filters) for name in self.stages[split]]
        return Split(split, stages, paper)

    def _stage(self, name: str, split: str, paper: PaperNumbers, filters: Sequence[int]) -> Stage:
        measured = read_measurement(self.files, name, split)
        if measured.fields.num_labels != len(self.names):
            raise InputError(
                f"{self.files.labels} names {len(self.names)} labels and stage {name} has "
                f"{measured.fields.num_labels}; probe again with `overwrite`=heads"
            )
        files = self.files.stage(name).split(split)

        def saved(analysis: str) -> Any:
            return read_image_result(files.image_result(analysis), image_passes()[analysis])

        return Stage(
            name,
            split,
            measured.fields,
            find_clusters(measured.fields, self.threshold),
            measured.accuracy,
            measured.label_accuracy,
            self.names,
            paper,
            filters,
            saved,
            self.saved["results"].get("attention_heads", {}).get(name),
            self._kind(name),
            read_single_heads(files, measured.fields),
        )

    def _kind(self, stage: str) -> str:
        """What the filters of a stage are."""
        return str(self.saved["results"].get("kinds", {}).get(stage, "filter"))

    def _ablations(self, papers: PaperNumbers) -> list[Ablation]:
        return [
            Ablation(
                stage,
                **read_ablation(self.files.ablation(stage)),
                paper=papers.removed_filters(stage),
                kind=self._kind(stage),
            )
            for stage in self.files.ablated_stages()
        ]

    def _afcc(self, papers: PaperNumbers) -> list[Afcc]:
        found = {s: read_afcc(self.files.afcc(s)) for s in self.files.afcc_stages()}
        return [
            Afcc(s, results, papers.afcc, read_networks(self.files.afcc(s)), self._kind(s))
            for s, results in found.items()
            if len(results)
        ]


def read_run(experiment: Experiment) -> RecordedRun:
    """Find the run that a report is of, and its measured stages.

    Args:
        experiment: `Experiment` of the report; only where the run is, and what of it to show.

    Raises:
        InputError: if there is no run, or nothing of it is measured that was asked for.
    """
    files = RunFiles(experiment.directory)
    saved = files.record.read()
    if "flags" not in saved:
        state = "names no flags" if saved else "is missing"
        mend = "; name a run by `run_dir`, or make one first: " + typed(
            program(), ["--mode=probe", f"--run_dir={files.path}"]
        )
        asked = did_you_mean([f"`run_dir`={path}" for path in _runs_near(files.path)])
        raise InputError(f"{files.record.path} {state}{asked or mend}")
    stages = {split: _stages(files, saved, split) for split in experiment.analysis.split}
    empty = [split for split, found in stages.items() if not found]
    if empty:
        other = next((one for one in ("test", "train") if _stages(files, saved, one)), None)
        raise InputError(
            f"`run_dir`={files.path} has no stage measured on {empty[0]} images; "
            + (f"give `split`={other}, which it has, or " if other else "")
            + f"first run {_measuring(saved, empty[0], files.path)}"
        )
    return RecordedRun(
        files,
        saved,
        _label_names(files),
        {split: _chosen(experiment, found) for split, found in stages.items()},
        experiment.analysis.threshold,
    )


def _measuring(saved: Mapping[str, Any], split: str, path: Path) -> str:
    """What measures a run's stages on a split: its own command or call, with that."""
    command = str(saved.get("command", ""))
    start, _, _ = command.partition(" --")
    if start == command:  # Python's.
        return f"{command} with `split`={split}"
    flags = shlex.split(command.removeprefix(start))
    others = ("--mode=", "--split=", "--run_dir=")
    kept = [flag for flag in flags if not flag.startswith(others)]
    return typed(start, ["--mode=probe", f"--split={split}", f"--run_dir={path}", *kept])


def _runs_near(path: Path) -> list[Path]:
    """At most three runs inside a folder, or beside one that is not there, the newest first."""
    folder = path if path.is_dir() else path.parent
    records = sorted(folder.glob("*/experiment.json"), key=lambda file: file.stat().st_mtime)
    return [file.parent for file in records[: -_NAMED - 1 : -1]]


def _stages(files: RunFiles, saved: Mapping[str, Any], split: str) -> list[str]:
    """Stages measured on a split, input side first."""
    found = files.measured_stages(split)
    depth = saved["results"].get("stage_order", {})
    return sorted(found, key=lambda name: (depth.get(name, float("inf")), name))


def _chosen(experiment: Experiment, found: list[str]) -> list[str]:
    wanted = experiment.report.stages
    missing = [name for name in wanted if name not in found]
    if missing:
        raise InputError(
            f"`report_stages`={','.join(wanted)}: {missing[0]!r} is not measured; there are "
            f"{', '.join(found)}"
        )
    return [name for name in found if name in wanted or not wanted]


def _label_names(files: RunFiles) -> tuple[str, ...]:
    table = read_table(files.labels, {"label": COUNT, "name": TEXT}, "run `mode`=probe again")
    if table["label"].tolist() != list(range(len(table))):
        raise damaged(files.labels, "labels are not in order", "run `mode`=probe again")
    return tuple(table["name"])
