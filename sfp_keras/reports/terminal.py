"""Text for people on the terminal, as it is: nothing is cut, wrapped or read as markup."""

from collections.abc import Collection

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from sfp_keras.console import PlainConsole
from sfp_keras.reports.tables import ReportTable


def terminal() -> Console:
    """Make a console on standard output that prints paths and commands as they are.

    Returns:
        A `rich.console.Console`.
    """
    return PlainConsole()


def print_table(
    table: ReportTable, console: Console, *, without: Collection[str] = (), blocks: bool = False
) -> None:
    """Print a table as wide as it is: a terminal may wrap its lines, but no name is cut.

    The paper's numbers stand below ours, without the differences, and their source below the
    table. Notes are left to the report.

    Args:
        table: `ReportTable`.
        console: `rich.console.Console`.
        without: keys of columns that are left out. Defaults to none.
        blocks: `bool`, default False. Whether rows of one name stand together, with a line
            between them and the next.
    """
    shown = Table(title=table.title, box=box.SIMPLE_HEAD, title_justify="left")
    columns = [i for i, column in enumerate(table.columns) if column.key not in without]
    for i in columns:
        column = table.columns[i]
        shown.add_column(column.heading, justify="right" if column.spec else "left", no_wrap=True)
    name = ""
    for kind, cells in table.lines(plain=True):
        if kind == "difference":
            continue
        if kind == "ours":
            if blocks and name not in ("", cells[0]):
                shown.add_section()
            name = cells[0]
        style = "dim" if kind == "paper" else None
        first = "  paper" if kind == "paper" else name
        shown.add_row(first, *(cells[i] for i in columns[1:]), style=style)
    whole = console.options.update(max_width=10_000)
    width = Measurement.get(console, whole, shown).maximum
    PlainConsole(console.file, width).print(shown)
    if table.source and table.compared:
        console.print(f"paper: {table.source}", style="dim", soft_wrap=True)
