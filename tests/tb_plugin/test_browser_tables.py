"""What would be a chart of one point is a table; labels are marks with their names."""

from browser_tab import LABELS, LAST, export_button, fields_at, open_tab
from real_tab import settle

from sfp_keras.filters import find_clusters, label_statistics, layer_statistics


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
