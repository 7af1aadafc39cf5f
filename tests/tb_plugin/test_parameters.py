import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from tb_plugin.parameters import Parameters


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0.0), ("0.3", 0.3), (".5", 0.5), ("3e-1", 0.3), ("0.", 0.0), ("1e-400", 0.0)],
)
def test_thresholds(text, value):
    assert Parameters({"threshold": text}).threshold() == value


def test_what_is_left_out_has_a_default():
    given = Parameters({})
    assert given.threshold() == 0.3
    assert given.corner() == 64
    assert given.step() is None
    assert given.label() is None
    assert given.optional_stage() is None
    assert not given.as_csv()


@pytest.mark.parametrize(
    "text",
    [
        *("nan", "inf", "-0.1", "1", "0.99999999999", "1e999", "", " 0.3", "0.3 ", "0,3", "0x1"),
        *("1_0", "٠.٣", "+0.1", "0.3\n", "9" * 70, "\ud800"),
    ],
)
def test_wrong_thresholds(text):
    with pytest.raises(BadRequest, match="threshold"):
        Parameters({"threshold": text}).threshold()


@pytest.mark.parametrize("text", ["-1", "1.0", "", "1e3", "٣", "9" * 19, " 1", "0x1", "1_0"])
def test_wrong_integers(text):
    for name in ("step", "label", "corner", "filter"):
        with pytest.raises(BadRequest, match=name):
            getattr(Parameters({name: text}), name)()


def test_pages_of_filters():
    assert Parameters({"filters": "3,1,3"}).filters() == [3, 1, 3]
    assert len(Parameters({"filters": ",".join(["0"] * 128)}).filters()) == 128
    for text in (",".join(["0"] * 129), "1,,2", "1,", "a", "1;2", "", "1, 2", "-1"):
        with pytest.raises(BadRequest, match="filters"):
            Parameters({"filters": text}).filters()


def test_a_name_given_twice_or_too_long_is_refused():
    for given in (MultiDict([("run", "a"), ("run", "b")]), {"run": "a" * 5000}, {}, {"run": ""}):
        with pytest.raises(BadRequest, match="run"):
            Parameters(given).run()


def test_corners_and_formats():
    assert Parameters({"corner": "4"}).corner() == 4
    for corner in ("3", "129"):
        with pytest.raises(BadRequest, match="4 to 128"):
            Parameters({"corner": corner}).corner()
    assert Parameters({"format": "csv"}).as_csv()
    with pytest.raises(BadRequest, match="format"):
        Parameters({"format": "xml"}).as_csv()
    assert [Parameters({"labels": text}).with_labels() for text in "01"] == [False, True]
    with pytest.raises(BadRequest, match="labels"):
        Parameters({"labels": "yes"}).with_labels()
