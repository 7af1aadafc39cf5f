"""Flags that take a number of a range; what is not finite is refused too."""

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
