/** The filters of a stage with their numbers, in the order chosen; gallery and detail share it. */

import {useContext, useMemo} from './html.js';
import {getJson} from './api.js';
import {useResource} from './resource.js';
import {Shared, useStageParameters} from './shared.js';
import {sortRows} from '../components/table.js';

const USUAL = 'strongest';

/** The column the list is sorted by, and what it may be sorted by, by name in the address. */
export function useSorting() {
  const {state, columns} = useContext(Shared);
  const choices = new Map(
    columns.filters
      .filter((column) => column.numeric)
      .map((column) => [column.key === 'filter' ? 'number' : column.key, column]),
  );
  const sort = choices.has(state.sort) ? state.sort : USUAL;
  return {sort, choices, column: choices.get(sort)};
}

/** A resource of one row a filter, by the columns' keys, with the `step` they were measured at. */
export function useFilterList() {
  const {state, chosen, columns} = useContext(Shared);
  const {column} = useSorting();
  const {parameters, key, scope} = useStageParameters();
  const label = chosen.label ?? undefined;
  const list = useResource(
    JSON.stringify([key, label]),
    async (signal) => toRows(await getJson('filters', {...parameters, label}, signal), columns.filters),
    scope,
  );
  const {descending} = state;
  const data = useMemo(
    () => list.data && order(list.data.rows, column.key, descending),
    [list.data, column.key, descending],
  );
  return {...list, data, step: list.data?.step};
}

function toRows({step, filters, ...values}, columns) {
  const rows = filters.map((filter, i) => ({
    ...Object.fromEntries(columns.map(({key}) => [key, values[key]?.[i] ?? null])),
    filter,
  }));
  return {step, rows};
}

/**
 * Dead filters, which have nothing to show, stand last unless sorted by number. Of those alike in
 * what they are sorted by, as of one label, that of least noise comes first.
 */
function order(rows, key, descending) {
  const sorted = sortRows(sortRows(rows, 'noise', false), key, descending);
  if (key === 'filter') return sorted;
  return [...sorted.filter((row) => !row.dead), ...sorted.filter((row) => row.dead)];
}
