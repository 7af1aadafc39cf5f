"""What `mixed_bfloat16` costs on a processor that cannot compute in it."""

from pathlib import Path

import keras

from sfp_keras.distribution import accelerated
from sfp_keras.experiment import Experiment

# Without all of these oneDNN leaves bfloat16 to TensorFlow's own, far slower convolutions.
_FAST = {"avx512f", "avx_ne_convert"}


def note_of_precision(
    experiment: Experiment, processor: Path = Path("/proc/cpuinfo")
) -> str | None:
    """Say where training in `mixed_bfloat16` is slower than in float32.

    Args:
        experiment: `Experiment`.
        processor: `Path` of the kernel's description of the processor; where there is none, or it
            is of another kind than x86, nothing is said.

    Returns:
        A sentence that names the flag, or `None`.
    """
    asked = [
        name
        for name in ("precision", "afcc_precision", "afcc_links_precision")
        if experiment.reads(name) and name not in experiment.idle
        if experiment.value(name) == "mixed_bfloat16"
    ]
    if not asked or keras.backend.backend() != "tensorflow" or accelerated():
        return None
    if not _without_bfloat16(processor):
        return None
    return (
        f"this processor has no instructions for --{asked[0]}=mixed_bfloat16 (AVX-512), in which "
        "VGG-16 takes 15 times as long as in float32: leave it out"
    )


def _without_bfloat16(processor: Path) -> bool:
    try:
        lines = processor.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    return "sse2" in flags and not _FAST & set(flags)
