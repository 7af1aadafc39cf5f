"""The columns of tables about attention heads."""

from sfp_keras.filters import Quantity

_SHARES = (
    ("leading_head", "leading head", "Head with most of the label, the first of equals", "d"),
    ("share", "its share", "Share of the leading head in what all heads have of the label", ".3f"),
    (
        "expected_share",
        "of random nodes",
        "The share of the strongest head, mean over random assignments of nodes to heads",
        ".3f",
    ),
    ("p_value", "p-value", "How often random heads have as large a share, or a larger one", ".3f"),
)
# One row a label.
LABEL_COLUMNS = (
    Quantity("label", "", "No.", "Number of the label", "d"),
    Quantity("name", "", "label", "Name of the label", ""),
    Quantity("nodes", "", "nodes", "Nodes of all heads with the label in a cluster", "d"),
    *(Quantity(key, "", title, f"{hint}; by nodes", form) for key, title, hint, form in _SHARES),
    *(
        Quantity(f"field_{key}", "", f"{title}, fields", f"{hint}; by fields", form)
        for key, title, hint, form in _SHARES
    ),
)
# One row a step.
STEP_COLUMNS = (
    Quantity("step", "", "step", "Epoch of the measurement, counted from 0", "d"),
    *(
        Quantity(f"{prefix}{key}", "", f"{title}{ending}", f"{hint}{ending}", form)
        for prefix, ending in (("", ""), ("field_", ", by fields"))
        for key, title, hint, form in (
            (
                "mean_share",
                "mean share",
                "Share of a label's leading head, mean over labels",
                ".3f",
            ),
            (
                "expected_mean_share",
                "of random nodes",
                "The same where nodes are assigned to heads at random",
                ".3f",
            ),
            (
                "p_value",
                "p-value",
                "How often random heads have as large a mean, or a larger one",
                ".3f",
            ),
        )
    ),
)
