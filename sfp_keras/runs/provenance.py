"""With what a run was made."""

import contextlib
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = ("sfp-keras", "keras", "tensorflow", "jax", "numpy", "scikit-learn")


def provenance() -> Mapping[str, Any]:
    """Versions, git revision, backend and device."""
    import keras

    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return {
        "versions": versions,
        "git_revision": _git_revision(),
        "backend": keras.backend.backend(),
        "device": ", ".join(keras.distribution.list_devices()) or "cpu",
        "platform": f"{platform.system()} {platform.machine()}, {sys.implementation.name}",
    }


def _git_revision() -> str | None:
    folder = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
