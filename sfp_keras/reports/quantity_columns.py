"""Columns of tables, made of the quantities that `sfp_keras.filters` declares."""

from collections.abc import Collection, Iterable

from sfp_keras.filters import Quantity
from sfp_keras.papers import cited
from sfp_keras.reports.tables import Column


def quantity_column(quantity: Quantity) -> Column:
    """The column of a quantity, with its heading, format and hint.

    Args:
        quantity: `Quantity`.

    Returns:
        A `Column`.
    """
    return Column(
        quantity.key,
        quantity.heading,
        quantity.format,
        cited(quantity.explanation),
    )


def quantity_columns(
    quantities: Iterable[Quantity], *, without: Collection[str] = ()
) -> tuple[Column, ...]:
    """The columns of quantities whose values are numbers.

    Args:
        quantities: in the order of the columns.
        without: keys that are left out. Defaults to none.

    Returns:
        Tuple of `Column`.
    """
    return tuple(quantity_column(q) for q in quantities if q.numeric and q.key not in without)
