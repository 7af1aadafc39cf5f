"""What the tab shows of stages whose matrices did not fit into the log."""

import pytest
from browser_tab import open_tab
from real_tab import settle, tensorboard
from test_tab_numbers_alone import write

MESSAGE = "The log keeps no matrices of layer2"


@pytest.fixture(scope="module")
def small_base(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    write(folder / "log" / "heads")
    write(folder / "log" / "nothing", kept=())
    with tensorboard(folder / "log", folder / "messages") as address:
        yield address


def test_their_curves_are_drawn_and_other_views_say_what_is_missing(page, small_base):
    frame = open_tab(page, small_base, view="curves", run="heads", compared="heads")
    assert frame.locator(".message").count() == 0
    legend = frame.locator("main .legend").first.text_content()
    assert all(stage in legend for stage in ("layer2", "layer7", "layer13"))
    frame.get_by_role("combobox", name="Stage").select_option("layer2")
    for view in ("Filters", "Filter", "Labels"):
        frame.get_by_role("tab", name=view, exact=True).click()
        message = frame.locator("main .message")
        message.wait_for()
        assert MESSAGE in message.text_content()
        assert "--monitor_mb" in message.text_content()
    frame.get_by_role("tab", name="Stages", exact=True).click()
    frame.wait_for_selector("tbody")
    settle(frame)
    assert frame.locator("tbody tr").count() == 2
    assert MESSAGE in frame.locator("main > .notice").text_content()
    frame.get_by_role("combobox", name="Stage").select_option("layer7")
    frame.get_by_role("tab", name="Filters", exact=True).click()
    frame.wait_for_selector(".cell canvas")


def test_a_run_of_numbers_alone_is_no_empty_log(page, small_base):
    frame = open_tab(page, small_base, view="stages", run="nothing", compared="nothing")
    assert f"{MESSAGE}, layer7, layer13" in frame.locator("main .message").text_content()
    assert frame.get_by_text("No clusters logged yet").count() == 0
    frame.get_by_role("tab", name="Training", exact=True).click()
    frame.wait_for_selector(".chart canvas")
