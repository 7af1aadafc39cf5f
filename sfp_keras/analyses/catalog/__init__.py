"""All analyses, a file each: every module here declares one `ANALYSIS`."""

import functools
import importlib
import pkgutil

from sfp_keras.analyses.analysis import Analysis, ImagePass, Scope


@functools.cache
def all_analyses() -> tuple[Analysis, ...]:
    """Every analysis of this folder.

    Returns:
        Tuple of `Analysis`, by scope and place.

    Raises:
        TypeError: if one is not called as its file.
    """
    found: list[Analysis] = []
    for module in pkgutil.iter_modules(__path__):
        analysis: Analysis = importlib.import_module(f"{__name__}.{module.name}").ANALYSIS
        if analysis.name != module.name:
            raise TypeError(f"analysis {analysis.name!r} of {module.name}.py: call it as its file")
        found.append(analysis)
    scopes = list(Scope)
    return tuple(sorted(found, key=lambda one: (scopes.index(one.scope), one.place, one.name)))


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
    return {one.name: one.needs for one in all_analyses() if isinstance(one.needs, ImagePass)}
