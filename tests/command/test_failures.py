"""What ends the command without being its fault, in one line: memory, files, output."""

import errno
import os
import sys
from pathlib import Path

import pytest

from sfp_keras.command.failures import failure, output_failure
from sfp_keras.console import PlainConsole
from sfp_keras.errors import InputError

RUN = Path("runs/mine")


class ResourceExhaustedError(Exception):
    """As TensorFlow's, which is no RuntimeError."""


# What the frameworks really say.
SHORT_OF_MEMORY = [
    ResourceExhaustedError(
        "Exception encountered when calling Conv2D.call().\n\n{{function_node __wrapped__Conv2D}} "
        "OOM when allocating tensor with shape[999,64,512,512] [Op:Conv2D]\n\nArguments received"
    ),
    RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 17592186044416 bytes."),
    RuntimeError("INTERNAL: CUDNN_STATUS_ALLOC_FAILED in cuda_dnn.cc"),
    ValueError("Dst tensor is not initialized."),
    MemoryError("Unable to allocate 9.31 GiB for an array with shape (50000, 50000)"),
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
]


@pytest.mark.parametrize("error", SHORT_OF_MEMORY, ids=repr)
def test_out_of_memory_says_what_to_make_smaller(error: Exception) -> None:
    found = failure(error, RUN)
    assert found is not None
    line, code = found
    assert code == 1
    assert line.startswith("error: not enough memory (")
    assert "--batch_size" in line
    assert "\n" not in line
    assert not any(words in line for words in ("Exception encountered", "{{"))


def test_out_of_memory_is_seen_behind_another_error() -> None:
    def damaged() -> None:
        try:
            raise SHORT_OF_MEMORY[0]
        except Exception as error:
            raise InputError(f"model.keras is damaged ({error})") from None

    with pytest.raises(InputError) as caught:
        damaged()
    found = failure(caught.value, RUN)
    assert found is not None
    assert found[0].startswith("error: not enough memory (")


def test_a_full_disk_is_no_want_of_memory() -> None:
    assert (
        failure(ResourceExhaustedError("RESOURCE_EXHAUSTED: No space left on device"), RUN) is None
    )
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    line, code = failure(full, RUN) or ("", 0)
    assert (code, line[:52]) == (1, "error: cannot write runs/mine: No space left on devi")


def test_what_is_wrong_with_a_file_of_the_run_directory(tmp_path: Path) -> None:
    (tmp_path / "stages").write_text("")
    with pytest.raises(NotADirectoryError) as caught:
        (tmp_path / "stages" / "conv1").mkdir()
    line, code = failure(caught.value, tmp_path) or ("", 0)
    assert line.startswith(f"error: cannot use {tmp_path}/stages/conv1: Not a directory; ")
    assert "--run_dir" in line
    assert code == 1


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), FileNotFoundError(2, "No such file", "/nowhere/x")]
)
def test_a_fault_of_the_program_keeps_its_traceback(error: Exception) -> None:
    assert failure(error, RUN) is None


def test_a_mistake_names_flags() -> None:
    assert failure(InputError("`stages`: none"), None) == ("error: --stages: none", 2)


@pytest.mark.parametrize(
    ("kind", "words", "code"),
    [
        (errno.EPIPE, "stopped; nobody reads the output", 141),
        (errno.ENOSPC, "error: cannot write standard output: No space left", 1),
    ],
)
def test_output_that_has_no_place_to_go(
    kind: int, words: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused:
        def write(self, text: str) -> int:
            raise OSError(kind, os.strerror(kind))

        flush = isatty = lambda self: self.write("")

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Refused())
        patch.setattr(Refused, "isatty", lambda self: False)
        patch.setattr(
            Refused, "fileno", lambda self: os.open(os.devnull, os.O_WRONLY), raising=False
        )
        with pytest.raises(OSError, match=os.strerror(kind)) as caught:
            PlainConsole().print("a table")
        for found in (failure(caught.value, RUN), output_failure()):
            line, found_code = found or ("", 0)
            assert line.startswith(words)
            assert found_code == code
    assert output_failure() is None


def test_an_error_is_one_line_whatever_is_named_in_it() -> None:
    error = InputError("`run_dir`: 'a\nb' was \x1b[31m\ud800")
    assert failure(error, RUN) == (r"error: --run_dir: 'a\nb' was \x1b[31m\ud800", 2)
    found = failure(NotADirectoryError(errno.ENOTDIR, "Not a directory", f"{RUN}/a\rb"), RUN)
    assert found is not None
    assert found[0].startswith(rf"error: cannot use {RUN}/a\rb: Not a directory; ")
