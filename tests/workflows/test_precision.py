"""Where `mixed_bfloat16` is told to be slow: on processors without AVX-512, of what is trained."""

from pathlib import Path

import keras
import pytest

from sfp_keras.experiment import Experiment
from sfp_keras.workflows.inputs.precision import note_of_precision

AVX2 = "processor\t: 0\nflags\t\t: fpu sse sse2 avx avx2 fma\n\nprocessor\t: 1\n"
PROBED = {"mode": "probe", "dataset": "digits"}
PRUNED = {**PROBED, "mode": "afcc", "afcc_stage": "layer5"}


def note(folder: Path, processor: str | None, **values: str) -> str | None:
    file = folder / "cpuinfo"
    if processor is not None:
        file.write_text(processor)
    return note_of_precision(Experiment.of(**values), file)


@pytest.mark.parametrize(
    ("values", "flag"),
    [
        ({**PROBED, "precision": "mixed_bfloat16"}, "--precision"),
        ({**PRUNED, "afcc_precision": "mixed_bfloat16"}, "--afcc_precision"),
        ({**PROBED, "precision": "float32"}, None),
        # Of what the mode does not train.
        ({**PROBED, "afcc_precision": "mixed_bfloat16"}, None),
        ({**PROBED, "precision": "mixed_bfloat16", "weights": "trained.npz"}, None),
    ],
)
def test_the_flag_of_what_is_trained_is_named(tmp_path: Path, values, flag):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("measured with TensorFlow")
    found = note(tmp_path, AVX2, **values)
    assert (found is None) == (flag is None)
    assert flag is None or f"{flag}=mixed_bfloat16" in (found or "")


@pytest.mark.parametrize(
    "processor",
    [
        AVX2.replace("avx2", "avx2 avx512f avx512_bf16"),
        AVX2.replace("avx2", "avx2 avx_ne_convert"),
        "processor\t: 0\nFeatures\t: fp asimd bf16\n",  # Not measured there.
        "flags\t\t:\n",
        None,
    ],
)
def test_nothing_is_said_of_processors_that_have_it_or_are_not_known(tmp_path: Path, processor):
    assert note(tmp_path, processor, **PROBED, precision="mixed_bfloat16") is None
