/** Hooks that load something again when what it depends on changes, and know what is late. */

import {useCallback, useEffect, useState} from './html.js';

const NOTHING = {data: null, error: null, busy: true, key: null, scope: null};

/**
 * Loads and gives `{data, error, busy, retry}`.
 *
 * While a new answer is awaited the old one stays, so that sliders do not make the picture flash;
 * where `scope` differs (another run or stage) it goes at once. Stale requests are aborted.
 *
 * @param {string} key names what is loaded; `null` loads nothing.
 * @param {function(AbortSignal): Promise} load
 * @param {string} scope within which an old answer may stand in for the new one.
 */
export function useResource(key, load, scope = '') {
  const [result, setResult] = useState(NOTHING);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (key === null) return undefined;
    const controller = new AbortController();
    const finish = (data, error) => {
      if (!controller.signal.aborted) setResult({data, error, busy: false, key, scope});
    };
    load(controller.signal).then(
      (data) => finish(data, null),
      (error) => finish(null, error),
    );
    return () => controller.abort();
  }, [key, attempt]);
  const retry = useCallback(() => {
    setResult(NOTHING);
    setAttempt((n) => n + 1);
  }, []);
  const busy = key !== null && result.key !== key;
  if (result.scope !== scope) return {data: null, error: null, busy: key !== null, retry};
  return {data: result.data, error: busy ? null : result.error, busy, retry};
}

/** Whether something has been awaited for longer than one should show nothing. */
export function useLate(awaited, milliseconds) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (!awaited) return undefined;
    const timer = setTimeout(() => setLate(true), milliseconds);
    return () => clearTimeout(timer);
  }, [awaited]);
  return awaited && late;
}
