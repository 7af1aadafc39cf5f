"""Whole procedures in one call from Python: phases 2 and 3 on a model at hand, and committees."""

from sfp_keras.one_call.call import probe
from sfp_keras.one_call.committee import committee
from sfp_keras.one_call.result import ProbeResult

__all__ = ["ProbeResult", "committee", "probe"]
