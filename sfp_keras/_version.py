"""The version of the package, alone so that packaging can read it without imports."""

__version__ = "0.1.0"
