"""Users' own functions, named as `package.module:name`."""

import contextlib
import importlib
import importlib.util
import operator
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sfp_keras.backend import without_notes
from sfp_keras.errors import InputError, first_line


def import_function(spec: str, argument: str) -> Callable[..., Any]:
    """Import the function that `package.module:name` names.

    Args:
        spec: `str`. As `import_object` takes it.
        argument: `str`. The argument that gave it; messages begin with it.

    Raises:
        InputError: if there is no such module or name, importing fails, or it is no function.
    """
    function = import_object(spec, argument)
    if not callable(function):
        raise InputError(f"`{argument}`={spec} is not a function")
    return function


def check_module(spec: str, argument: str) -> None:
    """Refuse `package.module:name` where there is no such package; nothing is imported.

    Args:
        spec: `str`. As `import_object` takes it.
        argument: `str`. The argument that gave it; messages begin with it.

    Raises:
        InputError: if the package is not found.
    """
    _search_current_folder()
    package = spec.partition(":")[0].partition(".")[0]
    try:
        found = package in sys.modules or importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return  # Importing it says what is wrong.
    if not found:
        raise _not_found(spec, argument, package)


def import_object(spec: str, argument: str) -> Any:
    """Import what `package.module:name` names.

    Args:
        spec: `str`. The current folder is searched for the module too; the name may have dots.
        argument: `str`. The argument that gave it; messages begin with it.

    Raises:
        InputError: if there is no such module or name, or importing fails.
    """
    module_name, _, name = spec.partition(":")
    _search_current_folder()
    # It may be the first to import Keras.
    quiet = contextlib.nullcontext() if "keras" in sys.modules else without_notes()
    try:
        with quiet:
            module = importlib.import_module(module_name)
    except Exception as error:  # The module is the user's own.
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{module_name}.".startswith(f"{missing}."):
            raise _not_found(spec, argument, missing) from None
        raise InputError(
            f"`{argument}`={spec}: importing {module_name or 'nothing'} raised "
            f"{kind_and_line(error)}"
        ) from error
    try:
        return operator.attrgetter(name)(module)
    except AttributeError:
        raise InputError(f"`{argument}`={spec}: module {module_name} has no {name!r}") from None


def _search_current_folder() -> None:
    """Find a user's module beside the data without installing it, as `python -m` does."""
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))


def _not_found(spec: str, argument: str, module: str) -> InputError:
    return InputError(
        f"`{argument}`={spec}: module {module!r} is not found; install it, or put its folder on "
        "PYTHONPATH"
    )


def kind_and_line(error: Exception) -> str:
    """An exception of a user's code in one line, its kind first."""
    kind, line = type(error).__name__, first_line(error)
    return kind if line == kind else f"{kind}: {line[:300]}"
