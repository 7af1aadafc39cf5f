"""The figures and tables that a report writes, and which of them an earlier one left."""

import json
from pathlib import Path

from matplotlib.figure import Figure

from sfp_keras import reports
from sfp_keras.files import write_text
from sfp_keras.reports import Picture, ReportTable


class Written:
    """A folder that takes a report's figures and tables; its report.json lists them.

    Args:
        folder: `Path`.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._list = folder / "report.json"
        self._names: list[str] = []

    def delete_previous(self) -> None:
        """Delete what an earlier report wrote, and no other file."""
        try:
            names = json.loads(self._list.read_text())["files"]
            # Files of this folder, whatever the list says.
            old = [self.folder / name for name in names if Path(name).name == name]
        except (OSError, ValueError, KeyError, TypeError):
            return
        for path in old:
            path.unlink(missing_ok=True)

    def figure(self, name: str, figure: Figure, caption: str) -> Picture:
        """Write a figure; returns it for the page."""
        width = float(figure.get_size_inches()[0])
        files = reports.save_figure(figure, self.folder / name)
        self._record(files)
        return Picture(files, caption, width)

    def table(self, name: str, table: ReportTable) -> ReportTable:
        """Write a table; returns it for the page."""
        self._record(reports.save_table(table, self.folder / name))
        return table

    def _record(self, files: list[Path]) -> None:
        # At once: a report that is stopped leaves files that the next one must know.
        self._names += [file.name for file in files]
        write_text(self._list, json.dumps({"files": self._names}, indent=1) + "\n")
