import subprocess
import sys

import pytest

from sfp_keras.data import load_dataset
from sfp_keras.errors import InputError


def test_the_room_opens_no_framework():
    code = (
        "import sys, sfp_keras.data as data; data.load_dataset('digits')\n"
        "print([m for m in ('keras', 'tensorflow', 'jax', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_wrong_fraction_is_refused_for_every_set():
    with pytest.raises(InputError, match="`test_fraction`"):
        load_dataset("digits", test_fraction=3)
