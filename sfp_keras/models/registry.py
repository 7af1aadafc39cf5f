"""The networks that are known by name. Each is registered by its own file in `networks/`."""

import dataclasses
import functools
import importlib
import pkgutil
import typing
import weakref
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from sfp_keras.errors import InputError, as_whole
from sfp_keras.models.options import (
    Layer,
    NoOptions,
    Options,
    as_image_shape,
    plain_kind,
    read_options,
)
from sfp_keras.settings.field import Setting, declared

if TYPE_CHECKING:
    import keras


@dataclasses.dataclass(frozen=True)
class WeightFiles:
    """What weights from elsewhere say of a network.

    Attributes:
        arguments: called with what `weights` or `initial_weights` names, an empty text for
            neither, and whether the network is taken as trained; returns the options that the
            weights decide, and `num_labels` where a trained network has labels of its own.
        unsaid: options that no file says: those to look at where a trained network guesses.
        scaling: how a trained network's images are scaled; `None`: as those of a new one.
        layers_of: the prefix of the layers that a module of a PyTorch file belongs to, or `None`
            for any; for a network that may lack some of the file's modules.
        module_of: the PyTorch module whose tensors a layer takes, by the layer's name; an empty
            text where there is none. For a network whose modules the shapes do not tell apart;
            `None`: they are found by their shapes.
    """

    arguments: Callable[[str, bool], dict[str, Any]] = lambda source, trained: {}
    unsaid: tuple[str, ...] = ()
    scaling: str | None = None
    layers_of: Callable[[str], str | None] | None = None
    module_of: Callable[[str], str] | None = None


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A network that is built, trained and probed by its name.

    Example:

    ```
    register(Architecture("small", build=_build, options=SmallOptions, stages=_stages))
    ```

    Attributes:
        name: `str`.
        build: makes the `keras.Model`, called with `num_labels`, the options, and as keywords
            `seed`, `dtype` and, where there are, `input_shape` (height, width, channels). One
            with `augmentation="geometry"` may get `scaling` and `geometry` too: layers that
            scale images of 0..255, and that move them in training.
        options: the subclass of `Options`. The default has `filters` alone.
        stages: names the stages to probe, input side first, called with the options; `None` to
            find them by the network's spatial reductions.
        pool: `str`. Pooling of the stages before their heads, unless asked otherwise; `None` for
            none.
        scaling: `str`. How images are scaled, unless asked otherwise.
        channels: of the images it is given: 3 for RGB, 1 for grey, `None` for what the data has.
        groups: dict from short names of groups of parameters to regular expressions that are
            searched in Keras' paths of variables.
        augmentation: `"shift"`: images are scaled, mirrored and shifted before the network;
            `"geometry"`: the network scales them, and also rotates and shears them.
        enlarged: what a network with `augmentation="geometry"` enlarges images to, called with
            the options and the images' shape; `None` for images as they are.
        defining: options that make it another network than the papers'.
        files: `WeightFiles`.
        layer_of: the layer whose filters the option `filters` names, for a network that numbers
            its layers and whose `build` minds that option itself. `None`: they are named by their
            layers, and what `build` makes is copied with other numbers of filters.
    """

    name: str
    build: Callable[..., "keras.Model"]
    options: type[NoOptions] = Options
    stages: Callable[[Any], tuple[str, ...]] | None = None
    pool: str | None = None
    scaling: str = "-1..1"
    channels: int | None = 3
    groups: Mapping[str, str] = dataclasses.field(default_factory=dict)
    augmentation: str = "shift"
    enlarged: Callable[[Any, Sequence[int]], int | None] = lambda options, image_shape: None
    defining: tuple[str, ...] = ()
    files: WeightFiles = WeightFiles()
    layer_of: Callable[[Layer], str] | None = None

    def read(self, given: Mapping[str, Any], usual: Mapping[str, Any] | None = None) -> Any:
        """The network's options where some are given.

        Args:
            given: dict from names of options to values, or to texts as flags have them.
            usual: the same for options that are not given; layers that `given` does not name are
                as here. Default: the network's own defaults.

        Raises:
            InputError: if it has no such option, or a value will not do.
        """
        for name in given:
            if not self.has(name):
                raise InputError(f"`{name}` is no option of {self.name}; {self._instead(name)}")
        values = read_options(self.options, given).given()
        chosen = {name: values[name] for name in given if name in values}
        before = read_options(self.options, usual or {}).given()
        for name, value in chosen.items():
            if isinstance(value, Mapping):
                chosen[name] = {**before.get(name, {}), **value}
        return self.options(**{**before, **chosen})

    def make(self, num_labels: int, options: Any, *, seed: int = 0, **how: Any) -> "keras.Model":
        """Build the network, with other numbers of filters where the options ask for them.

        Args:
            num_labels: `int`. Output units K.
            options: as `read` returns them.
            seed: `int`. Fresh weights are a function of it.
            **how: `build`'s other keywords.

        Raises:
            InputError: if it cannot be built so.
        """
        network = self.build(num_labels, options, seed=seed, **how)
        filters = options.given().get("filters")
        if filters and self.layer_of is None:
            from sfp_keras.models.copying import narrowed

            network = narrowed(network, filters, seed)
        if self.stages is not None:
            _STAGES[network] = self.stages(options)
        return network

    def has(self, option: str) -> bool:
        """Whether it has an option."""
        return any(field.name == option for field in dataclasses.fields(self.options))

    @functools.cached_property
    def option_defaults(self) -> dict[str, Any]:
        """The defaults of its options as flags have them: an empty mapping is ()."""
        hints = typing.get_type_hints(self.options)
        return {
            field.name: () if _is_mapping(hints[field.name]) else field.default
            for field, _ in declared(self.options)
        }

    def _instead(self, option: str) -> str:
        """Which networks have an option, or which options there are."""
        others = [one.name for one in architectures().values() if one.has(option)]
        if others:
            return f"{_listed(others)} {'have' if len(others) > 1 else 'has'} it"
        own = [field.name for field in dataclasses.fields(self.options)]
        return f"it has {_listed(own) or 'none'}"

    def changed(self, given: Mapping[str, Any], source: str | None = None) -> dict[str, Any]:
        """Those of the given options that make it another network than the papers'.

        Args:
            given: as `read` takes them; options of other networks do not count.
            source: the weights it has or starts from.
        """
        given = {name: given[name] for name in self.defining if name in given}
        usual = self.files.arguments(source or "", False)
        before, after = self.read({}, usual), self.read(given, usual)
        return {
            name: value
            for name, value in given.items()
            if getattr(after, name) != getattr(before, name)
        }


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)


_KNOWN: dict[str, Architecture] = {}

# Of the networks that were made here: with other options a network may have other stages.
_STAGES: MutableMapping["keras.Model", tuple[str, ...]] = weakref.WeakKeyDictionary()


def declared_stages(network: "keras.Model") -> tuple[str, ...]:
    """The stages that a network's architecture names.

    Args:
        network: `keras.Model`. One that comes from a file is known by its name, and taken for one
            with the default options.

    Returns:
        Names, input side first; none if its architecture is not known or names none.
    """
    known = architectures().get(network.name)
    if network in _STAGES or known is None or known.stages is None:
        return _STAGES.get(network, ())
    return known.stages(known.options())


def register(architecture: Architecture) -> Architecture:
    """Make an architecture known by its name.

    Raises:
        ValueError: if the name is taken.
        TypeError: if its options are no subclass of `Options`.
    """
    if architecture.name in _KNOWN:
        raise ValueError(
            f"two networks are called {architecture.name!r}: that of "
            f"{_KNOWN[architecture.name].build.__module__} and that of "
            f"{architecture.build.__module__}"
        )
    if not issubclass(architecture.options, Options):
        raise TypeError(f"the options of {architecture.name} must be a subclass of Options")
    _KNOWN[architecture.name] = architecture
    return architecture


def architectures() -> Mapping[str, Architecture]:
    """All architectures by name. Keras is not imported.

    Returns:
        Mapping from name to `Architecture`.
    """
    _import_networks()
    return _KNOWN


@functools.cache
def _import_networks() -> None:
    from sfp_keras.models import networks

    for module in pkgutil.iter_modules(networks.__path__):
        importlib.import_module(f"{networks.__name__}.{module.name}")


def find_architecture(name: str) -> Architecture:
    """Find an architecture by its name.

    Args:
        name: `str`. One of `architectures()`.

    Returns:
        An `Architecture`.

    Raises:
        InputError: if there is none.
    """
    known = architectures()
    if name not in known:
        raise InputError(f"`name`={name!r} is not one of {', '.join(known)}")
    return known[name]


def parameter_groups() -> dict[str, str]:
    """The short names of groups of parameters in all networks, each with its pattern.

    Returns:
        Dict from name to regular expression. A name that several networks have matches what it
        means in any of them.
    """
    patterns: dict[str, list[str]] = {}
    for one in architectures().values():
        for name, pattern in one.groups.items():
            patterns.setdefault(name, []).append(pattern)
    return {name: "|".join(dict.fromkeys(each)) for name, each in patterns.items()}


def build_network(
    name: str,
    num_labels: int,
    *,
    input_shape: Sequence[int] | None = None,
    seed: int = 0,
    dtype: Any = None,
    **options: Any,
) -> "keras.Model":
    """Build a network by its name, with fresh weights.

    Example:

    ```
    build_network("vgg16", 100)
    build_network("vgg16", 10, filters={13: 350})
    build_network("efficientnetb0", 100, input_shape=(32, 32, 3), stage9=False)
    ```

    Args:
        name: `str`. One of `architectures()`.
        num_labels: `int`. Output units K.
        input_shape: `(height, width, channels)` of one image. Defaults to the network's own.
        seed: `int`. The initial weights are a function of it and of Keras' backend. Defaults to 0.
        dtype: a Keras dtype policy such as `"mixed_bfloat16"`. Defaults to Keras' global policy.
        **options: the network's own, fields of `find_architecture(name).options`.

    Returns:
        A functional `keras.Model` with outputs of shape `(batch, num_labels)`.

    Raises:
        InputError: if there is no such network or option, or a value will not do.
    """
    architecture = find_architecture(name)
    num_labels = as_whole("num_labels", num_labels, 1)
    how = {} if input_shape is None else {"input_shape": as_image_shape(input_shape)}
    return architecture.make(num_labels, architecture.read(options), seed=seed, dtype=dtype, **how)


def default_stage_names(name: str, **options: Any) -> tuple[str, ...]:
    """Name the stages at which a network is probed unless others are asked for.

    Args:
        name: `str`. One of `architectures()`.
        **options: the network's own.

    Returns:
        Stage names, input side first: `("layer2", "layer4", ...)`, `("stage1", "stage3", ...)`.

    Raises:
        InputError: if there is no such network or option.
    """
    architecture = find_architecture(name)
    chosen = architecture.read(options)
    return architecture.stages(chosen) if architecture.stages is not None else ()


@functools.cache
def network_options() -> type:
    """A dataclass of all networks' options as flags have them, each with its `Setting`.

    The network of phase 1 depends on all of them. An option's default is `None` where networks
    differ in it. Tuples, and mappings from layers to numbers, are tuples of texts.

    Returns:
        A frozen dataclass.

    Raises:
        TypeError: if two networks have options of one name and different types.
    """
    kinds: dict[str, Any] = {}
    classes: dict[str, str] = {}
    defaults: dict[str, list[Any]] = {}
    settings: dict[str, list[Setting]] = {}
    for one in {one.options: one for one in architectures().values()}.values():
        options = one.options
        hints = typing.get_type_hints(options)
        for field, setting in declared(options):
            kind = _flag_kind(hints[field.name])
            first = classes.setdefault(field.name, options.__name__)
            if kinds.setdefault(field.name, kind) != kind:
                raise TypeError(
                    f"option {field.name} of {options.__name__} is another type than that of "
                    f"{first} ({kind} and {kinds[field.name]}): rename it"
                )
            defaults.setdefault(field.name, []).append(one.option_defaults[field.name])
            settings.setdefault(field.name, []).append(setting)
    fields = [
        (name, kind | None, _merged(defaults[name], settings[name])) for name, kind in kinds.items()
    ]
    return dataclasses.make_dataclass("NetworkOptions", fields, frozen=True)


def _flag_kind(hint: Any) -> Any:
    hint = plain_kind(hint)
    return tuple[str, ...] if typing.get_origin(hint) is not None else hint


def _is_mapping(hint: Any) -> bool:
    return typing.get_origin(plain_kind(hint)) not in (None, tuple)


def _merged(defaults: list[Any], settings: list[Setting]) -> Any:
    """One field for an option that several networks may have, within what any of them allows."""
    first = settings[0]
    choices = tuple(dict.fromkeys(choice for one in settings for choice in one.choices))
    merged = dataclasses.replace(
        first,
        phases=("train",),
        help=" ".join(dict.fromkeys(one.help for one in settings)),
        choices=choices if all(one.choices for one in settings) else (),
        low=_widest(min, [one.low for one in settings]),
        high=_widest(max, [one.high for one in settings]),
        above=_widest(min, [one.above for one in settings]),
        below=_widest(max, [one.below for one in settings]),
    )
    same = all(default == defaults[0] for default in defaults)
    default = defaults[0] if same else None
    return dataclasses.field(default=default, metadata={"setting": merged})


def _widest(pick: Callable[..., float], bounds: list[float | None]) -> float | None:
    return None if None in bounds else pick(bounds)
