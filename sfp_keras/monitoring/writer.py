"""Writes measurements of filters where TensorBoard finds them."""

import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields, find_clusters, layer_statistics, layer_values
from sfp_keras.monitoring import schema
from sfp_keras.monitoring.event_file import EventFile


class MonitorWriter:
    """Writes the log of one TensorBoard run.

    ```
    with MonitorWriter("logs/final") as writer:
        writer.about(schema.About("final", class_names, threshold=0.3))
        header = schema.header_of("layer13", depth=4, step=99, fields=fields, correct=correct)
        writer.measurement(header, fields)
    ```

    Stages may have any name that UTF-8 can write.

    Args:
        log_dir: folder of the run. A warning says so where TensorBoard's default loader does not
            serve a run of this name: one with a quotation mark, a backslash or a control character.
    """

    def __init__(self, log_dir: str | Path):
        name = Path(log_dir).name
        if schema.UNSERVED.search(name):
            warnings.warn(
                f"`log_dir`: TensorBoard shows a run called {name!r} with --load_fast=false alone, "
                "because of its quotation marks, backslashes or control characters",
                stacklevel=2,
            )
        self._events = EventFile(log_dir)
        self._threshold = 0.3
        self._shared: set[str] = set()
        self._described: set[str] = set()

    @property
    def bytes_written(self) -> int:
        """Bytes this writer has written so far."""
        return self._events.bytes_written

    def about(self, about: schema.About) -> None:
        """Write what is the same for the whole run; before any measurement."""
        self._threshold = about.threshold
        self._described.clear()
        self._blobs(schema.ABOUT_TAG, schema.encode_about(about), "about")

    def stage(self, header: schema.Header) -> None:
        """Write what a stage is and where its training began; before its measurements.

        Needed only where an earlier training may have left measurements of this stage alone.
        """
        _check_stage(header.stage)
        self._blobs(schema.header_tag(header.stage), schema.encode_header(header), "header")
        self._described.add(header.stage)

    def measurement(
        self,
        header: schema.Header,
        fields: FilterFields,
        *,
        shared_features: bool = False,
        factors: bool = True,
    ) -> None:
        """Write one stage at one step: its scalars, and the factors the tab reads.

        Args:
            header: `Header` of the measurement.
            fields: `FilterFields`.
            shared_features: whether the features are the same at all steps; they are then
                written with the first.
            factors: whether to write the factors, or the scalars alone; the tab then knows the
                stage by its header.
        """
        _check_stage(header.stage)
        statistics = layer_statistics(find_clusters(fields, self._threshold))
        values = layer_values(statistics, header.positions, header.accuracy)
        numbers = {key: float(values[key]) for key in schema.SCALARS if values[key] is not None}
        # Of a run that goes on with another threshold, earlier numbers keep theirs.
        numbers[schema.THRESHOLD_SCALAR] = self._threshold
        if factors:
            if shared_features and header.stage not in self._shared:
                blobs = schema.encode_features(header, fields.features)
                self._blobs(schema.features_tag(header.stage), blobs, "features")
                self._shared.add(header.stage)
            tag = schema.factors_tag(header.stage, header.step)
            blobs = schema.encode_measurement(header, fields, not shared_features)
            self._blobs(tag, blobs, "factors")
        elif header.stage not in self._described:
            self.stage(header)
        self.scalars(header.stage, header.step, numbers)

    def scalars(self, stage: str, step: int, numbers: Mapping[str, float]) -> None:
        """Write numbers of a stage as ordinary scalars, `<stage>/<name>`."""
        _check_stage(stage)
        self._events.scalars(step, {f"{stage}/{name}": value for name, value in numbers.items()})

    def close(self) -> None:
        """Close the file."""
        self._events.close()

    def __enter__(self) -> "MonitorWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _blobs(self, tag: str, blobs: list[bytes], kind: str) -> None:
        # Of a tag written twice at one step, one of TensorBoard's loaders keeps the first: time
        # stands in for the step, which the header has.
        now = time.time_ns() // 1000
        self._events.blobs(tag, now, blobs, schema.PLUGIN_NAME, schema.plugin_data(kind))


def _check_stage(stage: str) -> None:
    try:
        stage.encode()
    except UnicodeEncodeError:
        raise InputError(
            f"`stage`: TensorBoard cannot keep the name {stage!r}, which UTF-8 cannot write"
        ) from None
