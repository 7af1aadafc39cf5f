/** Runs of one kind of network together: mean and deviation over them, as over networks' seeds. */

import {count, cutMiddle} from './format.js';

const NAME_LETTERS = 24;

/**
 * Runs sorted into groups whose stages have equal names and sizes and as many labels, as trainings
 * of several seeds have. Each group is a list of runs; the order stays.
 */
export function groupsOf(runs) {
  const groups = new Map();
  for (const run of runs) {
    const stages = run.stages.map(({stage, filters, positions}) => [stage, filters, positions]);
    const alike = JSON.stringify([run.phase, run.labels.length, stages]);
    groups.set(alike, [...(groups.get(alike) ?? []), run]);
  }
  return [...groups.values()];
}

/** What names have in common, with dots where they differ; empty if that is nothing. */
function commonName(names) {
  const least = Math.min(...names.map((name) => name.length));
  const same = (at) => names.every((name) => name.at(at) === names[0].at(at));
  let start = 0;
  while (start < least && same(start)) start++;
  let end = 0;
  while (end < least - start && same(-1 - end)) end++;
  if (!start && !end) return '';
  const parts = [names[0].slice(0, start), names[0].slice(names[0].length - end)];
  return cutMiddle(parts.join('…'), NAME_LETTERS);
}

/**
 * What is shown of a group: `run`, the name of its first, `name`, and `rows`, those of its run or, of
 * several, their means; `title` names these.
 *
 * @param {object[]} group runs.
 * @param {object[]} rows of all runs, each with its `run`.
 * @param {string[]} keys the numbers to be averaged.
 * @param {Map<string, string>} short names of runs.
 */
export function rowsOfGroup(group, rows, keys, short) {
  const [{run}] = group;
  if (group.length === 1)
    return {run, name: short.get(run), rows: rows.filter((row) => row.run === run)};
  const names = group.map((one) => short.get(one.run));
  const name = [commonName(names), count(names.length, 'run')].filter(Boolean).join(', ');
  return {run, name, title: `Mean of ${names.join(', ')}`, rows: meanRows(rows, group, keys)};
}

/**
 * One row a stage that all runs have measured, in the order of the first run's: of every number in
 * `keys` the mean over the runs and `<key>_std`, the standard deviation of a sample; `runs` is how many
 * they are. A number that some run lacks is missing, one that is infinite in some run has no deviation.
 */
function meanRows(rows, group, keys) {
  const [first, ...others] = group.map(({run}) => rows.filter((row) => row.run === run));
  return first.flatMap((row) => {
    const same = others.map((of) => of.find(({stage}) => stage === row.stage));
    return same.includes(undefined) ? [] : [meanRow([row, ...same], keys)];
  });
}

function meanRow(rows, keys) {
  const [{run, stage, depth, split, threshold}] = rows;
  const found = {run, stage, depth, split, threshold, runs: rows.length};
  for (const key of keys) {
    const values = rows.map((row) => row[key]);
    const [mean, deviation] = values.every((v) => typeof v === 'number') ? spread(values) : [];
    found[key] = mean ?? null;
    if (deviation !== undefined) found[`${key}_std`] = deviation;
  }
  return found;
}

function spread(values) {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  if (!Number.isFinite(mean)) return [mean];
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return [mean, Math.sqrt(squares / (values.length - 1))];
}
