"""The table of AFCC's heads is what the command offers."""

from absl import flags

import main  # noqa: F401 - defines the flags
from sfp_keras.afcc import VARIANTS


def test_the_command_offers_every_variant() -> None:
    assert flags.FLAGS["afcc_variants"].default == list(VARIANTS)
