/**
 * When the server may be asked again.
 *
 * It goes on computing answers that nobody waits for any more. So a question like one just given up
 * waits until that would be answered. One that is known to take long, or not known at all, waits until
 * the slider rests.
 */

const LONG_MILLISECONDS = 600;
const FORGETTING = 0.7; // An answer the server had kept says little about the next.

const routes = new Map();

/** What is known of a kind of question, in milliseconds. */
function known(kind) {
  if (!routes.has(kind)) routes.set(kind, {took: 0, busyUntil: 0, unanswered: false});
  return routes.get(kind);
}

/** Waits as long as needed; fails as `fetch` does when `signal` gives up first. */
export function rest(kind, signal) {
  const {took, busyUntil, unanswered} = known(kind);
  const slow = unanswered || took > LONG_MILLISECONDS;
  const wait = slow ? LONG_MILLISECONDS : busyUntil - performance.now();
  if (wait <= 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, wait);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/** Notes that a question is put. Gives what to call when it is answered. */
export function begin(kind, signal) {
  const route = known(kind);
  const start = performance.now();
  const givenUp = () => {
    const passed = performance.now() - start;
    if (passed >= route.took) route.unanswered = true;
    else route.busyUntil = start + route.took;
  };
  signal?.addEventListener('abort', givenUp, {once: true});
  return () => {
    signal?.removeEventListener('abort', givenUp);
    route.took = Math.max(performance.now() - start, FORGETTING * route.took);
    route.unanswered = false;
  };
}
