"""A report's files in the place of those of the report before."""

from pathlib import Path

from sfp_keras.analyses import Tabled
from sfp_keras.reports import Column, ReportTable
from sfp_keras.workflows.report.writer import ReportWriter

TABLE = ReportTable("Filters", [Column("filters", "filters")], [{"filters": 3}])


def names(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir()}


def test_the_report_before_goes_when_the_next_is_whole(tmp_path: Path) -> None:
    first = ReportWriter(tmp_path)
    for name in ("a", "b"):
        first.write(Tabled(name, TABLE))
    first.delete_previous()
    assert names(tmp_path) == {"a", "b", "report"}
    (tmp_path / "mine.txt").write_text("mine")
    # One that fails leaves it, and its own files are known to the next.
    ReportWriter(tmp_path).write(Tabled("c", TABLE))
    assert names(tmp_path) == {"a", "b", "c", "report", "mine"}
    third = ReportWriter(tmp_path)
    for name in ("b", "d"):
        third.write(Tabled(name, TABLE))
    third.delete_previous()
    assert names(tmp_path) == {"b", "d", "report", "mine"}
    ReportWriter(tmp_path).delete_previous()
    assert names(tmp_path) == {"report", "mine"}
