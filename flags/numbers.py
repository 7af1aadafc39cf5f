"""Flags that take numbers of a range; what is not finite is refused too."""

from absl import flags


def define_number(name: str, default: float, text: str, *, below: float = 3e38) -> None:
    """Define a flag of a number in [0, below).

    Args:
        name: `str`. The flag.
        default: `float`.
        text: `str`. Its help.
        below: `float`. The number must be smaller. Defaults to about the largest of float32.
    """
    flags.DEFINE_float(name, default, text)
    flags.register_validator(
        name,
        # Written so that nan is refused.
        lambda value: 0 <= value < below,
        message=f"--{name} must be at least 0 and below {below:g}",
    )


def whole_numbers(name: str, *, low: int) -> None:
    """Let a list flag take whole numbers of at least `low`, each once.

    Args:
        name: `str`. The flag.
        low: `int`. The least number.
    """

    def valid(values: list[str]) -> bool:
        good = all(value.isascii() and value.isdigit() and int(value) >= low for value in values)
        return good and len(set(map(int, values))) == len(values)

    flags.register_validator(
        name, valid, message=f"--{name} must be whole numbers from {low}, each once, as in 1,2"
    )
