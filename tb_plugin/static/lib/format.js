/** Numbers and names as text. */

const LONG_START = 12; // Characters.

/** A number as the papers print it; infinity as ∞, undefined as an en dash. */
export function formatNumber(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (value === Infinity) return '∞';
  if (value === -Infinity) return '−∞';
  if (typeof value !== 'number') return String(value);
  if (Number.isInteger(value)) return minus(String(value));
  const size = Math.abs(value);
  if (size >= 1e6 || size < 5e-4) return minus(value.toExponential(2));
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
  return minus(value.toFixed(digits));
}

/**
 * A value in a format of Python's, `.2f`, `.4g` or `d`; with fewer digits behind the point where
 * there are many before it, and as a power of ten where it would be printed as zero.
 */
export function formatAs(value, format) {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'number' || !Number.isFinite(value) || !format) return formatNumber(value);
  // The mean of counts.
  if (format.endsWith('d') && !Number.isInteger(value)) return formatNumber(value);
  const digits = Number(format.match(/\.(\d+)/)?.[1] ?? 0);
  if (format.endsWith('g')) return minus(String(Number(value.toPrecision(digits || 6))));
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 0.5 * 10 ** -digits)) return minus(value.toExponential(2));
  return minus(value.toFixed(size >= 1000 ? 0 : size >= 100 ? Math.min(1, digits) : digits));
}

/**
 * The standard error of a number that is printed as `text`: in its digits, one at least; empty where
 * it is not known, or zero of a whole number.
 */
export function formatError(error, text) {
  if (typeof error !== 'number' || !Number.isFinite(error)) return '';
  if (text.includes('e')) return minus(error.toExponential(0));
  const digits = text.split('.')[1]?.length ?? 0;
  if (!error && !digits) return '';
  const shown = error.toFixed(digits);
  return Number(shown) || !error ? shown : String(Number(error.toPrecision(1)));
}

const minus = (text) => text.replace('-', '−').replace('e+', 'e');

/** Full precision, for files. */
export function exactNumber(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '';
  return String(value).replace('Infinity', 'inf');
}

// Characters that move or hide those around them: line breaks, changes of direction.
const UNSEEN = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu;

/** A label's name in one line, its number where it has none. */
export function labelName(name, number) {
  return name.replace(UNSEEN, ' ').trim() || `No. ${number}`;
}

/** A word with a capital letter. */
export const capital = (text) => text[0].toUpperCase() + text.slice(1);

/** `1 filter`, `2 filters`. */
export function count(number, noun) {
  return `${number} ${number === 1 ? noun : plural(noun)}`;
}

/** `filters`, `branches`. */
export const plural = (noun) => `${noun}${noun.endsWith('ch') ? 'es' : 's'}`;

/** What is shown, as the heading of an exported picture. */
export function describeChoice({run, stage, step, threshold}) {
  return `${run.run}, ${stage.stage}, step ${step}, threshold ${threshold}`;
}

/** `2×2 outputs a filter` and the like. */
export function describeStage(stage) {
  const shape = stage.positions.length ? `, ${stage.positions.join('×')} each` : '';
  return `${stage.stage} · ${count(stage.filters, stage.kind)}${shape}`;
}

/** Names of runs without the folders that all share, in front and `events` in the middle. */
export function shortRunNames(runs) {
  const folders = runs.map((run) =>
    run.run.split('/').filter((f, i, all) => f !== 'events' || all.length === 1),
  );
  const shared = runs.length > 1 ? sharedStart(folders.map((f) => f.slice(0, -1))) : 0;
  const names = withoutSharedStart(folders.map((f) => f.slice(shared).join('/')));
  const unique = new Set(names).size === names.length;
  return new Map(runs.map((run, at) => [run.run, unique ? names[at] : run.run]));
}

/** Names in so many characters: what all share goes first, then what is in the middle. */
export function shortNames(names, room) {
  const apart = withoutSharedEnd(withoutSharedStart(names));
  return apart.map((name) => cutMiddle(name, room));
}

/** A name in so many characters, cut in the middle: names mostly differ at their ends. */
export function cutMiddle(name, room) {
  const letters = [...name];
  if (letters.length <= room) return name;
  const end = Math.ceil((room - 1) * 0.6);
  return `${letters.slice(0, room - 1 - end).join('')}…${letters.slice(-end).join('')}`;
}

function withoutSharedEnd(names) {
  const turned = names.map((name) => [...name].reverse().join(''));
  return withoutSharedStart(turned).map((name) => [...name].reverse().join(''));
}

/** How many of the first elements all lists, or characters all names, have in common. */
export function sharedStart(lists) {
  let shared = 0;
  while (lists.every((list) => shared < list.length && list[shared] === lists[0][shared])) shared++;
  return shared;
}

/** Long names differ at their ends, which is what has to be seen where there is little room. */
function withoutSharedStart(names) {
  let shared = names.length > 1 ? sharedStart(names) : 0;
  while (shared > 0 && /[^-_./ ]/.test(names[0][shared - 1])) shared--;
  return shared < LONG_START ? names : names.map((name) => `…${name.slice(shared)}`);
}

/** A tick of an axis. */
export function formatTick(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return minus(value.toExponential(0));
  return minus(String(Number(value.toPrecision(6))));
}
