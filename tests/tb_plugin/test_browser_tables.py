"""What would be a chart of one point is a table; labels are marks with their names."""

from browser_tab import (
    LABELS,
    LAST,
    SMALL,
    SMALL_HEADS,
    SMALL_LABELS,
    export_button,
    fields_at,
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
    page.unroute("**/clusters/curves?*")
    frame.get_by_role("tab", name="Stages", exact=True).click()
    frame.get_by_role("combobox", name="Run").select_option("small/train")
    frame.wait_for_function("() => document.querySelectorAll('tbody tr').length === 1")
    settle(frame)
    assert frame.locator(".chart").count() == 0
    assert "One stage was measured" in frame.locator("main").text_content()


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
    page.unroute("**/clusters/runs*")
