"""The panel that explains fields, clusters, noise and signal: its numbers, and the keyboard."""

import json

import numpy as np
from browser_tab import open_tab

from sfp_keras.filters import FilterFields, find_clusters, label_statistics
from tb_plugin.static_files import FOLDER

TEXT = (FOLDER / "lib" / "example.js").read_text()
EXAMPLE = json.loads(TEXT[TEXT.index("= {") + 2 : TEXT.index("};") + 1].replace("'", '"'))
K = len(EXAMPLE["labels"])
FIELDS = FilterFields(
    np.array(EXAMPLE["features"], np.float32)[:, :, None],
    np.array(EXAMPLE["kernel"], np.float32)[:, None],
    np.ones(K, int),
    (2,),
)
CLUSTERS = find_clusters(FIELDS, EXAMPLE["threshold"])


def printed(number):
    return f"{number:.2f}".replace("-", "\N{MINUS SIGN}")


def test_the_example_is_as_computed():
    labels = label_statistics(CLUSTERS)
    assert EXAMPLE["clusters"] == CLUSTERS.members(0)
    assert EXAMPLE["order"] == CLUSTERS.permutation(0).tolist()
    assert EXAMPLE["noise"] == CLUSTERS.noise[0]
    assert EXAMPLE["ones"] == CLUSTERS.ones_per_row.sum()
    assert EXAMPLE["maximum"] == round(float(FIELDS.maxima()[0]), 6)
    np.testing.assert_allclose(EXAMPLE["internal"], labels.noise_internal * (K - 1))
    np.testing.assert_allclose(EXAMPLE["external"], labels.noise_external * (K - 1))
    # No element so near the threshold that doubles and float32 might differ.
    assert np.abs(FIELDS.normalized(0) - EXAMPLE["threshold"]).min() > 0.01


def test_the_panel_explains_with_true_numbers_and_by_keyboard(page, base):
    page.set_viewport_size({"width": 420, "height": 850})
    frame = open_tab(page, base, view="stages", theme="dark")
    button = frame.get_by_role("button", name="What field, cluster, noise and signal are")
    button.focus()
    page.keyboard.press("Enter")
    panel = frame.get_by_role("dialog", name="Fields, clusters, noise and signal")
    panel.wait_for()
    matrices = panel.locator(".matrix-box canvas")
    matrices.first.wait_for()
    assert matrices.count() == 3
    text = " ".join(panel.inner_text().split())
    horse, cat, dog = (EXAMPLE["labels"].index(name) for name in ("horse", "cat", "dog"))
    matrix, normalized = FIELDS.matrix(0), FIELDS.normalized(0)
    assert f"= {printed(matrix[horse, dog])}. Matrix 1" in text
    below = f"{printed(matrix[horse, cat])} or {printed(normalized[horse, cat])} of the largest"
    assert f"{below}, are just below" in text
    assert f"= {CLUSTERS.noise[0]}. Birds" in text
    assert "airplane and ship, then cat and dog" in text
    for number in ("2305.18078", "2309.07537"):
        link = panel.get_by_role("link", name=f"arXiv:{number}")
        assert link.get_attribute("href") == f"https://arxiv.org/abs/{number}"
    # The elements are read by keyboard, in the order in which they are shown.
    matrices.nth(2).focus()
    for key in ("ArrowRight", "ArrowRight", *["ArrowDown"] * 5):
        page.keyboard.press(key)
    row, column = CLUSTERS.permutation(0)[5], CLUSTERS.permutation(0)[1]
    labels = EXAMPLE["labels"]
    said = panel.get_by_role("status").text_content()
    expected = f"{labels[row]} on {labels[column]}: field {printed(matrix[row, column])}, "
    assert said.startswith(expected)
    assert said.endswith("noise")
    assert panel.evaluate("box => box.scrollWidth - box.clientWidth") <= 0
    page.keyboard.press("Escape")
    panel.wait_for(state="hidden")
    assert button.evaluate("button => button === document.activeElement")
