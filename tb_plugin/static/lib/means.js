/** Runs of one kind of network together: mean and deviation over them, as over networks' seeds. */

import {count, cutMiddle, sharedStart} from './format.js';

const NAME_LETTERS = 24;

/**
 * Runs sorted into groups whose stages have equal names and sizes and as many labels, measured on
 * images of the same split, as trainings of several seeds have. Each group is a list of runs; the
 * order stays.
 *
 * @param {object[]} runs
 * @param {object[]} rows of all runs, each with its `run`.
 */
export function groupsOf(runs, rows) {
  const groups = new Map();
  for (const run of runs) {
    const stages = run.stages.map(({stage, filters, positions}) => [stage, filters, positions]);
    const split = rows.find((row) => row.run === run.run)?.split;
    const alike = JSON.stringify([run.phase, split, run.labels.length, stages]);
    groups.set(alike, [...(groups.get(alike) ?? []), run]);
  }
  return [...groups.values()];
}

/** What names have in common, with dots where they differ; empty if that is nothing. */
function commonName(names) {
  const letters = names.map((name) => [...name]);
  const start = sharedStart(letters);
  const end = sharedStart(letters.map((of) => of.slice(start).reverse()));
  if (!start && !end) return '';
  const [first] = letters;
  const parts = [first.slice(0, start), first.slice(first.length - end)];
  return cutMiddle(parts.map((part) => part.join('')).join('…'), NAME_LETTERS);
}

/** A group's name, of those of its runs: what they have in common and how many they are. */
function groupName(names) {
  if (names.length === 1) return names[0];
  return [commonName(names), count(names.length, 'run')].filter(Boolean).join(', ');
}

/**
 * What is shown of each group: `run`, the name of its first, `name`, no two alike, and `rows`, those
 * of its run or, of several, their means; `title` names these.
 *
 * @param {object[][]} groups of runs.
 * @param {object[]} rows of all runs, each with its `run`.
 * @param {string[]} keys the numbers to be averaged.
 * @param {Map<string, string>} short names of runs.
 */
export function rowsOfGroups(groups, rows, keys, short) {
  const namesOf = groups.map((group) => group.map(({run}) => short.get(run)));
  const called = namesOf.map(groupName);
  return groups.map((group, i) => {
    const [{run}] = group;
    const [first, ...others] = namesOf[i];
    if (!others.length) return {run, name: first, rows: rows.filter((row) => row.run === run)};
    const alone = called.filter((name) => name === called[i]).length === 1;
    const name = alone ? called[i] : `${first} and ${others.length} more`;
    const title = `Mean of ${namesOf[i].join(', ')}`;
    return {run, name, title, rows: meanRows(rows, group, keys)};
  });
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
