/** One filter of the gallery. */

import {html, useContext} from '../lib/html.js';
import {capital} from '../lib/format.js';
import {mainCluster, nameClusters} from '../lib/clusters.js';
import {Shared} from '../lib/shared.js';
import {Thumbnail} from './thumbnail.js';

/** Pixels a caption needs. */
export const LEAST_WIDTH = 92;

const CAPTION_LABELS = 12; // More never have room.

/** The row with the thumbnail's numbers, which may be newer than the list's. */
export function newest(row, thumbnail) {
  return thumbnail && !thumbnail.stale ? {...row, ...thumbnail.meta, unknown: false} : row;
}

/** A filter's numbers in words; those that are not known yet are left out. */
export function inWords(row, columns, kind) {
  const name = `${capital(kind)} ${row.filter}`;
  if (row.dead) return `${name}, dead`;
  const known = columns.filter((c) => c.numeric && !SHOWN_APART.has(c.key) && c.key in row);
  const words = known.map((column) => `${column.title} ${column.print(row[column.key])}`);
  return [name, ...(row.unknown ? [] : words)].join(', ');
}

const SHOWN_APART = new Set(['filter', 'strongest']);

/** A thumbnail with its caption, the columns `captioned`; opens the filter. */
export function Cell({row, captioned, at, side, thumbnail, reachable, onFocus, onPoint, open}) {
  const {columns, chosen} = useContext(Shared);
  const clusters = row.labels ? nameClusters(row.labels, chosen.labels) : [];
  const words = [inWords(row, columns.filters, chosen.stage.kind), ...clusters].join('. ');
  return html`<button
    type="button"
    class=${`cell ${thumbnail?.stale ? 'stale' : ''}`}
    data-at=${at}
    data-filter=${row.filter}
    tabindex=${reachable ? 0 : -1}
    aria-label=${`${words}. Open`}
    onFocus=${(event) => {
      onFocus();
      if (event.currentTarget.matches(':focus-visible')) onPoint(true);
    }}
    onBlur=${() => onPoint(false)}
    onPointerEnter=${() => onPoint(true)}
    onPointerLeave=${() => onPoint(false)}
    onClick=${open}
    style=${{width: `${Math.max(side, LEAST_WIDTH)}px`}}
  >
    <${Thumbnail} thumbnail=${thumbnail} side=${side} />
    <span class="caption">
      <b>${row.filter}</b>
      ${row.dead
          ? html`<span class="quiet">dead</span>`
          : !row.unknown && html`<span><${Caption} row=${row} columns=${captioned} /></span>`}
    </span>
    <span class="names"><${Names} row=${row} labels=${chosen.labels} /></span>
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

/** The strongest label and the others of its cluster. */
function Names({row, labels}) {
  if (!row.labels || row.dead) return null;
  if (!row.labels.length) return html`<i>no cluster</i>`;
  const [first, ...others] = mainCluster(row).slice(0, CAPTION_LABELS);
  return html`<b>${labels[first]}</b>${others.map((label) => `, ${labels[label]}`).join('')}`;
}
