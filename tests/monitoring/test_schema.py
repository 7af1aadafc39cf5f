"""The log's format, written and read back."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields
from sfp_keras.monitoring import schema
from sfp_keras.monitoring.error_bars import ErrorBars


def fields(labels=3, shape=(2, 1), filters=4, seed=0):
    rng = np.random.default_rng(seed)
    positions = int(np.prod(shape, dtype=int))
    return FilterFields(
        rng.normal(size=(labels, positions, filters)).astype(np.float32),
        rng.normal(size=(positions, filters, labels)).astype(np.float32),
        rng.integers(1, 9, labels),
        shape,
    )


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(2, 5), st.sampled_from([(), (2,), (1, 3)]), st.integers(1, 4), st.booleans())
def test_factors_come_back_to_the_bit(labels, shape, filters, counted):
    made = fields(labels, shape, filters)
    correct = np.minimum(2, made.label_counts) if counted else None
    header = schema.header_of("a/b", 2, 7, made, correct=correct)
    first, kernel, features = schema.encode_measurement(header, made)
    back = schema.decode_header(first)
    assert back == header
    found = schema.decode_fields(back, kernel, features)
    np.testing.assert_array_equal(found.kernel, made.kernel, strict=True)
    np.testing.assert_array_equal(found.features, made.features, strict=True)
    np.testing.assert_array_equal(found.label_counts, made.label_counts, strict=True)
    assert found.position_shape == made.position_shape
    if counted:
        assert back.accuracy == pytest.approx(correct.sum() / made.label_counts.sum())
        np.testing.assert_allclose(back.label_accuracy, correct / made.label_counts)
    else:
        assert back.accuracy is None
        assert back.label_accuracy is None


def test_error_bars_come_back_with_their_header():
    bars = (
        ErrorBars(0.3, {"noise": (0.5, 2.0, float("inf"))}, {"seed0": {"noise": 3.0}}),
        ErrorBars(0.6, heads={"shuffled0": {"accuracy": 0.1}}),
    )
    header = schema.header_of("a", 0, 1, fields(), bars=bars)
    (blob,) = schema.encode_header(header)
    assert schema.decode_header(blob) == header
    # Logs of versions before have none.
    data = json.loads(blob)
    del data["bars"]
    assert schema.decode_header(json.dumps(data).encode()).bars == ()


def test_about_comes_back_whatever_the_names():
    about = schema.About("final", ("<b>", "é", "", "\u2028", "\udcff"), 0.25, True, "t")
    assert schema.decode_about(schema.encode_about(about)[0]) == about


@settings(deadline=None, derandomize=True)
@given(st.text(min_size=1), st.integers(0, 10**9))
def test_tags_are_parsed_back(stage, step):
    assert schema.parse_factors_tag(schema.factors_tag(stage, step)) == (stage, step)


@pytest.mark.parametrize(
    "tag",
    [
        "about",
        "a/features",
        "a/factors/",
        "a/factors/-1",
        "/factors/1",
        "a/factors/٣",
        "a/factors/" + "9" * 99,
    ],
)
def test_other_tags_are_no_measurements(tag):
    assert schema.parse_factors_tag(tag) is None


def test_a_newer_schema_is_told():
    data = json.loads(schema.plugin_data("about"))
    assert schema.check_plugin_data(schema.plugin_data("about")) == "about"
    data["version"] += 1
    with pytest.raises(schema.NewerSchemaError, match="upgrade sfp-keras"):
        schema.check_plugin_data(json.dumps(data).encode())


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"version": "1", "kind": "a"}'])
def test_foreign_plugin_data_is_told(content):
    with pytest.raises(InputError):
        schema.check_plugin_data(content)


@pytest.mark.parametrize("blob", [b"", b"[]", b"{}", b'"a"', b"\xff\x00", b"null"])
def test_damaged_blobs_are_told(blob):
    for decode in (schema.decode_header, schema.decode_about):
        with pytest.raises(InputError, match="damaged"):
            decode(blob)


def test_arrays_of_another_size_are_told():
    made = fields()
    header = schema.header_of("a", 0, 0, made)
    _, kernel, features = schema.encode_measurement(header, made)
    with pytest.raises(InputError, match="features"):
        schema.decode_fields(header, kernel, features[:-4])
    with pytest.raises(InputError, match="kernel"):
        schema.decode_fields(header, kernel + kernel, features)
