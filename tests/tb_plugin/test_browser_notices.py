"""Steps that cannot be read are left out of every view, and each says so."""

import dataclasses
import json

import numpy as np
import pytest
from browser_tab import open_tab, written_on_pictures
from real_tab import settle, tensorboard
from tab_server import TabServer
from test_tab_containment import append, blobs

from sfp_keras.filters import find_clusters, follow_clusters
from sfp_keras.monitoring import schema
from sfp_keras.monitoring.writer import MonitorWriter
from tb_plugin.demo import STAGES, make_fields

STEPS, DAMAGED, HEADS = (1, 2, 3, 4), 4, 4
STAGE = dataclasses.replace(STAGES[2], filters=16)


def fields_at(step):
    return make_fields(STAGE, 6, progress=0.2 * step, seed=step)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A log whose last step has a kernel that is cut short."""
    folder = tmp_path_factory.mktemp("damaged")
    with MonitorWriter(folder / "run") as writer:
        writer.about(schema.About("heads", tuple("abcdef"), 0.3))
        for step in STEPS[:-1]:
            header = schema.header_of("conv", 0, step, fields_at(step), heads=HEADS)
            writer.measurement(header, fields_at(step))
    header = schema.header_of("conv", 0, DAMAGED, fields_at(DAMAGED), heads=HEADS)
    made = schema.encode_measurement(header, fields_at(DAMAGED))
    made[1] = made[1][:-4]
    append(folder / "run", blobs(f"conv/factors/{DAMAGED}", "factors", [3], made), step=DAMAGED)
    return folder


def test_the_other_steps_are_followed(folder):
    tab = TabServer(folder)
    answer = tab.json("following", run="run", stage="conv")
    found = follow_clusters({step: find_clusters(fields_at(step)) for step in STEPS[:-1]})
    assert [row["step"] for row in answer["rows"]] == found.steps.tolist()
    assert len(answer["notices"]) == 1
    assert "kernel" in answer["notices"][0]
    assert "422" not in answer["notices"][0]
    assert tab.json("heads_over_steps", run="run", stage="conv")["notices"] == answer["notices"]
    of_filter = tab.json("followed_filter", run="run", stage="conv", filter=3)
    assert of_filter["steps"] == found.steps.tolist()
    assert of_filter["life"] == found.life_id[:, 3].tolist()


@pytest.fixture(scope="module")
def damaged_base(browser, folder, tmp_path_factory):
    with tensorboard(folder, tmp_path_factory.mktemp("messages") / "messages") as address:
        yield address


@pytest.mark.parametrize("view", ["stages", "curves", "following", "heads"])
def test_the_views_say_what_is_left_out(page, damaged_base, view):
    step = DAMAGED if view == "stages" else STEPS[0]
    frame = open_tab(page, damaged_base, view=view, run="run", stage="conv", step=step)
    frame.wait_for_selector("main .notice")
    settle(frame)
    (text,) = frame.locator("main .notice").all_text_contents()
    assert "kernel" in text
    assert frame.get_by_text("Nothing measured yet").count() == 0


def test_the_matrix_of_heads_has_a_colour_for_every_number_and_a_scale(page, damaged_base):
    frame = open_tab(page, damaged_base, view="heads", run="run", stage="conv", step=2)
    frame.get_by_text("Their fields", exact=True).click()
    settle(frame)
    answer = json.loads(
        frame.evaluate(
            "async () => JSON.stringify(await (await fetch("
            "'heads?run=run&stage=conv&step=2&threshold=0.3')).json())"
        )
    )
    matrix = np.array(answer["field_matrix"])
    pixels = frame.evaluate(
        """() => {
          const canvas = document.querySelector('.head-matrix canvas');
          const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
          const found = {};
          for (let i = 0; i < data.length; i += 4) found[data.slice(i, i + 3).join()] = true;
          return Object.keys(found).length;
        }"""
    )
    values = np.unique(np.round(matrix / matrix.max(), 2)).size
    assert values > 4
    assert pixels >= values / 2
    low, high = frame.locator(".head-matrix .scale-text span").all_inner_texts()
    assert (low, float(high)) == ("0", pytest.approx(matrix.max(), rel=1e-2))
    texts = written_on_pictures(page, frame)
    heads = [str(head) for head in range(len(matrix))]
    names = [row["name"] for row in answer["rows"]]
    assert {*heads, "Head", *names, high, "Fields of nodes with the label in a cluster"} <= {*texts}
