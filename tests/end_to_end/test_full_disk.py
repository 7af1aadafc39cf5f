"""A disk that fills up: one clear line, finished results as they were, and the same run goes on."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from calling import call_main
from run_files import contents

# Small enough for seconds: two labels, an epoch each.
SMALL = (
    *("--filters=1:8,2:8,3:8,4:8,5:8", "--labels=2", "--epochs=1", "--head_epochs=1"),
    *("--nomonitor", "--run_dir=run"),
)
SAYS = (
    "error: cannot write run: No space left on device; make room or choose another --run_dir, "
    "then run the same command to go on"
)
UNTOUCHED = ("model.keras", "stages/layer5/")


@pytest.fixture
def full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., None]:
    """Run main where writing a file of such a name finds the disk full."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *arguments: str) -> None:
        sync = os.fsync

        def fsync(descriptor: int) -> None:
            # The temporary neighbour of the file, by the name `write_whole` gives it.
            if [*Path("run").glob(f"{name}*.tmp")]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            sync(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            capsys.readouterr()
            assert call_main(*arguments) == 1
        text = capsys.readouterr().err
        assert "Traceback" not in text
        assert re.findall(r"^error.*", text, re.MULTILINE) == [SAYS]
        assert not [*Path("run").rglob("*.tmp")]

    return run


@pytest.mark.slow
def test_a_disk_that_fills_up_at_any_file(full_disk: Callable[..., None], tmp_path: Path) -> None:
    one, both = (*SMALL, "--stages=layer5"), (*SMALL, "--stages=layer4,layer5")
    full_disk(".experiment.json", *one)
    assert set(contents(tmp_path / "run")) == {".lock"}
    full_disk("**/.model.keras", *one)
    assert "model.keras" not in contents(tmp_path / "run")
    assert call_main(*one) == 0

    before = contents(tmp_path / "run")
    kept = {name: data for name, data in before.items() if name.startswith(UNTOUCHED)}
    assert len(kept) == 7
    for name in ("stages/layer4/.head.npz", "stages/layer4/test/.fields.npz", ".layers.csv"):
        full_disk(name, *both)
        after = contents(tmp_path / "run")
        assert {name: after[name] for name in kept} == kept
        assert after["layers.csv"] == before["layers.csv"]
    assert call_main(*both) == 0
    assert "layer4" in (tmp_path / "run/layers.csv").read_text()
