"""All analyses, a file each: every module here declares one `ANALYSIS`."""

import functools
import importlib
import pkgutil
from typing import Any

from sfp_keras.analyses.analysis import Analysis, ImagePass, NetworkTable, Scope
from sfp_keras.settings import AnalysisSettings


@functools.cache
def all_analyses() -> tuple[Analysis, ...]:
    """Every analysis of this folder.

    Returns:
        Tuple of `Analysis`, by scope and place.

    Raises:
        TypeError: if one is not called as its file, or no setting of its name asks for its pass
            over the images, or for its table of the network.
    """
    found: list[Analysis] = []
    for module in pkgutil.iter_modules(__path__):
        analysis: Analysis = importlib.import_module(f"{__name__}.{module.name}").ANALYSIS
        if analysis.name != module.name:
            raise TypeError(f"analysis {analysis.name!r} of {module.name}.py: call it as its file")
        # Without it the pass fails, after the hours of training before it.
        _check_setting(analysis)
        found.append(analysis)
    scopes = list(Scope)
    return tuple(sorted(found, key=lambda one: (scopes.index(one.scope), one.place, one.name)))


def _check_setting(analysis: Analysis) -> None:
    """Refuse an analysis that has to be asked for, and no setting does."""
    default = getattr(AnalysisSettings(), analysis.name, ...)
    for needs, what, kind, off in (
        (analysis.image_pass, "a pass over the images", "bool", False),
        (analysis.network_table, "a table of the network", "int | None", None),
    ):
        if needs is not None and default is not off:
            raise TypeError(
                f"analysis {analysis.name!r} needs {what}: add a setting "
                f"`{analysis.name}: {kind}` that is {off} to sfp_keras/settings/analysis.py"
            )


def analyses_of(scope: Scope) -> list[Analysis]:
    """The analyses of one scope.

    Args:
        scope: `Scope`.

    Returns:
        List of `Analysis`, in the order in which they are shown.
    """
    return [analysis for analysis in all_analyses() if analysis.scope is scope]


def image_passes() -> dict[str, ImagePass]:
    """What analyses need of a pass over the images.

    Returns:
        Dict from an analysis's name to its `ImagePass`.
    """
    return {one.name: one.image_pass for one in all_analyses() if one.image_pass is not None}


def network_tables() -> dict[str, NetworkTable]:
    """What analyses measure of the network itself.

    Returns:
        Dict from an analysis's name to its `NetworkTable`.
    """
    return {one.name: one.network_table for one in all_analyses() if one.network_table is not None}


def switches() -> dict[str, Any]:
    """The settings that ask for what a run does not have anyway, each with its value for "no"."""
    return {**dict.fromkeys(image_passes(), False), **dict.fromkeys(network_tables())}
