"""How errors name arguments."""

import ast
import re
from pathlib import Path

import pytest

from sfp_keras.errors import InputError, arguments_called, rename_arguments


def test_known_names_alone_are_replaced() -> None:
    message = "`lr`=2 and `other`: lower `lr`"
    assert rename_arguments(message, {"lr": "--lr"}) == "--lr=2 and `other`: lower --lr"


def test_an_argument_gets_the_name_its_caller_knows() -> None:
    with (
        pytest.raises(InputError, match=r"^`head_lr` must be finite, `l2` too$"),
        arguments_called(learning_rate="head_lr"),
    ):
        raise InputError("`learning_rate` must be finite, `l2` too")


def test_errors_name_arguments_and_no_flags() -> None:
    """The command turns what is in backquotes into flags; Python users know no flags."""
    found = []
    for path in sorted((Path(__file__).parents[1] / "sfp_keras").rglob("*.py")):
        if path.parent.name == "command":
            continue
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Raise):
                continue
            words = [
                one.value
                for one in ast.walk(node)
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
            # Whole commands have their flags.
            names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
            if "typed" not in names and not any("tfds build" in word for word in words):
                found += [(path.name, word) for word in words if re.search(r"--[a-z]+", word)]
    assert found == []
