"""Where the command's files are: in a checkout, or in an installed package."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED_PRESETS = _PACKAGE / "presets"

# The folder of main.py and flags/, or `None` where the package is installed without them.
CHECKOUT = None if _INSTALLED_PRESETS.is_dir() else _PACKAGE.parent
PRESETS = CHECKOUT / "flags" / "presets" if CHECKOUT else _INSTALLED_PRESETS
