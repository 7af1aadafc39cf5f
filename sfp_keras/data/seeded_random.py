"""Random numbers that are a function of named integers only.

They use the raw words of PCG64 seeded through `SeedSequence`. NumPy guarantees both streams for
all versions, which it does not for the methods of `Generator` (NEP 19).
"""

import numpy as np

from sfp_keras.errors import InputError


def random_words(count: int, purpose: str, *numbers: int) -> np.ndarray:
    """Draw `count` random 64-bit words.

    Word i depends on `purpose`, `numbers` and i alone, not on `count`.

    Args:
        count: `int`. How many words.
        purpose: `str`. Keeps the draws of different purposes apart.
        *numbers: `int`, none negative: the seed, then the epoch or what else the draw is
            a function of.

    Returns:
        Array (count,) of uint64.

    Raises:
        InputError: if a number is negative.
    """
    if any(number < 0 for number in numbers):
        raise InputError(f"seeds and epochs must not be negative, got {list(map(int, numbers))}")
    entropy = [int.from_bytes(purpose.encode(), "little"), *map(int, numbers)]
    return np.random.PCG64(np.random.SeedSequence(entropy)).random_raw(count)


def random_uniform(count: int, purpose: str, *numbers: int) -> np.ndarray:
    """Draw `count` numbers uniformly from [0, 1).

    Number i depends on `purpose`, `numbers` and i alone, not on `count`.

    Args:
        count: `int`. How many numbers.
        purpose: `str`. Keeps the draws of different purposes apart.
        *numbers: `int`, none negative: seed, epoch and so on.

    Returns:
        Array (count,) of float64.
    """
    words = random_words(count, purpose, *numbers)
    return (words >> np.uint64(11)).astype(np.float64) / 2**53


def random_normal(count: int, purpose: str, *numbers: int) -> np.ndarray:
    """Draw `count` numbers of the standard normal distribution, by Box and Muller's method.

    Number i depends on `purpose`, `numbers` and i alone, not on `count`.

    Args:
        count: `int`. How many numbers.
        purpose: `str`. Keeps the draws of different purposes apart.
        *numbers: `int`, none negative: seed, epoch and so on.

    Returns:
        Array (count,) of float64.
    """
    radius, angle = random_uniform(2 * count, purpose, *numbers).reshape(count, 2).T
    return np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * angle)


def random_order(count: int, purpose: str, *numbers: int) -> np.ndarray:
    """Draw a permutation of 0..count-1, a function of its arguments only.

    Args:
        count: `int`. How many elements.
        purpose: `str`. Keeps the draws of different purposes apart.
        *numbers: `int`, none negative: seed, epoch and so on.

    Returns:
        Array (count,) of int64.
    """
    order = np.argsort(random_words(count, purpose, *numbers), kind="stable")
    return order.astype(np.int64, copy=False)
