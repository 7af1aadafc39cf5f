/** What all parts of the tab know, and hooks over it. */

import {createContext, useContext, useEffect} from './html.js';
import {offer} from './export.js';

/** `{state, update, theme, version, runs, chosen}`; see state.js for `state` and `chosen`. */
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

/** Offers what a view shows for export, for as long as it is shown; `null` for nothing. */
export function useOffer(offered) {
  useEffect(() => {
    offer.current = offered;
    return () => {
      if (offer.current === offered) offer.current = null;
    };
  });
}
