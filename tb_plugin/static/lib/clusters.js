/** Clusters of labels as lists, as the server gives them. */

/** The labels of the cluster that holds the strongest label, that one first. */
export function mainCluster({labels, strongest}) {
  const found = labels.find((cluster) => cluster.includes(strongest)) ?? labels[0] ?? [];
  const first = found.includes(strongest) ? [strongest] : [];
  return [...first, ...found.filter((label) => label !== strongest)];
}

/** One line a cluster: `Cluster 1: cat, dog`. */
export function nameClusters(clusters, names) {
  if (!clusters.length) return ['No cluster'];
  return clusters.map(
    (cluster, i) => `Cluster ${i + 1}: ${cluster.map((label) => names[label]).join(', ')}`,
  );
}
