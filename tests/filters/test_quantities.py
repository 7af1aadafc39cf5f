"""The contract of every quantity: it is explained, and its values equal its definition."""

import literal_procedure as literal
import numpy as np
import pytest

import sfp_keras
from sfp_keras.filters import (
    FILTER_QUANTITIES,
    LABEL_QUANTITIES,
    LAYER_QUANTITIES,
    FilterFields,
    FilterStatistics,
    filter_columns,
    filter_statistics,
    filter_values,
    find_clusters,
    label_statistics,
    label_values,
    layer_statistics,
    layer_values,
)
from sfp_keras.filters.quantity import quantity as declare

LISTS = {"layer": LAYER_QUANTITIES, "label": LABEL_QUANTITIES, "filter": FILTER_QUANTITIES}
EVERY = [
    pytest.param(one, id=f"{kind}-{one.key}") for kind, listed in LISTS.items() for one in listed
]


@pytest.mark.parametrize("quantity", EVERY)
def test_every_quantity_can_be_shown_and_explained(quantity):
    assert quantity.key.isidentifier()
    assert quantity.title == quantity.title.strip() != ""
    assert quantity.heading
    assert quantity.hint[0].isupper()
    assert not quantity.hint.endswith((".", " "))
    assert quantity.hint in quantity.explanation
    assert quantity.source in quantity.explanation
    if quantity.numeric:
        assert format(1, quantity.format)
        assert float(format(12.5, quantity.format.replace("d", "f"))) == pytest.approx(12.5, abs=1)


def test_a_declaration_that_will_not_do_is_refused(monkeypatch):
    with pytest.raises(ValueError, match=r"quantity 'size': format '\.3q'"):
        declare("size", "Something", ".3q")
    with pytest.raises(TypeError, match="of_field"):
        declare("size", "Something", ".3f", of_field=len)
    maximum = FilterStatistics.__dataclass_fields__["maximum"]
    wrong = {**maximum.metadata, "of_fields": lambda fields: np.zeros(3)}
    monkeypatch.setattr(maximum, "metadata", wrong)
    fields = FilterFields(np.ones((4, 1, 5)), np.ones((1, 5, 4)), np.ones(4, int), ())
    with pytest.raises(TypeError, match=r"`maximum` has shape \(3,\), it must be \(5,\)"):
        filter_columns(fields)


def test_headings_are_title_and_symbol_or_a_symbol_that_is_a_word():
    headings = {one.key: one.heading for one in LAYER_QUANTITIES}
    assert headings["noise"] == "noise n"
    assert headings["clusters"] == "clusters N_c"
    assert headings["snr_external"] == "SNR_E"
    assert headings["accuracy"] == "accuracy"


@pytest.mark.parametrize("listed", LISTS.values(), ids=LISTS)
def test_keys_and_headings_tell_quantities_apart(listed):
    assert len({one.key for one in listed}) == len(listed)
    assert len({one.heading for one in listed}) == len(listed)


def test_columns_of_the_csv_files_keep_their_order():
    assert [one.key for one in LAYER_QUANTITIES] == [
        *("filters", "outputs_per_filter", "fc_inputs", "accuracy", "noise", "noise_clustered"),
        *("clusters", "cluster_size", "signal", "noise_internal", "noise_external"),
        *("snr_internal", "snr_external", "dead_filters", "zero_signal_labels"),
    ]
    assert [one.key for one in LABEL_QUANTITIES] == [
        *("accuracy", "appearances", "signal", "noise_internal", "noise_external"),
        *("field_signal", "field_noise_internal", "field_noise_external"),
    ]
    assert [one.key for one in FILTER_QUANTITIES][:7] == [
        *("noise", "clusters", "cluster_size", "labels", "maximum", "dead", "selectivity"),
    ]


def literal_selectivity(features, f):
    """Of a worked example all of whose activations are positive."""
    means = [sum(label[p][f] for p in range(len(label))) / len(label) for label in features]
    rest = sorted(means)[:-1]
    rest = sum(rest) / len(rest)
    return (max(means) - rest) / (max(means) + rest)


# The definition of each statistic of a filter: of the example, and of one filter's matrix,
# Boolean matrix and clusters.
OF_FILTER = {
    "noise": lambda case, f, matrix, boolean, found: literal.count_noise(boolean, found),
    "clusters": lambda case, f, matrix, boolean, found: len(found),
    "cluster_size": lambda case, f, matrix, boolean, found: (
        sum(map(len, found)) / len(found) if found else np.nan
    ),
    "labels": lambda case, f, matrix, boolean, found: found,
    "maximum": lambda case, f, matrix, boolean, found: max(map(max, matrix)),
    "dead": lambda case, f, matrix, boolean, found: not any(map(any, boolean)),
    "selectivity": lambda case, f, matrix, boolean, found: literal_selectivity(case["features"], f),
}


@pytest.mark.parametrize("quantity", FILTER_QUANTITIES, ids=lambda one: one.key)
def test_every_statistic_of_filters_equals_its_definition(quantity, case_1, case_1_fields):
    assert quantity.key in OF_FILTER, "write its definition above, in plain Python"
    found = filter_values(filter_statistics(find_clusters(case_1_fields), case_1_fields))
    assert len(found[quantity.key]) == case_1_fields.num_filters
    for f, matrix in enumerate(case_1["matrix"]):
        boolean = literal.clip(literal.normalize(matrix))
        clusters = literal.find_clusters(boolean)
        expected = OF_FILTER[quantity.key](case_1, f, matrix, boolean, clusters)
        np.testing.assert_allclose(
            np.ravel(_flat(found[quantity.key][f])), np.ravel(_flat(expected)), rtol=1e-6
        )


def _flat(value):
    """Clusters as one row of numbers, a mark between them; anything else as it is."""
    return [n for cluster in value for n in (*cluster, -1)] if isinstance(value, list) else value


@pytest.mark.parametrize("quantity", LAYER_QUANTITIES, ids=lambda one: one.key)
def test_every_statistic_of_layers_equals_its_definition(quantity, case_1, case_1_fields):
    clusters = find_clusters(case_1_fields)
    found = layer_values(layer_statistics(clusters), case_1_fields.num_positions, 0.75)
    noise, dead = np.array(case_1["noise"]), case_1["dead_filters"]
    expected = {
        **{"filters": 3, "outputs_per_filter": 2, "fc_inputs": 6, "accuracy": 0.75},
        **case_1["layer"],
        **case_1["equations"],
        **{"dead_filters": dead, "zero_signal_labels": 0},
    }
    assert noise.mean() == expected["noise"]
    assert found[quantity.key] == pytest.approx(expected[quantity.key], rel=1e-12)


@pytest.mark.parametrize("quantity", LABEL_QUANTITIES, ids=lambda one: one.key)
def test_every_statistic_of_labels_equals_its_definition(quantity, case_1, case_1_fields):
    accuracy = np.array([1, 0.5, 0.25, 0])
    statistics = label_statistics(find_clusters(case_1_fields), case_1_fields)
    found = label_values(statistics, accuracy)
    fields = case_1["fields_accumulated"]
    expected = {
        "accuracy": accuracy,
        "appearances": case_1["signal"],
        "signal": case_1["signal"],
        "noise_internal": np.array(case_1["noise_internal_times_3"]) / 3,
        "noise_external": np.array(case_1["noise_external_times_3"]) / 3,
        "field_signal": fields["signal"],
        "field_noise_internal": np.array(fields["noise_internal_times_3"]) / 3,
        "field_noise_external": np.array(fields["noise_external_times_3"]) / 3,
    }
    np.testing.assert_allclose(found[quantity.key], expected[quantity.key], rtol=1e-12)


def test_what_follows_from_fields_is_none_without_them(case_1_fields):
    clusters = find_clusters(case_1_fields)
    alone = sfp_keras.filter_statistics(clusters)
    assert isinstance(alone, sfp_keras.FilterStatistics)
    assert alone.maximum is alone.selectivity is None
    assert alone.noise.tolist() == clusters.noise.tolist()
    together = {**filter_columns(clusters), **filter_columns(case_1_fields)}
    assert set(together) == {one.key for one in FILTER_QUANTITIES}
    assert list(filter_columns(clusters, keys=["noise", "maximum"])) == ["noise"]


def test_dead_filters_are_those_whose_largest_field_is_not_positive():
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((1, 6, 4))
    kernel[:, [0, 4]] *= np.sign(-kernel[:, [0, 4]])
    kernel[:, 5] = 0
    fields = FilterFields(rng.random((4, 1, 6)), kernel, np.ones(4, int), ())
    found = filter_statistics(find_clusters(fields), fields)
    assert found.dead.tolist() == (found.maximum <= 0).tolist()
    assert found.dead[[0, 4, 5]].all()


def test_the_documentation_explains_every_field():
    for one in FILTER_QUANTITIES:
        assert f"    {one.key}: {one.hint}" in FilterStatistics.__doc__
