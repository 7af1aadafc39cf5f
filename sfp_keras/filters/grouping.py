"""Groups of nodes that stand one behind another on the last axis, such as attention heads."""

import numpy as np

from sfp_keras.errors import InputError, as_whole


def check_groups(count: int, nodes: int, about: str = "", argument: str = "heads") -> None:
    """Refuse a number of groups that does not divide the nodes evenly.

    Args:
        count: `int`. Number of groups.
        nodes: `int`. Number of nodes.
        about: `str`. How the message begins. Default: with the argument.
        argument: `str`. What the number is called where the user gave it. Default: `heads`.

    Raises:
        InputError: if it is not a whole number from 1 on that divides `nodes`.
    """
    if nodes % as_whole(argument, count, 1):
        begin = about or f"`{argument}`={count}:"
        raise InputError(f"{begin} {nodes} nodes, which do not divide into {count} heads")


def grouped(nodes: np.ndarray, count: int) -> np.ndarray:
    """Groups of nodes as filters: a node's place in its group becomes a position.

    Args:
        nodes: array `(..., P, count * S)`; the nodes of a group lie one behind another.
        count: `int`. Number of groups.

    Returns:
        array `(..., P * S, count)`; position `p * S + s` of group `g` is position `p` of node
        `g * S + s`.

    Raises:
        InputError: as `check_groups`.
    """
    *before, positions, size = nodes.shape
    check_groups(count, size)
    parts = nodes.reshape(*before, positions, count, size // count)
    return parts.swapaxes(-1, -2).reshape(*before, positions * (size // count), count)
