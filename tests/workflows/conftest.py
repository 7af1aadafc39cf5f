"""Where a sweep of members that take a moment goes."""

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sweep"


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out tables and figures."""
    monkeypatch.setattr("sfp_keras.workflows.sweep.sweep.sweep_report", lambda path: None)
