"""A disk that is full: what was written before and after stays readable, and trainings go on."""

import logging

import keras
import pytest
from read_events import scalars
from test_filter_monitor import X, Y, network

from sfp_keras import FilterMonitor
from sfp_keras.monitoring.event_file import EventFile

resource = pytest.importorskip("resource")


class Disk:
    """Where `full_at` is set, no file can grow beyond so many bytes."""

    def __init__(self):
        self.soft, self.hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def full_at(self, size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, self.hard))

    def free(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.soft, self.hard))


@pytest.fixture
def disk():
    found = Disk()
    yield found
    found.free()


def test_a_record_that_does_not_fit_leaves_the_others_readable(tmp_path, disk):
    events = EventFile(tmp_path)
    events.scalars(0, {"a": 1.0})
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    disk.full_at(len(whole) + 100)
    with pytest.raises(OSError):  # noqa: PT011
        events.blobs("b", 1, [bytes(1000)], "clusters", b"")
    disk.free()
    assert path.read_bytes() == whole
    assert events.bytes_written == len(whole)
    events.scalars(2, {"a": 3.0})
    events.close()
    assert scalars(tmp_path) == {"a": {0: 1.0, 2: 3.0}}


def test_a_disk_that_is_full_does_not_end_the_training(tmp_path, disk, caplog):
    class Fill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                disk.full_at(max(path.stat().st_size for path in tmp_path.iterdir()) + 100)

    monitor = FilterMonitor(tmp_path, X, Y, every=1)
    with caplog.at_level(logging.WARNING):
        history = network().fit(X, Y, epochs=5, verbose=0, callbacks=[monitor, Fill()])
    disk.free()
    assert history.epoch == list(range(5))
    (record,) = caplog.records
    assert "measures no more; the training goes on" in record.getMessage()
    assert list(scalars(tmp_path)["pool/noise"]) == [0, 1]


def test_a_log_that_cannot_be_closed_does_not_end_the_training(tmp_path, caplog, monkeypatch):
    close = EventFile.close

    def refuse(self):
        close(self)
        raise OSError(28, "No space left on device")

    monitor = FilterMonitor(tmp_path, X, Y)
    monkeypatch.setattr(EventFile, "close", refuse)
    with caplog.at_level(logging.WARNING):
        network().fit(X, Y, epochs=2, verbose=0, callbacks=[monitor])
    (record,) = caplog.records
    assert "could not close its log" in record.getMessage()
    assert "No space left" in record.getMessage()
