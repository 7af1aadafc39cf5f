/** One filter's clusters over the steps: which labels and which clusters are shown, and how. */

import {seriesStyle} from './colors.js';

const ALL_UP_TO = 40; // Labels of which those that are never in a cluster are shown too.
const COLORS = 5; // Clusters with a colour of their own.

/**
 * What of an answer of the route `followed_filter` is drawn: `{rows, left, colors, clusters}`.
 *
 * `rows` are labels: those of the last step's clusters first, cluster by cluster, then those whose
 * clusters ended last. `left` is how many are left out. `colors` has of each cluster's number a
 * colour, `null` for the grey of the others. `clusters` are those of the last step,
 * `{number, labels, birth, color}`, and `others` how many came and went.
 */
export function livesOf({life, lives}, theme) {
  const last = life.at(-1);
  const labels = last.map((_, label) => label);
  const column = (label) => life.map((at) => at[label]);
  const seen = (label) => column(label).findLastIndex((number) => number >= 0);
  const since = (label) => column(label).findIndex((number) => number >= 0);
  const place = (label) => (last[label] >= 0 ? last[label] : Infinity);
  const ordered = [...labels].sort(
    (a, b) =>
      (place(a) === place(b) ? 0 : place(a) - place(b)) ||
      seen(b) - seen(a) ||
      since(a) - since(b) ||
      a - b,
  );
  const rows = labels.length > ALL_UP_TO ? ordered.filter((label) => seen(label) >= 0) : ordered;
  const elements = new Map(lives.number.map((number) => [number, 0]));
  life.flat().forEach((number) => number >= 0 && elements.set(number, elements.get(number) + 1));
  const final = lives.number.filter((_, i) => lives.birth[i] !== null);
  const others = lives.number
    .filter((number) => !final.includes(number))
    .sort((a, b) => elements.get(b) - elements.get(a));
  const colors = new Map(
    [...final, ...others].map((number, i) => [
      number,
      i < COLORS ? seriesStyle(i, theme).color : null,
    ]),
  );
  const clusters = final.map((number) => ({
    number,
    labels: labels.filter((label) => last[label] === number),
    birth: lives.birth[lives.number.indexOf(number)],
    color: colors.get(number),
  }));
  return {rows, left: labels.length - rows.length, colors, clusters, others: others.length};
}
