"""What is known of a network that has no name here: a user's own."""

import functools

from sfp_keras.errors import InputError
from sfp_keras.models.options import Options
from sfp_keras.models.registry import Architecture, WeightFiles, architectures

# Wrong scaling or labels, not options, make such a network guess.
_FILES = WeightFiles(unsaid=("class_names",))


def architecture_of(model: str, train: bool = False) -> Architecture:
    """The architecture of a network by its name, or what is known of a user's own.

    Args:
        model: `str`. One of `architectures()`, a `.keras` file or `package.module:factory`.
        train: `bool`. Whether the user's network is to be trained.
    """
    known = architectures().get(model)
    return known if known is not None else _trained(model)


@functools.cache
def _trained(model: str) -> Architecture:
    def build(*arguments: object, **more: object) -> None:
        raise InputError(f"`model`={model} is trained already: it is loaded, not built")

    return Architecture(model, build, Options, scaling="0..255", files=_FILES)
