"""How errors name arguments."""

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
