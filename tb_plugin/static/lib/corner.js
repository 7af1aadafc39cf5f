/** How much of each matrix the gallery shows: the papers' enlarged corner where the whole is fine. */

const WHOLE_UP_TO = 40; // Labels.
const CORNERS = [16, 32, 64, 128];
const AUTOMATIC = [27, 48, 64, 96, 128];
const MOST = 0.9; // Share of the filters whose clusters the corner has to hold,
const ROOM = 1.15; // with some of what is around them.

/** Labels shown of K. `rows` are the filters' numbers as far as known. */
export function cornerOf(choice, labels, rows) {
  if (choice !== 'auto') return Math.min(labels, Number(choice));
  if (labels <= WHOLE_UP_TO) return labels;
  const sizes = (rows ?? []).map((row) => row.clustered_labels ?? 0).filter((n) => n > 0);
  const needed = ROOM * (sizes.sort((a, b) => a - b)[Math.floor(MOST * sizes.length)] ?? 0);
  return Math.min(labels, AUTOMATIC.find((n) => n >= needed) ?? AUTOMATIC.at(-1));
}

/** The choices of how much to show: [value, text]. */
export function cornerChoices(labels, rows) {
  const automatic = cornerName(cornerOf('auto', labels, rows), labels);
  const smaller = CORNERS.filter((n) => n < labels).map((n) => [String(n), cornerName(n, labels)]);
  const whole = labels > WHOLE_UP_TO && labels <= 128 ? [['128', 'Whole matrix']] : [];
  const auto = ['auto', labels > WHOLE_UP_TO ? `Auto: ${automatic.toLowerCase()}` : automatic];
  return [auto, ...smaller, ...whole];
}

/** `first 27 labels` or `whole matrix`. */
export function cornerName(corner, labels) {
  return corner < labels ? `First ${corner} labels` : 'Whole matrix';
}
