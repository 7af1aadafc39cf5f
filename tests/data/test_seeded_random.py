import numpy as np
import pytest

from sfp_keras.data.seeded_random import random_order, random_words
from sfp_keras.errors import InputError


def test_words_are_the_same_in_every_numpy_version():
    # Written down once; a change would give every seeded run other results.
    assert random_words(2, "order", 0, 0).tolist() == [14409610066686961950, 5963531133637458554]
    assert random_order(6, "labels", 3).tolist() == [1, 0, 4, 3, 5, 2]


def test_words_depend_on_purpose_and_numbers_but_not_on_count():
    words = random_words(10, "order", 1, 2)
    np.testing.assert_array_equal(random_words(4, "order", 1, 2), words[:4])
    for other in (random_words(10, "split", 1, 2), random_words(10, "order", 2, 1)):
        assert not np.isin(other, words).any()


def test_negative_seed_is_refused():
    with pytest.raises(InputError, match="not be negative"):
        random_words(1, "order", -1)
