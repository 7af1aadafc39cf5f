/** All of a filter's numbers and clusters, beside the thumbnail that is pointed at or focused. */

import {html, useContext, useLayoutEffect, useRef, useState} from '../lib/html.js';
import {inWords} from './cell.js';
import {Shared} from '../lib/shared.js';

const WIDTH = 280;
const SPACE = 4;

/**
 * Stands below the cell at `left`, `top`, or above where there is no room; `place` is what of the
 * sheet is in sight. The cell's own name says the same, so that it is not read twice.
 */
export function CellNote({row, left, top, height, place}) {
  const {columns, chosen} = useContext(Shared);
  const box = useRef(null);
  const [own, setOwn] = useState(0);
  useLayoutEffect(() => setOwn(box.current.offsetHeight));
  const below = top + height + SPACE;
  const above = top - own - SPACE;
  const fits = below + own <= place.top + place.height || above < place.top;
  const width = Math.min(WIDTH, place.width - 2 * SPACE);
  const style = {
    width: `${width}px`,
    left: `${Math.max(SPACE, Math.min(left, place.width - width - SPACE))}px`,
    top: `${fits ? below : above}px`,
  };
  return html`<div class="cell-note" ref=${box} style=${style} aria-hidden="true">
    <p>${inWords(row, columns.filters, chosen.stage.kind)}</p>
    ${row.labels?.length === 0 && !row.dead && html`<p>No cluster</p>`}
    <ol>
      ${row.labels?.map(
        (cluster, i) => html`<li key=${i}>
          ${cluster.map(
            (label, at) =>
              html`${at > 0 && ', '}${label === row.strongest
                  ? html`<b>${chosen.labels[label]}</b>`
                  : chosen.labels[label]}`,
          )}
        </li>`,
      )}
    </ol>
  </div>`;
}
