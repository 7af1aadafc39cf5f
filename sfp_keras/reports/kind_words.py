"""Texts about filters, in the words for what the filters of a stage are: nodes, heads, branches.

Analyses are written about filters. What they show of a stage of other filters goes
through here, where it becomes a report.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from sfp_keras.reports.tables import ReportTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The papers' N_f is the number of filters.
_FILTER = r"\b(?P<letter>[Ff])ilter(?P<more>s?)(?: N_f)?\b"


def common_kind(kinds: Iterable[str]) -> str:
    """What the filters of several stages are: their one kind, or `filter` where they have several.

    Args:
        kinds: of each stage: `filter`, `node`, `head`, `branch`.
    """
    found = set(kinds)
    return found.pop() if len(found) == 1 else "filter"


def text_of_kind(text: str, kind: str, names: Collection[str] = ()) -> str:
    """A text about filters as one about their kind: "3 filters" becomes "3 nodes".

    Args:
        text: `str`.
        kind: `str`. `filter`, `node`, `head`, `branch`.
        names: of stages and labels, which stay as they are, also where they are cut short.
            Defaults to none.
    """
    if kind == "filter" or text in names:
        return text
    own = "|".join(re.escape(form) for name in names for form in _forms(name))
    pattern = rf"(?<![\w.])(?:{own})(?![\w.])|{_FILTER}" if own else _FILTER

    def replaced(match: re.Match) -> str:
        if match["letter"] is None:
            return match[0]
        word = _plural(kind) if match["more"] else kind
        return word.capitalize() if match["letter"] == "F" else word

    return re.sub(pattern, replaced, text)


def table_of_kind(table: ReportTable, kind: str, names: Collection[str] = ()) -> ReportTable:
    """A table about filters with the title, the headings and the note of their kind.

    Args:
        table: `ReportTable`; its keys and rows stay.
        kind: `str`. `filter`, `node`, `head`, `branch`.
        names: of stages and labels, which stay as they are. Defaults to none.
    """
    columns = [
        dataclasses.replace(
            column,
            heading=text_of_kind(column.heading, kind, names),
            hint=text_of_kind(column.hint, kind, names),
        )
        for column in table.columns
    ]
    title, note = (text_of_kind(text, kind, names) for text in (table.title, table.note))
    return dataclasses.replace(table, title=title, columns=columns, note=note)


def figure_of_kind(figure: Figure, kind: str, names: Collection[str] = ()) -> Figure:
    """A figure about filters, its texts changed to those of their kind.

    Args:
        figure: `Figure`, which is changed.
        kind: `str`. `filter`, `node`, `head`, `branch`.
        names: of stages and labels, which stay as they are. Defaults to none.
    """
    if kind != "filter":
        from matplotlib.text import Text

        for text in figure.findobj(Text):
            text.set_text(text_of_kind(text.get_text(), kind, names))
    return figure


def _forms(name: str) -> list[str]:
    """A name, and what is left of it where it is cut, if they say "filter"; the longest first."""
    place = name.lower().find("filter")
    if place < 0:
        return []
    cuts = range(len(name) - 1, place + len("filter") - 1, -1)
    return [name, *(f"{name[:cut]}\N{HORIZONTAL ELLIPSIS}" for cut in cuts)]


def _plural(noun: str) -> str:
    return f"{noun}es" if noun.endswith("ch") else f"{noun}s"
