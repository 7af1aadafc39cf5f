"""What would be a chart of one point is a table; labels are marks with their names."""

import csv
import io

import numpy as np
from browser_tab import (
    LABELS,
    LAST,
    SMALL,
    SMALL_HEADS,
    SMALL_LABELS,
    download,
    export_button,
    fields_at,
    held_requests,
    open_tab,
)
from real_tab import settle

from sfp_keras.filters import (
    find_clusters,
    head_specialization,
    label_statistics,
    layer_statistics,
)
from tb_plugin.demo import make_fields

# Notes how many rows the table draws whenever it changes.
WATCH_ROWS = """() => {
  window.drawn = [];
  const count = () => document.querySelectorAll('tbody tr[aria-rowindex]').length;
  new MutationObserver(() => window.drawn.push(count())).observe(
    document.querySelector('.table-box'), {subtree: true, childList: true, attributes: true});
}"""


def test_one_step_or_one_stage_is_a_table(page, base):
    def last_step_alone(route):
        answer = route.fetch().json()
        last = max(row["step"] for row in answer["rows"])
        answer["rows"] = [row for row in answer["rows"] if row["step"] == last]
        route.fulfill(json=answer)

    frame = open_tab(page, base, view="curves", run="net/heads", step=10)
    assert frame.locator(".chart canvas").count() > 0
    frame.get_by_text("The numbers of every step").click()
    assert frame.locator("tbody tr").count() >= 9
    page.route("**/clusters/curves?*", last_step_alone)
    frame.get_by_label("Threshold as a number").fill("0.4")
    # A log that is still being read is asked for again meanwhile, at the threshold before.
    frame.wait_for_function("() => parent.location.hash.includes('threshold=0.4')")
    frame.wait_for_function("() => document.querySelectorAll('tbody tr').length === 3")
    settle(frame)
    assert frame.locator(".chart").count() == 0
    row = frame.locator("tbody tr", has_text=LAST.name)
    noise = layer_statistics(find_clusters(fields_at(10), 0.4)).noise
    assert f"{noise:.2f}" in [cell.strip() for cell in row.locator("td").all_text_contents()]
    assert "no picture" in export_button(frame, "PNG").get_attribute("title")
    assert export_button(frame, "CSV").get_attribute("aria-disabled") == "false"
    header = download(page, frame, "CSV")[0].decode().splitlines()[0].split(",")
    assert header[:4] == ["run", "stage", "depth", "split"]
    page.unroute("**/clusters/curves?*")

    def many_steps(route):
        answer = route.fetch().json()
        count = 400 if "threshold=0.5" in route.request.url else 130
        answer["rows"] = [{**answer["rows"][-1], "step": step} for step in range(count)]
        route.fulfill(json=answer)

    # A table scrolled far down draws rows also in the moment in which they become fewer.
    page.route("**/clusters/curves?*", many_steps)
    frame.get_by_label("Threshold as a number").fill("0.5")
    frame.wait_for_selector("table[aria-rowcount='401']", state="attached")
    frame.get_by_text("The numbers of every step").click()
    frame.locator(".table-box").evaluate("box => (box.scrollTop = 8000)")
    frame.wait_for_selector("tr[aria-rowindex='300']")
    frame.evaluate(WATCH_ROWS)
    frame.get_by_label("Threshold as a number").fill("0.6")
    frame.wait_for_selector("table[aria-rowcount='131']")
    settle(frame)
    assert min(frame.evaluate("drawn")) > 0
    page.unroute("**/clusters/curves?*")
    frame.get_by_role("tab", name="Stages", exact=True).click()
    frame.get_by_role("combobox", name="Run").select_option("small/train")
    frame.wait_for_function("() => document.querySelectorAll('tbody tr').length === 1")
    settle(frame)
    assert frame.locator(".chart").count() == 0
    assert "One stage was measured" in frame.locator("main").text_content()


def test_errors_and_other_heads_stand_with_the_numbers(page, base):
    def with_errors(route):
        answer = route.fetch().json()
        answer["bars_at"] = [0.3]
        if "threshold=0.3" in route.request.url:
            for row in answer["rows"]:
                row.update(noise_error=0.25, noise_low=row["noise"] - 0.5, noise_high="Infinity")
                row.update(seeds=3, noise_mean=row["noise"] + 1, noise_std=0.75)
                row.update(shuffled_seeds=1, noise_shuffled=row["noise"] + 2)
        route.fulfill(json=answer)

    page.route("**/clusters/stages?*", with_errors)
    frame = open_tab(page, base, view="stages", run="net/heads", step=10)
    noise = layer_statistics(find_clusters(fields_at(10))).noise
    rows = [row.split("\t") for row in frame.locator("tbody tr").all_inner_texts()]
    place = [row[0].strip() for row in rows].index(LAST.name)
    of_stage, of_heads, of_shuffled = rows[place : place + 3]
    assert of_stage[2].split() == [f"{noise:.2f}", "±", "0.25"]
    assert of_heads[0].strip() == "3 heads, mean ± deviation"
    assert of_heads[2].split() == [f"{noise + 1:.2f}", "±", "0.75"]
    assert of_shuffled[0].strip() == "shuffled labels"
    assert of_shuffled[2].split() == [f"{noise + 2:.2f}"]
    legend = frame.locator("main .legend").inner_text()
    assert "95% interval" in legend
    assert "3 heads" in legend
    row = next(
        row
        for row in csv.DictReader(io.StringIO(download(page, frame, "CSV")[0].decode()))
        if row["stage"] == LAST.name
    )
    assert [float(row[f"noise_{name}"]) for name in ("error", "std", "high")] == [
        0.25,
        0.75,
        np.inf,
    ]
    assert b"opacity" in download(page, frame, "SVG")[0]  # The band.
    frame.get_by_label("Threshold as a number").fill("0.4")
    frame.get_by_text("Error bars are not shown").wait_for()
    settle(frame)
    assert "±" not in frame.locator("tbody").inner_text()
    frame.get_by_role("button", name="Show threshold 0.3").click()
    frame.locator("tbody .spread").first.wait_for()
    page.unroute("**/clusters/stages?*")


def test_labels_of_least_and_most_signal_are_named(page, base):
    frame = open_tab(page, base, view="labels", run="net/heads", stage=LAST.name, step=10)
    fields = fields_at(10)
    signal = label_statistics(find_clusters(fields), fields).signal
    reading = dict(
        zip(
            frame.locator(".reading dt").all_text_contents(),
            frame.locator(".reading dd").all_text_contents(),
            strict=True,
        )
    )
    least, most = reading["Least signal"], reading["Most signal"]
    assert least.startswith(f"{LABELS[signal.argmin()]} ({signal.min():.0f}), ")
    assert f" ({signal.max():.0f})" in most
    legend = frame.locator(".legend li path").evaluate_all(
        "all => all.map(e => e.getAttribute('d'))"
    )
    assert len(set(legend)) == 3  # A shape each, for those who do not see the colours.


def test_heads_are_shown_where_a_stage_has_them(page, base):
    def with_a_stage_behind(route):
        response = route.fetch()
        answer = response.json()
        (small,) = (run for run in answer["runs"] if run["run"] == "small/train")
        small["stages"].append({**small["stages"][0], "stage": "behind", "heads": None})
        route.fulfill(response=response, json=answer)

    page.route("**/clusters/runs*", with_a_stage_behind)
    frame = open_tab(page, base, view="stages", run="net/heads")
    assert not frame.get_by_role("tab", name="Heads").count()
    frame.get_by_role("combobox", name="Run").select_option("small/train")
    assert frame.get_by_role("combobox", name="Stage").input_value() == "behind"
    # Its filters are nodes.
    assert frame.get_by_role("tab", name="Nodes", exact=True).count() == 1
    assert "Nodes" in frame.locator("thead").inner_text()
    frame.get_by_role("tab", name="Heads").click()
    frame.wait_for_selector(".head-matrix canvas")
    settle(frame)
    assert frame.get_by_role("combobox", name="Stage").input_value() == SMALL.name
    assert (
        frame.locator(".side .note")
        .first.inner_text()
        .startswith("A field above this share of the node’s")
    )
    fields = make_fields(SMALL, len(SMALL_LABELS), progress=0.5, seed=2)
    found = head_specialization(find_clusters(fields), SMALL_HEADS, fields, permutations=999)
    text = frame.locator(".heads-result").inner_text()
    assert f"{found.nodes.mean_share:.3f}" in text
    assert f"{found.nodes.p_value:.3f}" in text
    rows = frame.locator("tbody tr").all_inner_texts()
    assert len(rows) == len(SMALL_LABELS)
    # One chart of labels, one of three steps.
    assert frame.locator(".chart canvas").count() == 2
    frame.get_by_label("Their fields").check()
    frame.wait_for_function("() => parent.location.hash.includes('of=fields')")
    assert f"{found.fields.mean_share:.3f}" in frame.locator(".heads-result").inner_text()
    # What the mouse reads of the matrix.
    table = list(csv.DictReader(io.StringIO(download(page, frame, "CSV")[0].decode())))
    for name, of in (("nodes", found.nodes), ("field", found.fields)):
        for head, numbers in enumerate(of.matrix):
            column = {int(row["label"]): float(row[f"{name}_head{head}"]) for row in table}
            np.testing.assert_allclose([column[i] for i in range(len(numbers))], numbers, rtol=1e-6)
    # The chart over the steps is marked while it is of an earlier threshold, and says what fails.
    old = frame.locator(".stale .chart", has_text="at every step")
    with held_requests(page, "heads_over_steps"):
        frame.get_by_label("Threshold as a number").fill("0.4")
        frame.wait_for_function("() => parent.location.hash.includes('threshold=0.4')")
        frame.wait_for_selector(".view > .fresh")
        assert old.count() == 1
    settle(frame)
    assert old.count() == 0
    page.route(
        "**/clusters/heads_over_steps?*",
        lambda route: route.fulfill(status=500, json={"error": "no memory"}),
    )
    frame.get_by_label("Threshold as a number").fill("0.5")
    frame.get_by_role("alert").get_by_text("no memory").wait_for()
    page.complaints = [text for text in page.complaints if "status of 500" not in text]
    page.unroute("**/clusters/heads_over_steps?*")
    page.unroute("**/clusters/runs*")
