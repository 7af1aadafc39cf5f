/** One filter of the gallery. */

import {html, useContext, useEffect, useRef} from '../lib/html.js';
import {Shared} from '../lib/shared.js';
import {paintThumbnail} from '../lib/thumbnails.js';

/** Pixels a caption needs. */
export const LEAST_WIDTH = 92;

/** The row with the thumbnail's numbers, which may be newer than the list's. */
export function newest(row, thumbnail) {
  return thumbnail && !thumbnail.stale ? {...row, ...thumbnail.meta, unknown: false} : row;
}

/** A filter's numbers in words; those that are not known yet are left out. */
function inWords(row, columns) {
  if (row.dead) return `Filter ${row.filter}, dead`;
  const known = columns.filter((c) => c.numeric && c.key !== 'filter' && c.key in row);
  const words = known.map((column) => `${column.title} ${column.print(row[column.key])}`);
  return [`Filter ${row.filter}`, ...(row.unknown ? [] : words)].join(', ');
}

/** A thumbnail with its caption, the columns `captioned`; opens the filter. */
export function Cell({row, captioned, at, side, thumbnail, reachable, onFocus, open}) {
  const {columns} = useContext(Shared);
  const canvas = useRef(null);
  useEffect(() => {
    if (thumbnail) paintThumbnail(canvas.current, thumbnail);
  }, [thumbnail?.bits, thumbnail?.meta]);
  const words = inWords(row, columns.filters);
  return html`<button
    type="button"
    class=${`cell ${thumbnail?.stale ? 'stale' : ''}`}
    data-at=${at}
    data-filter=${row.filter}
    tabindex=${reachable ? 0 : -1}
    aria-label=${`${words}. Open`}
    title=${words}
    onFocus=${onFocus}
    onClick=${open}
    style=${{width: `${Math.max(side, LEAST_WIDTH)}px`}}
  >
    <canvas
      ref=${canvas}
      width="1"
      height="1"
      class=${thumbnail ? '' : 'waiting'}
      style=${{width: `${side}px`, height: `${side}px`}}
      aria-hidden="true"
    ></canvas>
    <span class="caption">
      <b>${row.filter}</b>
      ${row.dead
          ? html`<span class="quiet">dead</span>`
          : !row.unknown && html`<span><${Caption} row=${row} columns=${captioned} /></span>`}
    </span>
  </button>`;
}

/** Numbers with their symbols; a number without one stands alone, the view says what it is. */
function Caption({row, columns}) {
  return columns
    .filter((column) => column.key in row)
    .map(
      (column, i) =>
        html`${i > 0 && ' · '}${column.symbol && html`${column.short} `}${column.print(row[column.key])}`,
    );
}
