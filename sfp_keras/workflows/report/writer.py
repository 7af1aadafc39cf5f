"""The figures and tables that a report writes, and which of them an earlier one left."""

import dataclasses
import json
from pathlib import Path

from sfp_keras.analyses import AnalysisPart, Committee, Drawing, Run, Sweep, Tabled, analyses_of
from sfp_keras.file_names import file_name
from sfp_keras.files import read_json, write_text
from sfp_keras.progress import Progress
from sfp_keras.reports import (
    Folded,
    Part,
    Picture,
    ReportTable,
    Section,
    latex_figure,
    save_figure,
    save_table,
)


def _is_figure(found: tuple[str, AnalysisPart, str]) -> bool:
    return isinstance(found[1], Drawing)


class ReportWriter:
    """A folder that takes a report's figures and tables; its report.json lists them.

    Figures and tables are numbered in the order in which they are written.

    Args:
        folder: `Path`.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._list = folder / "report.json"
        self._before = self._listed()
        self._names: list[str] = []
        self._figures, self._tables = 0, 0
        self._latex: list[str] = []

    def _listed(self) -> list[str]:
        """The names of the files that earlier reports wrote."""
        try:
            names = read_json(self._list)["files"]
            # Only files of this folder: the list may have been edited.
            return [name for name in names if Path(name).name == name]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def delete_previous(self) -> None:
        """Delete what an earlier report wrote and this one has not, and no other file.

        It is called when this one's page is written: one that fails leaves the earlier page, and
        figures of other names.
        """
        for name in self._before:
            path = self.folder / name
            if name not in self._names and (path.is_file() or path.is_symlink()):
                path.unlink()
        self._before = []
        self._record([])

    def sections(self, of: Run | Sweep | Committee) -> list[Section]:
        """Write all analyses of a run, a sweep or a committee; returns the sections of the page."""
        found = [
            (title, part, subject.prefix)
            for scope, title, subject in of.subjects()
            for analysis in analyses_of(scope)
            for part in analysis.show(subject)
        ]
        parts: dict[str, list[Part]] = {title: [] for _, title, _ in of.subjects()}
        # Tables take no time beside figures.
        for title, part, prefix in Progress("report").over(
            found, sum(_is_figure(one) for one in found), size=_is_figure, unit="figures"
        ):
            parts[title].append(self.write(part, prefix))
        sections = [Section(title, of_title) for title, of_title in parts.items()]
        if self._latex:
            path = self.folder / "figures.tex"
            self._record([path])
            write_text(path, "\n".join(self._latex))
        return sections

    def write(self, part: AnalysisPart, prefix: str = "") -> Part:
        """Write a figure or table; returns what the page shows of it.

        Args:
            part: of an analysis.
            prefix: `str`. What begins the files' names. Defaults to nothing.
        """
        if isinstance(part, Drawing):
            path = self.folder / file_name(f"{prefix}{part.name}")
            figure = part.draw()
            width = float(figure.get_size_inches()[0])
            files = save_figure(figure, path)
            self._record(files)
            self._latex.append(latex_figure(path.name, part.text, width))
            self._figures += 1
            return Picture(files, part.text, width, self._figures)
        if isinstance(part, Tabled):
            path = self.folder / file_name(f"{prefix}{part.name}")
            self._record(save_table(part.table, path))
            table = self._numbered(part.table)
            return Folded(part.folded, [table]) if part.folded else table
        return self._numbered(part) if isinstance(part, ReportTable) else part

    def _numbered(self, table: ReportTable) -> ReportTable:
        self._tables += 1
        return dataclasses.replace(table, number=self._tables)

    def _record(self, files: list[Path]) -> None:
        # At once: a report that is stopped leaves files that the next one must know.
        self._names += [file.name for file in files]
        names = list(dict.fromkeys([*self._names, *self._before]))
        write_text(self._list, json.dumps({"files": names}, indent=1) + "\n")
