"""Phases 2 and 3 in one call from Python, on a model and images that are at hand."""

from sfp_keras.one_call.call import probe
from sfp_keras.one_call.result import ProbeResult

__all__ = ["ProbeResult", "probe"]
