"""The command's flags: importing this package defines them all.

`sfp_keras.command` makes them of `sfp_keras.settings`, and is installed with the library. Their
values in the papers' experiments are the files in presets/, which a wheel has too.
"""

from sfp_keras.command import define, preset

__all__ = ["define", "preset"]
