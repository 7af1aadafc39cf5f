/** The filters of a stage with their numbers, in the order chosen; gallery and detail share it. */

import {useContext, useMemo} from './html.js';
import {getJson} from './api.js';
import {useResource} from './resource.js';
import {Shared, useStageParameters} from './shared.js';
import {sortRows} from './table.js';

const KEYS = ['noise', 'clusters', 'cluster_size', 'maximum', 'dead', 'clustered_labels'];

/** Columns of the list as a table. */
export const FILTER_COLUMNS = ['filter', ...KEYS];

export const SORTS = {
  number: 'Number',
  noise: 'Noise n',
  clusters: 'Number of clusters',
  cluster_size: 'Size of clusters',
  maximum: 'Largest field',
};

/**
 * A resource of rows `{filter, noise, clusters, cluster_size, maximum, dead, clustered_labels}`,
 * with the `step` they were measured at.
 */
export function useFilterList() {
  const {state, chosen} = useContext(Shared);
  const {parameters, key, scope} = useStageParameters();
  const label = chosen.label ?? undefined;
  const list = useResource(
    JSON.stringify([key, label]),
    async (signal) => toRows(await getJson('filters', {...parameters, label}, signal)),
    scope,
  );
  const {sort, descending} = state;
  const data = useMemo(
    () => list.data && order(list.data.rows, sort, descending),
    [list.data, sort, descending],
  );
  return {...list, data, step: list.data?.step};
}

function toRows({step, filters, ...columns}) {
  const rows = filters.map((filter, i) => ({
    filter,
    ...Object.fromEntries(KEYS.map((key) => [key, columns[key]?.[i] ?? null])),
  }));
  return {step, rows};
}

/** Dead filters, which have nothing to show, stand last unless sorted by number. */
function order(rows, sort, descending) {
  if (sort === 'number') return sortRows(rows, 'filter', descending);
  const sorted = sortRows(rows, sort, descending);
  return [...sorted.filter((row) => !row.dead), ...sorted.filter((row) => row.dead)];
}
