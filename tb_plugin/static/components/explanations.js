/** What the numbers of a table mean. */

import {html} from '../lib/html.js';

/** What all columns of a table are, folded away until asked for; also without a pointer. */
export function Explanations({columns}) {
  return html`<details class="explanations">
    <summary>What the numbers mean</summary>
    <dl>
      ${columns
        .filter((column) => column.numeric)
        .map(
          ({key, symbol, short, title, hint}) => html`<div key=${key}>
            <dt>${short}${symbol && html`<small>${title}</small>`}</dt>
            <dd>${hint}</dd>
          </div>`,
        )}
    </dl>
  </details>`;
}
