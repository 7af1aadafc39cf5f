/** How the clusters of a filter differ between two measurements. */

/** What filters may be sorted by: key and text. */
export const ORDERS = [
  ['change', 'Change'],
  ['filter', 'Number'],
  ['shared', 'Shared clusters'],
  ['gained', 'Labels gained'],
  ['lost', 'Labels lost'],
  ['noise_change', 'Noise gained'],
];

/**
 * Compares two lists of clusters, each a list of labels.
 *
 * @returns {{change: number, shared: number, kept: number[], gained: number[], lost: number[]}}
 *   `change` is the share of the elements in cluster blocks of either that are not in blocks of
 *   both: 0 where clusters are the same, 1 where no label of a cluster is in one of the other.
 *   `shared` counts clusters with the same labels in both; `kept`, `gained` and `lost` are labels
 *   in clusters of both, of the second and of the first alone, ascending.
 */
export function compareClusters(first, second) {
  const [inFirst, inSecond] = [clusterOfLabels(first), clusterOfLabels(second)];
  const together = new Map(); // Labels by the pair of their clusters.
  const [kept, lost] = [[], []];
  for (const [label, cluster] of inFirst) {
    const other = inSecond.get(label);
    if (other === undefined) lost.push(label);
    else {
      kept.push(label);
      const pair = `${cluster} ${other}`;
      together.set(pair, (together.get(pair) ?? 0) + 1);
    }
  }
  const gained = [...inSecond.keys()].filter((label) => !inFirst.has(label));
  const both = sumOfSquares([...together.values()]);
  const either = sumOfSquares(first.map(sizeOf)) + sumOfSquares(second.map(sizeOf)) - both;
  const shared = [...together].filter(([pair, size]) => {
    const [cluster, other] = pair.split(' ');
    return first[cluster].length === size && second[other].length === size;
  });
  const ascending = (labels) => labels.sort((a, b) => a - b);
  return {
    change: either ? 1 - both / either : 0,
    shared: shared.length,
    kept: ascending(kept),
    gained: ascending(gained),
    lost: ascending(lost),
  };
}

/** An order of labels for both: clusters of the first, other clustered labels, the rest. */
export function commonOrder(first, second, labels) {
  const clustered = [...new Set([...first.flat(), ...second.flat()])];
  const seen = new Set(clustered);
  const rest = Array.from({length: labels}, (_, label) => label).filter((l) => !seen.has(l));
  return {order: [...clustered, ...rest], clustered: clustered.length};
}

/** The number of each label's cluster. */
export function clusterOfLabels(clusters) {
  return new Map(clusters.flatMap((labels, c) => labels.map((label) => [label, c])));
}

const sizeOf = (labels) => labels.length;
const sumOfSquares = (numbers) => numbers.reduce((sum, n) => sum + n * n, 0);
