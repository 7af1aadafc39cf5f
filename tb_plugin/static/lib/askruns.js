/** One route asked for several runs. */

import {getJson} from './api.js';
import {rowsOfRuns} from './errorcolumns.js';

/**
 * What `rowsOfRuns` makes of a route's answers for several runs. A run that cannot be answered for, as
 * one that was deleted meanwhile, has no rows and is named in `notices`; all together fail as the
 * first.
 */
export async function askRuns(route, parameters, signal) {
  const answers = await Promise.allSettled(parameters.map((p) => getJson(route, p, signal)));
  const errors = answers.filter(({reason}) => reason).map(({reason}) => reason);
  const aborted = errors.find(({name}) => name === 'AbortError');
  if (aborted) throw aborted;
  if (errors.length && errors.length === answers.length) throw errors[0];
  const without = ({message}, {run}) => ({rows: [], bars_at: [], notices: [`${run}: ${message}`]});
  return rowsOfRuns(
    answers.map(({value, reason}, i) => value ?? without(reason, parameters[i])),
    parameters,
  );
}
