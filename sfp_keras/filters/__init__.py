"""The science of single-filter performance, in NumPy alone.

`FilterFields` holds what one pass over a data set measures of a stage; `find_clusters` gives its
`FilterClusters`; `layer_statistics`, `label_statistics` and `filter_statistics` summarise those:

```python
fields = FilterFields(features, kernel, label_counts, position_shape=(2, 2))
clusters = find_clusters(fields, threshold=0.3)
print(layer_statistics(clusters))
print(label_statistics(clusters, fields).signal)
```

References:
    Paper 1: Y. Tzach, Y. Meir, O. Tevet, R. D. Gross, S. Hodassman, R. Vardi, I. Kanter, "The
        mechanism underlying successful deep learning", arXiv:2305.18078.
    Paper 2: Y. Meir, Y. Tzach, S. Hodassman, O. Tevet, I. Kanter, "Universality
        of underlying mechanism for successful deep learning", arXiv:2309.07537.
"""

from sfp_keras.filters.attention_heads import (
    HeadShares,
    HeadSpecialization,
    head_specialization,
)
from sfp_keras.filters.bootstrap import Interval, PartMeans, bootstrap_intervals
from sfp_keras.filters.clusters import (
    FilterClusters,
    check_clusters,
    diagonal_labels,
    find_clusters,
)
from sfp_keras.filters.committees import VOTES, CommitteeVotes, committee_votes
from sfp_keras.filters.decisions import (
    FilterDecisions,
    count_decisions,
    decided_labels,
    filter_decisions,
)
from sfp_keras.filters.field_sums import SummedFields, summed_fields
from sfp_keras.filters.fields import FilterFields
from sfp_keras.filters.following import ClusterLives, FollowedClusters, follow_clusters
from sfp_keras.filters.measurement import StageMeasurement
from sfp_keras.filters.negative_filters import as_in_published_code, negative_filters
from sfp_keras.filters.quantities import (
    FILTER_QUANTITIES,
    LABEL_QUANTITIES,
    LAYER_MEASURES,
    LAYER_QUANTITIES,
    STAGE_SIZES,
    filter_values,
    label_values,
    layer_values,
    stage_sizes,
)
from sfp_keras.filters.quantity import Quantity
from sfp_keras.filters.removal import correct_without
from sfp_keras.filters.robustness import Robustness, layer_robustness
from sfp_keras.filters.single_heads import SingleHeadFields, pool_heads_alone
from sfp_keras.filters.statistics import (
    FilterStatistics,
    LabelStatistics,
    LayerStatistics,
    SignalToNoise,
    filter_columns,
    filter_statistics,
    label_statistics,
    layer_statistics,
    signal_to_noise,
)
from sfp_keras.filters.sub_threshold import (
    FieldHistogram,
    SubThresholdFields,
    sub_threshold_fields,
)

__all__ = [
    "FILTER_QUANTITIES",
    "LABEL_QUANTITIES",
    "LAYER_MEASURES",
    "LAYER_QUANTITIES",
    "STAGE_SIZES",
    "VOTES",
    "ClusterLives",
    "CommitteeVotes",
    "FieldHistogram",
    "FilterClusters",
    "FilterDecisions",
    "FilterFields",
    "FilterStatistics",
    "FollowedClusters",
    "HeadShares",
    "HeadSpecialization",
    "Interval",
    "LabelStatistics",
    "LayerStatistics",
    "PartMeans",
    "Quantity",
    "Robustness",
    "SignalToNoise",
    "SingleHeadFields",
    "StageMeasurement",
    "SubThresholdFields",
    "SummedFields",
    "as_in_published_code",
    "bootstrap_intervals",
    "check_clusters",
    "committee_votes",
    "correct_without",
    "count_decisions",
    "decided_labels",
    "diagonal_labels",
    "filter_columns",
    "filter_decisions",
    "filter_statistics",
    "filter_values",
    "find_clusters",
    "follow_clusters",
    "head_specialization",
    "label_statistics",
    "label_values",
    "layer_robustness",
    "layer_statistics",
    "layer_values",
    "negative_filters",
    "pool_heads_alone",
    "signal_to_noise",
    "stage_sizes",
    "sub_threshold_fields",
    "summed_fields",
]
