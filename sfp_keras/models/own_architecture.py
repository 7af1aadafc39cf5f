"""What is known of a network that has no name here: a user's own."""

import functools
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfp_keras.errors import InputError
from sfp_keras.importing import import_object, kind_and_line
from sfp_keras.models.options import NoOptions, Options
from sfp_keras.models.registry import Architecture, WeightFiles, architectures

if TYPE_CHECKING:
    import keras

# Where such a network guesses, scaling or the order of labels is wrong: it has no options.
_FILES = WeightFiles(unsaid=("class_names",))


def architecture_of(model: str, train: bool = False) -> Architecture:
    """The architecture of a network by its name, or what is known of a user's own.

    Args:
        model: `str`. One of `architectures()`, a `.keras` file or `package.module:factory`.
        train: `bool`. Whether the user's network is to be trained. Its module is then imported.

    Returns:
        An `Architecture`.

    Raises:
        InputError: if a file is to be trained.
    """
    known = architectures().get(model)
    if known is not None:
        return known
    return _trainable(model) if train else _trained(model)


@functools.cache
def _trained(model: str) -> Architecture:
    def build(*arguments: Any, **more: Any) -> Any:
        raise InputError(f"`model`={model} is trained already: it is loaded, not built")

    return Architecture(model, build, NoOptions, scaling="0..255", files=_FILES)


@functools.cache
def _trainable(spec: str) -> Architecture:
    """The `Architecture` that the spec names, or one made of the function that it names."""
    if ":" not in spec or Path(spec).exists():
        raise InputError(
            f"`train`: `model`={spec} is not trained from its beginning, for a file holds trained "
            "weights; give the function that makes the network, as package.module:function (it may "
            "load weights to start from)"
        )
    try:
        made = import_object(spec, "model")
    except InputError as error:
        # What a run directory holds can be shown without the code that made its network.
        return _unavailable(spec, error)
    if isinstance(made, Architecture):
        return made

    def build(num_labels: int, options: Options, **how: Any) -> "keras.Model":
        from sfp_keras.models.own_building import build_own

        return build_own(spec, made, num_labels, **how)

    return Architecture(spec, build, files=_FILES)


def _unavailable(spec: str, error: InputError) -> Architecture:
    def build(*arguments: Any, **more: Any) -> Any:
        raise error

    return Architecture(spec, build, files=_FILES)


def arguments_taken(factory: Callable[..., Any], offered: dict[str, Any]) -> dict[str, Any]:
    """Those of some keyword arguments that a function names in its signature."""
    try:
        names = inspect.signature(factory).parameters
    except (ValueError, TypeError):  # Of some builtins.
        return {}
    return {name: value for name, value in offered.items() if name in names}


def own_input_shape(spec: str) -> Sequence[int | None] | None:
    """The shape of images that a user's network takes, `None` where it takes any.

    Args:
        spec: `str`. `package.module:factory`, or what names an `Architecture`.

    Returns:
        `(height, width, channels)`, each `None` where it is open.

    Raises:
        InputError: if the function cannot be imported or fails.
    """
    from sfp_keras.models.own_building import call_factory

    made = import_object(spec, "model")
    if isinstance(made, Architecture):
        return None
    if arguments_taken(made, {"input_shape": None}):
        return None
    shape = call_factory(spec, made, arguments_taken(made, {"num_labels": 2}), 0).input_shape
    return shape[1:] if isinstance(shape, tuple) and len(shape) == 4 else None


def check_callable(spec: str, made: Any) -> None:
    """Refuse what is no function."""
    if not callable(made):
        raise InputError(f"`model`={spec} is not a function")


def refused(spec: str, error: Exception, arguments: Sequence[str]) -> InputError:
    """The error of a function that failed, with how it was called."""
    given = " and ".join(arguments) or "no arguments"
    return InputError(
        f"`model`={spec} raised {kind_and_line(error)}: it is called with {given} and must return "
        "a keras.Model"
    )
