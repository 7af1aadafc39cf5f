"""The tab's HTTP routes, as docs/tensorboard.md states them."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from tensorboard import plugin_util
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Request

from sfp_keras.filters import (
    FilterFields,
    Quantity,
    filter_statistics,
    filter_values,
    find_clusters,
)
from sfp_keras.monitoring.schema import SCHEMA_VERSION
from tb_plugin import (
    attention_heads,
    columns,
    encoding,
    error_bars,
    following,
    head_columns,
    tables,
)
from tb_plugin.analysis import Analysis
from tb_plugin.answers import Answer, application, binary_answer, csv_answer, json_answer, shortened
from tb_plugin.listing import RunListing, natural
from tb_plugin.parameters import Parameters, shown
from tb_plugin.provider import UNREADABLE
from tb_plugin.reader import LogReader, Measurement
from tb_plugin.thumbnails import thumbnails_answer


class Routes:
    """A handler for each route.

    Args:
        reader: `LogReader`.
        analysis: `Analysis`.
    """

    def __init__(self, reader: LogReader, analysis: Analysis):
        self._reader = reader
        self._analysis = analysis

    def apps(self) -> dict[str, Callable[..., Any]]:
        """The WSGI application of each route."""
        handlers = {
            "/runs": self.runs,
            "/revision": self.revision,
            "/columns": self.columns,
            "/stages": self.stages,
            # The name of this route before stages were called so.
            "/layers": self.stages,
            "/curves": self.curves,
            "/filters": self.filters,
            "/thumbnails": self.thumbnails,
            "/filter": self.filter,
            "/labels": self.labels,
            "/heads": self.heads,
            "/heads_over_steps": self.heads_over_steps,
            "/following": self.following,
            "/followed_filter": self.followed_filter,
        }
        return {route: application(handler) for route, handler in handlers.items()}

    def runs(self, request: Request) -> Answer:
        """All runs with their stages, steps and label names, and what could not be read."""
        ctx, experiment = _context(request)
        # Before the runs are read: what is written meanwhile then makes another revision.
        revision = self._reader.revision(ctx, experiment)
        runs, notices = [], []
        for listing in self._reader.runs(ctx, experiment):
            if listing.unreadable:
                notices.append(listing.unreadable)
                continue
            described, more = self._described(ctx, listing)
            runs.append(described)
            notices += more
        runs.sort(key=lambda run: natural(run["run"]))
        return json_answer(
            {
                "runs": runs,
                "schema": SCHEMA_VERSION,
                "revision": revision,
                "notices": shortened(notices),
            }
        )

    def revision(self, request: Request) -> Answer:
        """What changes with the log: a page that knows another one reads the runs again."""
        ctx, experiment = _context(request)
        return json_answer({"revision": self._reader.revision(ctx, experiment)})

    def columns(self, request: Request) -> Answer:
        """What the numbers of stages, filters and labels are called, and what they are."""
        return json_answer(columns.described())

    def stages(self, request: Request) -> Answer:
        """One row a stage of a run at a step, or of one: the columns of the papers' tables."""
        given = Parameters(request.args)
        stage, step = given.optional_stage(), given.step()
        threshold, as_csv = given.threshold(), given.as_csv()
        ctx, listing = self._listing(request, given)
        stages = _chosen_stages(listing, stage)
        found = tables.stage_rows(
            self._reader, self._analysis, ctx, listing, stages, step, threshold
        )
        return _stages_table(columns.STAGE_COLUMNS, found, as_csv, listing.run, "stages")

    def curves(self, request: Request) -> Answer:
        """One row a step of each stage, or of one: the columns of `stages`."""
        given = Parameters(request.args)
        stage, threshold, as_csv = given.optional_stage(), given.threshold(), given.as_csv()
        ctx, listing = self._listing(request, given)
        stages = _chosen_stages(listing, stage)
        found = tables.curve_rows(self._reader, self._analysis, ctx, listing, stages, threshold)
        return _stages_table(columns.CURVE_COLUMNS, found, as_csv, listing.run, "curves")

    def filters(self, request: Request) -> Answer:
        """One list a column, one element a filter; of all, or of those that cluster a label."""
        given = Parameters(request.args)
        threshold, label, as_csv = given.threshold(), given.label(), given.as_csv()
        with_labels = given.with_labels()
        ctx, _, found = self._measurement(request, given)
        labels = len(found.header.label_counts)
        if label is not None and label >= labels:
            raise NotFound(f"there is no label {label}: labels are 0 to {labels - 1}")
        table = tables.filter_table(self._analysis, ctx, found, threshold, label, with_labels)
        if as_csv:
            listed = (
                map(json.dumps, column) if name == "labels" else column.tolist()
                for name, column in table.items()
            )
            return csv_answer(
                list(table), zip(*listed, strict=True), found.run, found.stage, "filters"
            )
        named = {"filters" if name == "filter" else name: c for name, c in table.items()}
        return json_answer({"step": found.step, **named})

    def thumbnails(self, request: Request) -> Answer:
        """The corners of a page of permuted Boolean matrices, packed."""
        given = Parameters(request.args)
        threshold, filters, corner = given.threshold(), given.filters(), given.corner()
        ctx, _, found = self._measurement(request, given)
        for index in filters:
            _check_filter(found, index)
        return self._analysis.of_some(
            ctx,
            found,
            filters,
            ("thumbnails", threshold, corner),
            lambda fields: thumbnails_answer(found.step, fields, filters, threshold, corner),
        )

    def filter(self, request: Request) -> Answer:
        """One filter: its exact field matrix, its Boolean matrix, its clusters."""
        given = Parameters(request.args)
        threshold, index, as_csv = given.threshold(), given.filter(), given.as_csv()
        ctx, listing, found = self._measurement(request, given)
        _check_filter(found, index)
        names: list[str] = []
        if as_csv:
            about, _ = self._reader.about(ctx, listing)
            names = tables.label_names(about, len(found.header.label_counts))

        def answer(fields: FilterFields) -> Answer:
            if as_csv:
                return _matrix_csv(found, index, fields.matrix(0), names)
            return _filter_answer(found, index, fields, threshold)

        key = ("filter", None if as_csv else threshold, tuple(names))
        return self._analysis.of_some(ctx, found, [index], key, answer)

    def labels(self, request: Request) -> Answer:
        """One row a label: its accuracy, signal and noise, by counts and by fields."""
        given = Parameters(request.args)
        threshold, as_csv = given.threshold(), given.as_csv()
        ctx, listing, found = self._measurement(request, given)
        about, _ = self._reader.about(ctx, listing)
        names = tables.label_names(about, len(found.header.label_counts))
        rows = tables.label_rows(self._analysis, ctx, found, threshold, names)
        if as_csv:
            return _table(columns.LABEL_COLUMNS, rows, [], True, found.run, found.stage, "labels")
        return json_answer({"step": found.step, "rows": rows})

    def heads(self, request: Request) -> Answer:
        """Which labels the attention heads of a stage are for: matrix, p-values, a row a label."""
        given = Parameters(request.args)
        threshold, as_csv = given.threshold(), given.as_csv()
        ctx, listing, found = self._measurement(request, given)
        if not found.header.heads:
            raise attention_heads.no_heads(found.stage)
        about, _ = self._reader.about(ctx, listing)
        names = tables.label_names(about, len(found.header.label_counts))
        heads = self._analysis.head_specialization(ctx, found, threshold)
        rows = attention_heads.label_rows(heads, names)
        if as_csv:
            of_table = head_columns.LABEL_COLUMNS
            return _table(of_table, rows, [], True, found.run, found.stage, "heads")
        return json_answer({**attention_heads.summary(found, heads), "rows": rows})

    def heads_over_steps(self, request: Request) -> Answer:
        """One row a step of a stage of attention heads: how much they are experts."""
        given = Parameters(request.args)
        stage, threshold, as_csv = given.stage(), given.threshold(), given.as_csv()
        ctx, listing = self._listing(request, given)
        rows, notices = attention_heads.step_rows(
            self._reader, self._analysis, ctx, listing, _known_stage(listing, stage), threshold
        )
        of_table = head_columns.STEP_COLUMNS
        return _table(of_table, rows, notices, as_csv, listing.run, stage, "heads")

    def following(self, request: Request) -> Answer:
        """How the clusters of a stage form, move and dissolve: of each step, and of each filter."""
        given = Parameters(request.args)
        stage, threshold, as_csv = given.stage(), given.threshold(), given.as_csv()
        ctx, found, notices = self._followed(request, given, stage)
        of_all = self._analysis.followed(ctx, found, threshold)
        rows, notices = following.step_rows(of_all.steps), [*notices, *of_all.notices]
        if as_csv:
            of_table = following.STEP_COLUMNS
            return _table(of_table, rows, [], True, found[0].run, stage, "following")
        return json_answer({"rows": rows, "filters": of_all.filters, "notices": shortened(notices)})

    def followed_filter(self, request: Request) -> Answer:
        """One filter at every step: its clusters, followed, and its fields on the diagonal."""
        given = Parameters(request.args)
        stage, threshold, index = given.stage(), given.threshold(), given.filter()
        ctx, found, _ = self._followed(request, given, stage)
        for one in found:
            _check_filter(one, index)
        return self._analysis.of_some_over_steps(
            ctx,
            found,
            [index],
            ("followed", threshold),
            lambda fields: following.filter_answer(fields, index, threshold),
        )

    def _followed(
        self, request: Request, given: Parameters, stage: str
    ) -> tuple[Any, list[Measurement], list[str]]:
        ctx, listing = self._listing(request, given)
        stage = _known_stage(listing, stage)
        return ctx, *following.measurements(self._reader, ctx, listing, stage)

    def _described(self, ctx: Any, listing: RunListing) -> tuple[dict[str, Any], list[str]]:
        about, notices = self._reader.about(ctx, listing)
        notices = [*listing.notices, *notices]
        stages: list[dict[str, Any]] = []
        counts: list[int] = []
        last = {stage: max(steps) for stage, steps in listing.stages.items() if steps}
        self._reader.read_ahead(ctx, listing, last.items())
        for stage, steps in listing.stages.items():
            try:
                header = (
                    self._reader.measurement(ctx, listing, stage, last[stage]).header
                    if steps
                    else self._reader.stage_header(ctx, listing, stage)
                )
            except UNREADABLE as error:
                notices.append(str(error.description))
                continue
            counts.append(len(header.label_counts))
            stages.append(
                {
                    "stage": stage,
                    "depth": header.depth,
                    "filters": header.filters,
                    "positions": header.position_shape,
                    "kind": header.kind,
                    "steps": list(steps),
                    **({"heads": header.heads} if header.heads else {}),
                }
            )
        stages.sort(key=lambda row: (row["depth"], natural(row["stage"])))
        # Where stages differ in their labels, the names are of those that have as many.
        named = len(about.labels) in counts or not counts
        described = {
            "run": listing.run,
            "phase": about.phase,
            "title": about.title,
            "threshold": about.threshold,
            "biases_left_out": about.biases_left_out,
            "labels": tables.label_names(about, len(about.labels) if named else counts[-1]),
            "stages": stages,
        }
        return described, notices

    def _listing(self, request: Request, given: Parameters) -> tuple[Any, RunListing]:
        run = given.run()
        ctx, experiment = _context(request)
        return ctx, self._reader.run(ctx, experiment, run)

    def _measurement(
        self, request: Request, given: Parameters
    ) -> tuple[Any, RunListing, Measurement]:
        stage, step = given.stage(), given.step()
        ctx, listing = self._listing(request, given)
        steps = list(listing.stages[_known_stage(listing, stage)])
        at = tables.step_at(steps, step)
        if not steps:
            raise NotFound(tables.no_matrices(stage))
        if at is None:
            raise NotFound(f"{stage} was first measured at step {steps[0]}, after step {step}")
        return ctx, listing, self._reader.measurement(ctx, listing, stage, at)


def _matrix_csv(found: Measurement, index: int, matrix: np.ndarray, names: list[str]) -> Answer:
    rows = ([name, *row] for name, row in zip(names, matrix.tolist(), strict=True))
    return csv_answer(["label", *names], rows, found.run, found.stage, f"filter{index}")


def _filter_answer(
    found: Measurement, index: int, fields: FilterFields, threshold: float
) -> Answer:
    matrix, boolean = fields.matrix(0), fields.boolean(0, threshold)
    clusters = find_clusters(boolean, threshold)
    header = {
        "step": found.step,
        "filter": index,
        "labels": fields.num_labels,
        "maximum": matrix.max(),
        "dead": clusters.dead[0],
        "noise": clusters.noise[0],
        "clusters": clusters.members(0),
        "order": clusters.permutation(0),
        "threshold": threshold,
        "statistics": _first(filter_values(filter_statistics(clusters, fields))),
    }
    return binary_answer(header, [matrix.astype("<f4").tobytes(), encoding.pack(boolean)])


def _first(values_by_key: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a single filter; lists, as of its labels, are left out."""
    return {
        key: values[0] for key, values in values_by_key.items() if isinstance(values, np.ndarray)
    }


def _context(request: Request) -> tuple[Any, str]:
    return plugin_util.context(request.environ), plugin_util.experiment_id(request.environ)


def _chosen_stages(listing: RunListing, stage: str | None) -> list[str]:
    return list(listing.stages) if stage is None else [_known_stage(listing, stage)]


def _known_stage(listing: RunListing, stage: str) -> str:
    if stage not in listing.stages:
        raise NotFound(f"run {shown(listing.run)} has no stage {shown(stage)}")
    return stage


def _check_filter(found: Measurement, index: int) -> None:
    if index >= found.header.filters:
        last = found.header.filters - 1
        raise NotFound(f"{found.stage} has no filter {index}: filters are 0 to {last}")


def _table(
    of_table: tuple[Quantity, ...],
    rows: list[tables.Row],
    notices: list[str],
    as_csv: bool,
    *name: str,
) -> Answer:
    if as_csv:
        keys = columns.keys(of_table)
        return csv_answer(keys, ([row[key] for key in keys] for row in rows), *name)
    return json_answer({"rows": rows, "notices": shortened(notices)})


def _stages_table(
    of_table: tuple[Quantity, ...], found: tables.Rows, as_csv: bool, *name: str
) -> Answer:
    """Rows of stages; in CSV with the columns of errors that some of them have."""
    if as_csv:
        keys = [*columns.keys(of_table), *error_bars.present(found.rows)]
        return csv_answer(keys, ([row.get(key) for key in keys] for row in found.rows), *name)
    notices = shortened(found.notices)
    return json_answer({"rows": found.rows, "notices": notices, "bars_at": found.bars_at})
