"""The command's flags: one for each setting. Importing this package defines them all."""

from flags import define

__all__ = ["define"]
