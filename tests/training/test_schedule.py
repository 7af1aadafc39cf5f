"""Decay schedules and parameter groups against the papers' words."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfp_keras.errors import InputError
from sfp_keras.settings import TrainingSettings
from sfp_keras.training import (
    GroupSchedule,
    ParameterGroup,
    StepDecay,
    parse_group,
    vanishing_rate,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(factor=st.floats(0.1, 1.0), interval=st.integers(1, 40), epoch=st.integers(0, 400))
def test_one_phase_is_q_to_the_whole_number_of_intervals(factor, interval, epoch):
    expected = factor ** (epoch // interval)
    assert StepDecay.parse(f"{factor!r}/{interval}").factor(epoch) == pytest.approx(expected)


def literal(epoch, phases):
    """Walk the epochs one by one: (q, dt, offset, first epoch, last epoch)."""
    factor = 1.0
    for e in range(1, epoch + 1):
        for q, interval, offset, first, last in phases:
            if first <= e <= last and e % interval == offset:
                factor *= q
    return factor


def test_avgg16_phases_drop_where_the_paper_says():
    convolutions = StepDecay.parse("0.65/20<=140,0.55/20")
    connected = StepDecay.parse("0.65/20+10<=150,0.55/20+10")
    for epoch in range(281):
        expected = literal(epoch, [(0.65, 20, 0, 1, 140), (0.55, 20, 0, 141, 10**9)])
        assert convolutions.factor(epoch) == pytest.approx(expected), epoch
        expected = literal(epoch, [(0.65, 20, 10, 1, 150), (0.55, 20, 10, 151, 10**9)])
        assert connected.factor(epoch) == pytest.approx(expected), epoch


def test_worked_examples():
    decay = StepDecay.parse("0.65/20")
    assert 0.002 * decay.factor(19) == pytest.approx(0.002)
    assert 0.002 * decay.factor(20) == pytest.approx(0.0013)
    assert 0.002 * decay.factor(299) == pytest.approx(4.806e-06, rel=1e-3)
    assert 0.0145 * StepDecay.parse("0.65/20<=140,0.55/20").factor(160) == pytest.approx(
        0.000391, rel=2e-3
    )


def test_a_shorter_run_passes_through_the_whole_schedule():
    decay = StepDecay.parse("0.65/20")
    short, whole = (GroupSchedule(1.0, decay, epochs, 300) for epochs in (60, 300))
    assert [short.default_rate(e) for e in range(60)] == [decay.factor(5 * e) for e in range(60)]
    assert [whole.default_rate(e) for e in range(300)] == [decay.factor(e) for e in range(300)]


@pytest.mark.parametrize("text", ["0.65", "0.65/0", "2/20", "x/20", "0.5/20,0.4/20", "0/3", "-1/2"])
def test_a_decay_that_does_not_read_is_named(text):
    with pytest.raises(InputError, match=r"^`decay`="):
        StepDecay.parse(text)


@pytest.mark.parametrize("text", ["", "none", "None"])
def test_no_decay_is_constant(text):
    assert StepDecay.parse(text).factor(1000) == 1.0


DEFAULT = ParameterGroup("default", "", 0.0145, 0.97, 1e-3, StepDecay.parse("0.6/20"))


def test_a_group_takes_what_it_does_not_say_from_the_default():
    group = parse_group("fc: lr=0.002 decay=0.65/20<=140,0.5/20", DEFAULT)
    assert (group.learning_rate, group.momentum, group.l2) == (0.002, 0.97, 1e-3)
    assert group.decay == StepDecay.parse("0.65/20<=140,0.5/20")


@pytest.mark.parametrize(
    "text",
    [
        "fc",
        "fc:",
        ": lr=1",
        "fc: lr=x",
        "fc: rate=1",
        "fc: momentum=1",
        "fc: lr=-1",
        "(: lr=1",
        "fc: decay=2/1",
    ],
)
def test_a_group_that_does_not_read_is_named(text):
    with pytest.raises(InputError, match=r"^`group`='[^`]*$"):
        parse_group(text, DEFAULT)


def test_a_pattern_may_have_colons():
    group = parse_group("(?:conv1|conv2)/: lr=x0.1", DEFAULT)
    assert (group.pattern, group.learning_rate) == ("(?:conv1|conv2)/", pytest.approx(0.00145))


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (
            {"epochs": 5, "schedule_epochs": 200, "decay": "0.5/1"},
            "after 1 of 5 epochs: .*=5 if it",
        ),
        (
            {"schedule_epochs": 40, "decay": "0.5/1"},
            "millionth of --lr=0.01 after 20 of 40 epochs: [^.]*$",
        ),
        ({"schedule_epochs": 20, "decay": "0.5/1"}, None),
        ({"epochs": 5, "schedule_epochs": 300, "decay": "0.65/20"}, None),
        ({"epochs": 2, "schedule_epochs": 100, "decay": "cosine"}, None),
        ({"schedule_epochs": 5, "decay": "none"}, None),
    ],
)
def test_a_rate_that_falls_to_nothing_is_told(values, note):
    found = vanishing_rate(TrainingSettings(lr=0.01, **values))
    assert (found is None) == (note is None)
    assert note is None or re.search(note, found)
