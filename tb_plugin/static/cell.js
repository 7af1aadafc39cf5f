/** One filter of the gallery. */

import {html, useEffect, useRef} from './html.js';
import {count} from './format.js';
import {paintThumbnail} from './thumbnails.js';

/** Pixels a caption needs. */
export const LEAST_WIDTH = 92;

/** The row with the thumbnail's numbers, which may be newer than the list's. */
export function newest(row, thumbnail) {
  if (!thumbnail || thumbnail.stale) return row;
  const {noise, clusters, dead} = thumbnail.meta;
  return {filter: row.filter, noise, clusters, dead};
}

/** A thumbnail with its caption; opens the filter. */
export function Cell({row, at, side, thumbnail, reachable, onFocus, open}) {
  const canvas = useRef(null);
  useEffect(() => {
    if (thumbnail) paintThumbnail(canvas.current, thumbnail);
  }, [thumbnail?.bits, thumbnail?.meta]);
  const words = row.dead
    ? `Filter ${row.filter}, dead`
    : row.unknown
      ? `Filter ${row.filter}`
      : `Filter ${row.filter}, noise ${row.noise}, ${count(row.clusters, 'cluster')}`;
  return html`<button
    type="button"
    class=${`cell ${thumbnail?.stale ? 'stale' : ''}`}
    data-at=${at}
    data-filter=${row.filter}
    tabindex=${reachable ? 0 : -1}
    aria-label=${`${words}. Open`}
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
          : !row.unknown &&
            html`<span>
              <var>n</var> ${row.noise} · <var>N</var><sub>c</sub> ${row.clusters}
            </span>`}
    </span>
  </button>`;
}
