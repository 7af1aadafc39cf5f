/** How sure the numbers of stages are: what rows of the routes `stages` and `curves` have of it. */

import {count} from './format.js';

// What a row has beside its numbers, as the route says.
const COLUMN = /_(error|low|high|mean|std|shuffled)$|^(shuffled_)?seeds$|^runs$/;

/** What these routes answer for several runs: all rows, each with its `run`, `barsAt`, `notices`. */
export function rowsOfRuns(answers, parameters) {
  const rows = answers.flatMap((answer, i) =>
    answer.rows.map((row) => ({run: parameters[i].run, ...row})),
  );
  const barsAt = [...new Set(answers.flatMap((answer) => answer.bars_at))].sort((a, b) => a - b);
  return {rows, barsAt, notices: answers.flatMap((answer) => answer.notices)};
}

/** The columns of files: these, and those of errors that some rows have. */
export function withErrors(keys, rows) {
  const there = new Set(rows.flatMap((row) => Object.keys(row)));
  return [...keys, ...[...there].filter((key) => COLUMN.test(key) && !keys.includes(key))];
}

/** What some rows know of errors: `{images, heads, shuffled, runs}`; `heads` and `runs` are numbers. */
export function known(rows) {
  return {
    images: rows.some((row) => Object.keys(row).some((key) => key.endsWith('_error'))),
    heads: Math.max(0, ...rows.map((row) => row.seeds ?? 0)),
    shuffled: rows.some((row) => row.shuffled_seeds),
    runs: Math.max(0, ...rows.map((row) => row.runs ?? 0)),
  };
}

/**
 * The rows, each with those of its other heads behind it: `reference` says which, and numbers that
 * are means have their standard deviation for an error.
 */
export function withReferences(rows) {
  return rows.flatMap((row) => [
    row,
    ...(row.seeds ? [reference(row, `${count(row.seeds, 'head')}, mean ± deviation`, 'mean')] : []),
    ...(row.shuffled_seeds ? [reference(row, 'shuffled labels', 'shuffled')] : []),
  ]);
}

function reference(row, name, which) {
  const found = {...row, reference: name};
  for (const key of Object.keys(row)) {
    if (!key.endsWith(`_${which}`)) continue;
    const number = key.slice(0, -which.length - 1);
    found[number] = row[key];
    found[`${number}_error`] = which === 'mean' ? row[`${number}_std`] : undefined;
  }
  return found;
}

/** The standard error of a row's number; of a mean over runs their standard deviation. */
export const errorOf = (row, key) => row[`${key}_${row.runs ? 'std' : 'error'}`];

/** What a chart draws of a number's errors: ends of bars and of a band, see chart.js. */
export function barsOf(rows, key) {
  const of = (name) => rows.map((row) => row[`${key}_${name}`]);
  const has = (values) => values.some((value) => value !== undefined && value !== null);
  const [low, high, std] = ['low', 'high', 'std'].map(of);
  const mean = rows.map((row) => row[row.runs ? key : `${key}_mean`]);
  const ends = (sign) => mean.map((m, i) => (isNumber(std[i]) ? m + sign * std[i] : null));
  return {
    errors: rows.map((row) => errorOf(row, key)),
    ...(has(low) && {bars: {low, high}}),
    ...(has(std) && {band: {low: ends(-1), high: ends(1)}}),
  };
}

const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);
