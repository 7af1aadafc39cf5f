/** What the gallery's matrices show, and what stands below each. */

import {html} from '../lib/html.js';

const SIDE = 9; // Elements of the example.
const SIZES = [4, 2]; // Its clusters,
const NOISE = [
  [0, 4],
  [2, 7],
  [6, 1],
  [8, 0],
]; // and elements outside them: [row, column].

/** An example with its clusters numbered, and the colours in words. */
export function MatrixLegend({kind}) {
  return html`<div class="matrix-legend" role="group" aria-label="Legend">
    <${Example} />
    <ul>
      <li>
        <i class="key white"></i> in a cluster: one block on the diagonal each, in the order found
      </li>
      <li><i class="key yellow"></i> noise: above the threshold, in no cluster</li>
      <li><i class="key black"></i> below the threshold</li>
      <li><b>Label</b>, others: the ${kind}’s strongest label and those in the same cluster</li>
    </ul>
  </div>`;
}

function Example() {
  let start = 0;
  const blocks = SIZES.map((size, i) => {
    const from = start;
    start += size;
    const middle = from + size / 2;
    return html`<rect x=${from} y=${from} width=${size} height=${size} fill="#fff" />
      <text x=${middle} y=${middle + 0.75} font-size="2.1" text-anchor="middle">${i + 1}</text>`;
  });
  return html`<svg viewBox=${`0 0 ${SIDE} ${SIDE}`} width="42" height="42" aria-hidden="true">
    <rect width=${SIDE} height=${SIDE} />
    ${blocks}
    ${NOISE.map(
      ([row, column]) => html`<rect x=${column} y=${row} width="1" height="1" fill="#f0e442" />`,
    )}
  </svg>`;
}
