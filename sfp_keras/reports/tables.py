"""Tables of a report, with the papers' numbers and the difference: CSV, LaTeX, Markdown, HTML."""

import dataclasses
import html
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sfp_keras.csv_files import csv_text
from sfp_keras.files import write_text
from sfp_keras.reports.symbols import typeset_html, typeset_latex

_LATEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"},
    **{"∞": r"$\infty$", "\N{MINUS SIGN}": "$-$", "–": "--", "≥": r"$\geq$", "±": r"$\pm$"},
}
_MARKDOWN = frozenset("\\`*_{}[]()#+!|~$")


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: `str`. Key of the rows, and name in the CSV file.
        heading: `str`. Symbols of the papers, such as `N_c`, are typeset.
        spec: `str`. How numbers are written, such as `.3f` or `d`; empty for text.
        hint: `str`. What the page shows where a reader points at the heading; default: nothing.
    """

    key: str
    heading: str
    spec: str = ""
    hint: str = ""


@dataclasses.dataclass(frozen=True)
class ReportTable:
    """A table whose rows may each have the paper's below, and the difference.

    Attributes:
        title: `str`.
        columns: the columns; the first holds the names of rows.
        rows: dicts by the columns' keys. What is missing or NaN stays empty.
        paper: for each row what the paper says, or `None`; numbers, or text such as ">5", which
            has no difference. Default: nothing.
        note: `str`. What a reader must know.
        source: `str`. Where the paper's numbers are from; shown where there are any.
        number: `int`. The table's number on a page. Default: none.
        errors: for each row its numbers' standard errors by key, shown behind them, or `None`.
            Default: none.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[Any, Any]]
    paper: Sequence[Mapping[str, Any] | None] = ()
    note: str = ""
    source: str = ""
    number: int = 0
    errors: Sequence[Mapping[str, float] | None] = ()

    @property
    def compared(self) -> bool:
        """Whether a row has the paper's below."""
        return any(self.paper)

    @property
    def notes(self) -> str:
        """The note and the source as text."""
        source = f"Paper: {self.source}." if self.source and self.compared else ""
        return f"{self.note} {source}".strip()

    def frame(self) -> pd.DataFrame:
        """The numbers, not rounded; `<key>_error`, `_paper`, `_difference` where there are."""
        data: dict[str, list[Any]] = {}
        for column in self.columns:
            data[column.key] = [row.get(column.key) for row in self.rows]
            errors = [(row or {}).get(column.key) for row in self._errors()]
            if any(value is not None for value in errors):
                data[f"{column.key}_error"] = errors
            theirs = [(row or {}).get(column.key) for row in self._paper()]
            if any(value is not None for value in theirs):
                data[f"{column.key}_paper"] = theirs
                data[f"{column.key}_difference"] = [
                    _difference(ours, paper)
                    for ours, paper in zip(data[column.key], theirs, strict=True)
                ]
        return pd.DataFrame(data)

    def lines(self, plain: bool = False) -> Iterator[tuple[str, list[str]]]:
        """The lines as text: their kind (ours, paper or difference) and their cells.

        Args:
            plain: `bool`, default False. Whether signs are those of a keyboard, so that numbers
                can be copied from a terminal.
        """
        for row, theirs, errors in zip(self.rows, self._paper(), self._errors(), strict=True):
            yield "ours", [_ours(row, errors or {}, c, plain) for c in self.columns]
            if not theirs:
                continue
            rest = self.columns[1:]
            yield "paper", ["paper", *(shown(theirs.get(c.key), c.spec, plain) for c in rest)]
            signs = [_difference(row.get(c.key), theirs.get(c.key)) for c in rest]
            specs = [f"+{c.spec.lstrip('+')}" for c in rest]
            cells = [shown(sign, spec, plain) for sign, spec in zip(signs, specs, strict=True)]
            yield "difference", ["difference", *cells]

    def html(self) -> str:
        """The table as HTML, escaped."""
        align = ["" if c.spec else ' class="text"' for c in self.columns]
        head = "".join(_html_heading(c, how) for c, how in zip(self.columns, align, strict=True))
        body = "\n".join(
            f'<tr class="{kind}">{_html_row("td", cells, align)}</tr>'
            for kind, cells in self.lines()
        )
        note = f'<p class="note">{html_text(self.notes)}</p>' if self.notes else ""
        number = f"Table {self.number}. " if self.number else ""
        return (
            f'<div class="table"><table><caption>{number}{html_text(self.title)}</caption>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>{note}"
        )

    def latex(self, label: str = "") -> str:
        """The table as a LaTeX float, for the package booktabs, escaped.

        Args:
            label: `str`. What `\\ref` calls it, behind `tab:`. Default: it has no label.
        """
        align = "".join("r" if c.spec else "l" for c in self.columns)
        head = _latex_row(latex_text(c.heading, symbols=True) for c in self.columns)
        body = "\n".join(_latex_row(map(latex_text, cells)) for _, cells in self.lines())
        caption = latex_text(f"{self.title}. {self.notes}", symbols=True)
        return (
            "% \\usepackage{booktabs}\n\\begin{table}\n\\centering\n"
            f"\\caption{{{caption}}}\n{latex_label('tab', label)}"
            f"\\begin{{tabular}}{{{align}}}\n\\toprule\n{head}\n\\midrule\n{body}\n"
            "\\bottomrule\n\\end{tabular}\n\\end{table}\n"
        )

    def markdown(self) -> str:
        """The table as Markdown, escaped."""
        rule = ["---:" if c.spec else "---" for c in self.columns]
        rows = [[c.heading for c in self.columns], *(cells for _, cells in self.lines())]
        texts = [f"| {' | '.join(map(markdown_text, cells))} |" for cells in rows]
        texts.insert(1, f"| {' | '.join(rule)} |")
        note = f"\n\n{markdown_text(self.notes)}" if self.notes else ""
        return f"**{markdown_text(self.title)}**\n\n" + "\n".join(texts) + note + "\n"

    def _paper(self) -> Sequence[Mapping[str, Any] | None]:
        return self.paper or [None] * len(self.rows)

    def _errors(self) -> Sequence[Mapping[str, float] | None]:
        return self.errors or [None] * len(self.rows)


def save_table(table: ReportTable, path: Path) -> list[Path]:
    """Write a table as CSV, LaTeX and Markdown, each whole or not at all.

    Args:
        table: `ReportTable`.
        path: `Path` without an ending.

    Returns:
        The files.
    """
    contents = {
        "csv": csv_text(table.frame()),
        "tex": table.latex(path.name),
        "md": table.markdown(),
    }
    files = [path.with_name(f"{path.name}.{ending}") for ending in contents]
    for file, content in zip(files, contents.values(), strict=True):
        write_text(file, content)
    return files


def shown(value: Any, spec: str, plain: bool = False) -> str:
    """A value as a cell: empty for nothing, a dash for NaN, text as it is.

    Args:
        value: a number, `str` or `None`.
        spec: `str`. As of `Column`.
        plain: `bool`, default False. Whether minus and dash are those of a keyboard.
    """
    if value is None or isinstance(value, str):
        return value or ""
    if spec in ("", "+"):
        return str(value)
    number = float(value)
    if math.isnan(number):
        return "-" if plain else "–"
    if math.isinf(number):
        text = "∞" if number > 0 else "-∞"
    else:
        text = format(int(number) if spec.endswith("d") else number, spec)
    return text if plain else text.replace("-", "\N{MINUS SIGN}")


def _ours(row: Mapping[Any, Any], errors: Mapping[str, float], column: Column, plain: bool) -> str:
    """The cell of a number, with its standard error where that is known."""
    cell, error = shown(row.get(column.key), column.spec, plain), errors.get(column.key)
    if error is None or math.isnan(error) or column.spec.endswith("d"):
        return cell
    digits = shown(error, column.spec, plain)
    # Below the last digit shown.
    return f"{cell} ± {digits if float(digits) or not error else format(error, '.1g')}"


def html_text(text: str) -> str:
    """Text as a page shows it, escaped, with the papers' symbols typeset."""
    return typeset_html(text, html.escape)


def latex_text(text: str, symbols: bool = False) -> str:
    """Text as LaTeX prints it.

    Args:
        text: `str`.
        symbols: `bool`, default False. Whether the papers' symbols are typeset; not in names of
            strangers.
    """
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return typeset_latex(plain, _latex_escaped) if symbols else _latex_escaped(plain)


def latex_label(kind: str, name: str) -> str:
    """The line that names a float for `\\ref`, such as `tab:test-layers`; nothing without a name.

    Args:
        kind: `str`. `"tab"` or `"fig"`.
        name: `str`. Letters that LaTeX takes as commands become a dash.
    """
    plain = re.sub(r"[^\w.+:-]+|_", "-", name, flags=re.ASCII)
    return f"\\label{{{kind}:{plain}}}\n" if name else ""


def markdown_text(text: str) -> str:
    """Text as Markdown shows it, in a cell as well."""
    plain = html.escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{c}" if c in _MARKDOWN else c for c in plain)


def _difference(ours: Any, paper: Any) -> float | None:
    numbers = all(isinstance(v, int | float) and math.isfinite(v) for v in (ours, paper))
    return float(ours - paper) if numbers else None


def latex_figure(name: str, caption: str, width: float) -> str:
    """A figure as a LaTeX float, for the package graphicx.

    Args:
        name: `str`. Of the file, without an ending.
        caption: `str`.
        width: `float`. Inches.
    """
    return (
        "% \\usepackage{graphicx}\n\\begin{figure}\n\\centering\n"
        f"\\includegraphics[width={width:g}in]{{{_latex_file(name)}}}\n"
        f"\\caption{{{latex_text(caption, symbols=True)}}}\n{latex_label('fig', name)}"
        "\\end{figure}\n"
    )


def _latex_file(name: str) -> str:
    commented = name.replace("%", r"\csname @percentchar\endcsname{}")
    return re.sub(r"[#&$~^]", r"\\string\g<0>", commented)


def _latex_escaped(text: str) -> str:
    return "".join(_LATEX.get(c, c) for c in text)


def _latex_row(cells: Iterable[str]) -> str:
    row = " & ".join(cells) + r" \\"
    # The rule or the line's end before would read these as its own option.
    return "{}" + row if row.startswith(("[", "*")) else row


def _html_heading(column: Column, align: str) -> str:
    hint = f' title="{html.escape(column.hint)}"' if column.hint else ""
    return f"<th{align}{hint}>{html_text(column.heading)}</th>"


def _html_row(tag: str, cells: Sequence[str], align: Sequence[str]) -> str:
    return "".join(
        f"<{tag}{how}>{html.escape(cell)}</{tag}>" for cell, how in zip(cells, align, strict=True)
    )
