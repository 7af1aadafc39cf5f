"""How errors about a setting begin."""

import pytest

from sfp_keras.errors import InputError
from sfp_keras.workflows.inputs.arguments import about_setting


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("file x is damaged", "`weights`: file x is damaged"),
        ("`weights`: no layer fits", "`weights`: no layer fits"),
        ("`weights`=x is no file", "`weights`=x is no file"),
        ("`pool`: too large", "`weights`: `pool`: too large"),
    ],
)
def test_they_begin_with_its_name_once(message: str, shown: str) -> None:
    with pytest.raises(InputError) as raised, about_setting("weights"):
        raise InputError(message)
    assert str(raised.value) == shown
