"""Warm-up, cosine and cool-down against their formula."""

import dataclasses
import math

import pytest

from sfp_keras.errors import InputError
from sfp_keras.settings import RecipeSettings, TrainingSettings
from sfp_keras.training import CosineDecay, StepDecay, optimizer_of, parse_decay, schedule_of

RECIPE = RecipeSettings(
    optimizer="adamw", warmup_epochs=10, warmup_lr=1e-6, min_lr=1e-5, cooldown_epochs=10
)


def literal(t, lr=6e-4):
    """The rate that timm's recipe of compact transformers trains epoch t with, of 310."""
    if t < 10:
        return 1e-6 + t * (lr - 1e-6) / 10
    if t < 300:
        return 1e-5 + 0.5 * (lr - 1e-5) * (1 + math.cos(math.pi * t / 300))
    return 1e-5


def settings(**values):
    return TrainingSettings(
        **{"schedule_epochs": 310, "lr": 6e-4, "decay": "cosine", "recipe": RECIPE} | values
    )


def test_the_rates_of_every_epoch_are_the_recipe_s():
    schedule = schedule_of(settings())
    assert [schedule.default_rate(t) for t in range(310)] == pytest.approx(
        [literal(t) for t in range(310)], rel=1e-12
    )


def test_a_shorter_training_passes_through_the_whole_schedule():
    schedule = schedule_of(settings(epochs=62))
    assert [schedule.default_rate(t) for t in range(62)] == pytest.approx(
        [literal(5 * t) for t in range(62)], rel=1e-12
    )


def test_groups_warm_up_and_fall_from_their_own_rate():
    chosen = settings(group=("fc: lr=x0.1", "conv: decay=none"))
    schedule, (fc, conv) = schedule_of(chosen), optimizer_of(chosen).groups
    for epoch in (0, 3, 10, 200, 305):
        assert schedule.group_rate(fc, epoch) == pytest.approx(literal(epoch, 6e-5), rel=1e-12)
    rates = [schedule.group_rate(conv, t) for t in (5, 10, 309)]
    assert rates == pytest.approx([literal(5), 6e-4, 6e-4])


def test_a_warm_up_goes_before_any_decay():
    chosen = settings(decay="0.5/100", recipe=RecipeSettings(warmup_epochs=10, warmup_lr=0.0))
    schedule = schedule_of(chosen)
    assert [schedule.default_rate(t) for t in (0, 5, 10, 100)] == [0.0, 3e-4, 6e-4, 3e-4]


def test_decays_by_their_texts():
    assert parse_decay(" Cosine") == CosineDecay()
    assert parse_decay("none") == StepDecay()


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"lr": 1e-6}, "`min_lr`=1e-05 must not be above `lr`=1e-06"),
        ({"lr": 1e-7, "decay": "none"}, "`warmup_lr`=1e-06 must not be above"),
        ({"schedule_epochs": 20}, "`warmup_epochs`=10 and `cooldown_epochs`=10: nothing is left"),
        ({"schedule_epochs": 9, "decay": "none"}, "`warmup_epochs`=10: nothing is left"),
        ({"decay": "cosines"}, "`decay`='cosines'.*or cosine"),
    ],
)
def test_schedules_that_cannot_be_are_refused(values, match):
    with pytest.raises(InputError, match=match):
        schedule_of(settings(**values))


def test_a_group_is_not_raised_by_what_others_warm_up_from_or_fall_to():
    for group, rate in (("lr=1e-5", "warmup_lr"), ("lr=1e-6", "min_lr")):
        recipe = RecipeSettings(warmup_epochs=10, **{rate: 2e-5})
        with pytest.raises(InputError, match=f"`{rate}`=2e-05 must not be above .*`group`=fc"):
            schedule_of(settings(group=(f"fc: {group}",), recipe=recipe))
    frozen = settings(group=("fc: lr=0",))
    schedule, (fc,) = schedule_of(frozen), optimizer_of(frozen).groups
    assert [schedule.group_rate(fc, epoch) for epoch in (0, 5, 200, 309)] == [0, 0, 0, 0]


def test_a_group_alone_may_fall_by_a_cosine():
    recipe = RecipeSettings(min_lr=1e-5, cooldown_epochs=10)
    chosen = settings(decay="0.5/100", group=("fc: decay=cosine",), recipe=recipe)
    (fc,) = optimizer_of(chosen).groups
    assert fc.decay == CosineDecay(1e-5, 10)
    with pytest.raises(InputError, match="`cooldown_epochs`=10: nothing is left"):
        schedule_of(dataclasses.replace(chosen, schedule_epochs=10))
