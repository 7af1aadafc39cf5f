"""All analyses, a file each: every module here declares one `ANALYSIS`."""

import functools
import importlib
import pkgutil

from sfp_keras.analyses.analysis import Analysis, ImagePass, Scope
from sfp_keras.settings import AnalysisSettings


@functools.cache
def all_analyses() -> tuple[Analysis, ...]:
    """Every analysis of this folder.

    Returns:
        Tuple of `Analysis`, by scope and place.

    Raises:
        TypeError: if one is not called as its file, or no setting of its name asks for its pass
            over the images.
    """
    found: list[Analysis] = []
    for module in pkgutil.iter_modules(__path__):
        analysis: Analysis = importlib.import_module(f"{__name__}.{module.name}").ANALYSIS
        if analysis.name != module.name:
            raise TypeError(f"analysis {analysis.name!r} of {module.name}.py: call it as its file")
        # Without it the pass fails, after the hours of training before it.
        if analysis.image_pass is not None and not _has_switch(analysis.name):
            raise TypeError(
                f"analysis {analysis.name!r} needs a pass over the images: add a setting "
                f"`{analysis.name}: bool` that is False to sfp_keras/settings/analysis.py"
            )
        found.append(analysis)
    scopes = list(Scope)
    return tuple(sorted(found, key=lambda one: (scopes.index(one.scope), one.place, one.name)))


def _has_switch(name: str) -> bool:
    return getattr(AnalysisSettings(), name, None) is False


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
