/** What stands where there is nothing to show: loading, empty, error. Each says what to do. */

import {html, useContext} from '../lib/html.js';
import {Outdated, Shared} from '../lib/shared.js';

/** Nothing yet, but under way. */
export function Loading({what}) {
  return html`<div class="message" role="status">
    <span class="spinner" aria-hidden="true"></span>${what}…
  </div>`;
}

/** A request failed. */
export function Failure({error, retry}) {
  return html`<div class="message failure" role="alert">
    <p>${error.message}</p>
    ${retry && html`<button type="button" class="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

/** There is nothing, and here is how to get something. */
export function Empty({title, children}) {
  return html`<div class="message" role="status"><h2>${title}</h2>${children}</div>`;
}

/** What cannot be read or computed; what is said of the whole log already is not said again. */
export function Notices({texts}) {
  const said = useContext(Shared)?.notices ?? [];
  return texts
    .filter((text) => !said.includes(text))
    .map((text) => html`<p class="notice" role="status" key=${text}>${text}</p>`);
}

/** The log holds no measurements. */
export function EmptyLog() {
  return html`<${Empty} title="No clusters logged yet">
    <p>Measure a network with this project's command:</p>
    <pre>sfp-keras --mode=probe</pre>
    <p>or a Keras model of your own, in Python:</p>
    <pre>${'import sfp_keras\nresult = sfp_keras.probe(model, train, test)\nresult.save("runs/mine")'}</pre>
    <p>or while you train it:</p>
    <pre>${'monitor = sfp_keras.FilterMonitor(...)\nmodel.fit(..., callbacks=[monitor])'}</pre>
    <p>
      Then point TensorBoard at the log: <code>tensorboard --logdir runs</code>. What is
      measured appears here by itself.
    </p>
  <//>`;
}

/**
 * Shows what a resource holds, or where it stands. `children` is a function of the data, which stay
 * while newer ones are awaited; `Outdated` says so to what is inside.
 */
export function Await({resource, what, children}) {
  if (resource.error) return html`<${Failure} error=${resource.error} retry=${resource.retry} />`;
  if (resource.data === null) return html`<${Loading} what=${what} />`;
  return html`<div class=${resource.busy ? 'stale' : 'fresh'} aria-busy=${resource.busy}>
    <${Outdated.Provider} value=${resource.busy}>${children(resource.data)}<//>
  </div>`;
}
