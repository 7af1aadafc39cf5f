"""Features larger than the memory a process may take, and kill -9 while they are written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("large_set.py")
LIMIT = 80 << 20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the memory is measured in /proc")
def test_a_set_larger_than_memory_is_passed_killed_and_trained_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    begun, first, peak = map(int, done.stdout.split())
    assert begun == 0
    # Recording may take a twentieth of the time, so some rows after the last record are lost.
    assert 0 < first <= 5000
    assert peak < LIMIT
