/** Our own texts about filters, in the words for what these are: filters, nodes, heads or branches. */

import {capital, plural} from './format.js';

/** What the filters of a stage can be. */
export const KINDS = ['filter', 'node', 'head', 'branch'];

/** What the filters of several stages are; `filter` where they differ. */
export function commonKind(stages) {
  const kinds = new Set(stages.map(({kind}) => kind));
  return kinds.size === 1 ? [...kinds][0] : 'filter';
}

/** `3 filters` as `3 nodes`. Not for names that come with the log. */
export function ofKind(text, kind) {
  if (kind === 'filter') return text;
  // The papers' N_f is the number of filters.
  return text.replace(/\b([Ff])ilter(s?)(?: N_f)?\b/g, (_, letter, more) => {
    const word = more ? plural(kind) : kind;
    return letter === 'F' ? capital(word) : word;
  });
}

/** What the filters of a row's stage are; a row names its `run` and `stage`. */
export function kindOfRow(runs, row) {
  const run = runs.find((one) => one.run === row.run);
  return run?.stages.find((stage) => stage.stage === row.stage)?.kind ?? 'filter';
}
