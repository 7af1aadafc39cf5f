/** What all parts of the tab know, and hooks over it. */

import {createContext, useContext, useEffect, useLayoutEffect, useRef} from './html.js';
import {COMPUTING, offer, withdraw} from './export.js';

/**
 * `{state, update, theme, version, runs, chosen, notices, columns}`: see state.js for `state` and
 * `chosen`, columns.js for `columns`; `notices` are what is wrong with the log.
 */
export const Shared = createContext(null);

/** The parameters of a route about one stage at one step, and the key they make. */
export function useStageParameters() {
  const {chosen, version} = useContext(Shared);
  const parameters = {
    run: chosen.run.run,
    stage: chosen.stage.stage,
    step: chosen.step,
    threshold: chosen.threshold,
  };
  const scope = JSON.stringify([parameters.run, parameters.stage]);
  return {parameters, scope, key: JSON.stringify([parameters, version])};
}

/** Whether what is shown inside answers an earlier choice; see `Await`. */
export const Outdated = createContext(false);

/**
 * Offers what a view shows for export, for as long as it is shown; `null` for nothing.
 *
 * Names and headings say what is chosen, so nothing is offered while what is shown answers an
 * earlier choice, or where `known` is false.
 */
export function useOffer(offered, known = true) {
  const outdated = useContext(Outdated);
  const held = outdated || !known;
  const last = useRef(null);
  const put = (what) => offer((last.current = what));
  // Held back before the next click can come, put only when the charts below are drawn.
  useLayoutEffect(() => {
    if (held) put(COMPUTING);
    else if (offered?.picture === null) put(offered);
  });
  useEffect(() => {
    if (!held) put(offered);
  });
  useEffect(() => () => withdraw(last.current), []);
}
