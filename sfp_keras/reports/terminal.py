"""Text for people on the terminal, as it is: nothing is cut, wrapped or read as markup."""

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table


def terminal() -> Console:
    """A console on standard output that prints paths and commands as they are."""
    return Console(markup=False, highlight=False, soft_wrap=True)


def print_table(table: Table, console: Console) -> None:
    """Print a table as wide as it is: a terminal may wrap its lines, but no name is cut.

    Args:
        table: `rich.table.Table`.
        console: `rich.console.Console`.
    """
    whole = console.options.update(max_width=10_000)
    width = Measurement.get(console, whole, table).maximum
    wide = Console(file=console.file, width=width, markup=False, highlight=False)
    wide.print(table)
