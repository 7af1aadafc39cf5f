import csv
import io
import json
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sfp_keras.csv_files import unguard
from tb_plugin import encoding


def test_numbers_without_json_become_null_and_text():
    value = {"a": [math.nan, math.inf, -math.inf], "b": np.float32(0.1), "c": np.arange(3)}
    assert json.loads(encoding.to_json(value)) == {
        "a": [None, "Infinity", "-Infinity"],
        "b": float(np.float32(0.1)),
        "c": [0, 1, 2],
    }


def test_json_is_the_same_beside_numbers_that_it_has_not():
    value = {
        "rows": [{"a": np.float32(0.1), "b": np.int64(2), "c": np.bool_(True), "d": None}],
        "columns": (np.arange(3), np.array([0.1, 1e300]), np.array([1, None], object)),
    }
    text = encoding.to_json(value)
    assert encoding.to_json({**value, "n": math.nan}) == f'{text[:-1]},"n":null}}'


def test_json_is_safe_ascii():
    text = encoding.to_json({"name": "</script>\u2028\ud800é"})
    assert text.isascii()


def test_binary_answers_are_aligned():
    for name in ("a", "ab", "abc", "abcd"):
        data = encoding.to_binary({"n": name}, [b"xyz"])
        length = int.from_bytes(data[:4], "little")
        assert length % 4 == 0
        assert json.loads(data[4 : 4 + length]) == {"n": name}
        assert data[4 + length :] == b"xyz"


def test_matrices_are_packed_highest_bit_first():
    matrix = np.zeros((3, 3), bool)
    matrix[0, 0] = matrix[2, 2] = True
    assert encoding.pack(matrix) == bytes([0b10000000, 0b10000000])


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.floats(), min_size=1, max_size=5))
def test_csv_reads_back_the_same_doubles(numbers):
    text = encoding.to_csv([f"c{i}" for i in range(len(numbers))], [numbers])
    row = list(csv.reader(io.StringIO(text)))[1]
    read = [float(cell) if cell else math.nan for cell in row]
    np.testing.assert_array_equal(read, numbers)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_csv_quotes_any_text_and_defuses_formulas(name):
    rows = list(
        csv.reader(io.StringIO(encoding.to_csv(["label", "name"], [[0, name]]), newline=""))
    )
    assert len(rows) == 2
    assert unguard(rows[1][1]) == name
    assert not rows[1][1].lstrip().startswith(("=", "+", "-", "@"))


def test_csv_defuses_formulas_after_blanks_too():
    for name in ("=1+1", "+1", "-1", "@x", "\t=1", " =cmd|' /C calc'!A0", "＝1", "\r=1"):
        assert encoding.to_csv(["name"], [[name]]).split("\r\n", 1)[1].lstrip('"')[0] == "'"


def test_numbers_below_zero_stay_numbers():
    assert encoding.to_csv(["x"], [[-1.5], [-3]]) == "x\r\n-1.5\r\n-3\r\n"


def test_file_names_are_harmless():
    assert encoding.file_name("../../a b\r\nX: y", "layer/1") == "a-b-X-y_layer-1"
    assert encoding.file_name("..", "é") == "clusters"
    assert len(encoding.file_name("a" * 500)) == 80
