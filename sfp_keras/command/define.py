"""Flags made from the declarations of settings, by topic; `settings_of` reads them again."""

from typing import Any

from absl import flags

from sfp_keras.command.wording import as_flags
from sfp_keras.experiment import Experiment, all_declarations
from sfp_keras.settings import Declaration

# The network's default depends on the data; `preset.apply` sets it.
_OPEN = ("model",)


def define(one: Declaration, values: flags.FlagValues = flags.FLAGS) -> None:
    """Define the flag of a setting, with its help, default and bounds.

    Args:
        one: `Declaration`.
        values: `flags.FlagValues`. Where the flag is defined.
    """
    name, text = one.name, as_flags(one.setting.help)
    default: Any = None if name in _OPEN else one.default
    # By the module's name absl puts flags together.
    more: dict[str, Any] = {"flag_values": values, "module_name": f"flags.{one.topic}"}
    if one.many:
        default = one.plain(default)
        define_many = flags.DEFINE_multi_string if one.setting.repeated else flags.DEFINE_list
        define_many(name, default, text, **more)
    elif one.kind is bool:
        flags.DEFINE_boolean(name, default, text, **more)
    elif one.setting.choices:
        flags.DEFINE_enum(name, default, list(one.setting.choices), text, **more)
    elif one.kind is int:
        bounds: Any = one.setting.low, one.setting.high
        flags.DEFINE_integer(name, default, text, *bounds, **more)
    elif one.kind is float:
        flags.DEFINE_float(name, default, text, **more)
    else:
        flags.DEFINE_string(name, default, text, **more)
    flags.register_validator(name, lambda value: _validate(one, value), flag_values=values)


def _validate(one: Declaration, given: Any) -> bool:
    """Refuse a flag's value that is out of the setting's bounds."""
    try:
        value = one.read(given)
        good = one.setting.allows(value)
    except ValueError:
        value, good = (), False
    if not good:
        raise flags.ValidationError(f"--{one.name} {one.setting.rule(value)}")
    return True


def settings_of(values: flags.FlagValues) -> Experiment:
    """The experiment of the flags' values.

    Raises:
        InputError: if one of them cannot be read.
    """
    known = all_declarations()
    return Experiment.from_json(
        {
            name: values[name].value
            for name, one in known.items()
            # What an option is that nobody gave, the network decides.
            if values[name].present or values[name].value != one.plain(one.default)
        }
    )


for _one in all_declarations().values():
    define(_one)
