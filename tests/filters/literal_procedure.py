"""The papers' procedure written out step by step, to compare with; shares no code with ours."""

from fractions import Fraction


def normalize(matrix):
    """Divide by the maximal element of the matrix; zeros where that is not positive."""
    maximum = max(max(row) for row in matrix)
    if maximum <= 0:
        return [[Fraction(0) for _ in row] for row in matrix]
    return [[Fraction(value) / Fraction(maximum) for value in row] for row in matrix]


def clip(matrix, threshold="0.3"):
    return [[int(value > Fraction(threshold)) for value in row] for row in matrix]


def find_clusters(boolean, order=None, compatible=None, joining_needs_diagonal=True):
    """Walk the diagonal again and again, each walk gathering one cluster."""
    order = range(len(boolean)) if order is None else order
    compatible = compatible or (lambda b, i, j: b[i][j] == 1 and b[j][i] == 1)
    clusters = []
    while True:
        cluster = []
        for label in order:
            if any(label in other for other in clusters):
                continue
            if boolean[label][label] != 1 and (joining_needs_diagonal or not cluster):
                continue
            if all(compatible(boolean, label, member) for member in cluster):
                cluster.append(label)
        if not cluster:
            return clusters
        clusters.append(cluster)


def in_a_block(clusters, i, j):
    return any(i in cluster and j in cluster for cluster in clusters)


def count_noise(boolean, clusters):
    labels = range(len(boolean))
    return sum(
        boolean[i][j] == 1 and not in_a_block(clusters, i, j) for i in labels for j in labels
    )


def permutation(num_labels, clusters):
    clustered = [label for cluster in clusters for label in cluster]
    return clustered + [label for label in range(num_labels) if label not in clustered]


def label_sums(booleans, all_clusters, matrices=None):
    """Signal, internal and external noise of each label, before the division by K-1."""
    if matrices is None:
        matrices = [[[1] * len(b) for _ in b] for b in booleans]
    size = len(booleans[0])
    signal, internal, external = ([0] * size for _ in range(3))
    for boolean, clusters, matrix in zip(booleans, all_clusters, matrices, strict=True):
        for i in range(size):
            for j in range(size):
                if in_a_block(clusters, i, j):
                    (signal if i == j else internal)[i] += matrix[i][j]
                elif boolean[i][j] == 1:
                    external[i] += matrix[i][j]
    return signal, internal, external
