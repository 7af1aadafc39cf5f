/** Notices that the log has changed, by a small question that is put while the tab is in sight. */

import {useEffect} from './html.js';
import {getRevision} from './api.js';

const SOON_MILLISECONDS = 2000; // TensorBoard itself reads new data every five seconds.
const LONGEST_MILLISECONDS = 15000;
const FAILING_MILLISECONDS = 60000; // Between questions to a TensorBoard that has ended.
const GROWTH = 1.25; // Of the wait after each question that brings nothing new.

/**
 * Calls back once the log is no longer of this revision.
 *
 * Nothing is asked while the page is hidden, another of TensorBoard's tabs is chosen, or `revision`
 * is undefined. When the tab comes into sight again, it is asked at once. `null` is the revision of
 * a log that could not be read: any other is news.
 */
export function useNews(revision, onNews) {
  useEffect(() => {
    if (revision === undefined) return undefined;
    let wait = revision === null ? LONGEST_MILLISECONDS : SOON_MILLISECONDS;
    let [timer, controller] = [0, null];
    const stop = () => {
      clearTimeout(timer);
      controller?.abort();
    };
    const later = () => (timer = setTimeout(ask, wait));
    const ask = async () => {
      controller = new AbortController();
      const {signal} = controller;
      try {
        const found = await getRevision(signal);
        if (signal.aborted) return;
        if (found !== revision) return onNews();
        wait = Math.min(wait * GROWTH, LONGEST_MILLISECONDS);
      } catch {
        if (signal.aborted) return;
        wait = Math.min(wait * 2, FAILING_MILLISECONDS);
      }
      later();
    };
    let seen = true;
    later();
    const unwatch = watchSight((inSight) => {
      if (inSight === seen) return;
      seen = inSight;
      stop();
      if (inSight) ask();
    });
    return () => {
      unwatch();
      stop();
    };
  }, [revision]);
}

/** Calls back with whether the tab is in sight, now and whenever that may have changed. */
function watchSight(callback) {
  let within = true; // TensorBoard keeps the frame of a tab left, with no height.
  const report = () =>
    callback(document.visibilityState === 'visible' && window.innerHeight > 0 && within);
  const observer = new IntersectionObserver((entries) => {
    within = entries.at(-1).isIntersecting;
    report();
  });
  observer.observe(document.documentElement);
  document.addEventListener('visibilitychange', report);
  window.addEventListener('resize', report);
  report();
  return () => {
    observer.disconnect();
    document.removeEventListener('visibilitychange', report);
    window.removeEventListener('resize', report);
  };
}
