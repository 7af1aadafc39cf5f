/** What stands beside the matrices of a filter: its numbers, the element pointed at, the colours. */

import {html, useContext} from '../lib/html.js';
import {FIELD_STOPS} from '../lib/colors.js';
import {symbols} from '../lib/columns.js';
import {formatNumber} from '../lib/format.js';
import {Shared} from '../lib/shared.js';

const LISTED = 8; // Cluster sizes.

/** The filter's numbers: all that the list of filters has. */
export function Facts({header}) {
  const {columns, chosen} = useContext(Shared);
  if (header.dead)
    return html`<p class="facts">
      <span>
        The ${chosen.stage.kind} is dead: its fields are nowhere positive, so nothing is above the threshold.
      </span>
    </p>`;
  const sizes = header.clusters.map((labels) => labels.length);
  const listed = sizes.length > 0 && sizes.length <= LISTED ? ` (${sizes.join(', ')})` : '';
  const shown = columns.filters.filter((c) => c.numeric && c.key in header.statistics);
  return html`<p class="facts">
    ${shown.map(
      (column) => html`<span key=${column.key}>
        <span class="explained" title=${column.hint}>${symbols(column.name)}</span>${' '}
        <b>${column.print(header.statistics[column.key])}</b>${column.key === 'clusters' && listed}
      </span>`,
    )}
  </p>`;
}

/** The element under the cross: its labels, field, and whether it is in a cluster or noise. */
export function Pointed({cursor, header, fields, normalized, boolean, clusterOf, size, labels}) {
  if (!cursor)
    return html`<p class="pointed quiet">
      Rows are input labels, columns output units. Point to read an element; the wheel zooms,
      dragging moves.
    </p>`;
  const at = cursor.row * size + cursor.column;
  const cluster = clusterOf[cursor.row];
  const together = cluster >= 0 && cluster === clusterOf[cursor.column];
  const above = together ? `cluster ${cluster + 1}` : 'noise';
  return html`<p class="pointed" role="status">
    <span class="name" title=${labels[cursor.row]}>${labels[cursor.row]}</span>
    <span aria-label="on output unit">→</span>
    <span class="name" title=${labels[cursor.column]}>${labels[cursor.column]}</span>
    <span>field <b>${formatNumber(fields[at])}</b></span>
    <span>normalised <b>${header.dead ? '–' : formatNumber(normalized[at])}</b></span>
    <span>${boolean[at] ? above : 'below the threshold'}</span>
  </p>`;
}

/** The scale of the normalised fields, with the threshold on it. */
export function ColorScale({threshold}) {
  const words = `Colours from −1, blue, over 0, white, to 1, red; threshold ${threshold}`;
  return html`<div class="scale" role="img" aria-label=${words}>
    <div class="scale-bar" style=${{background: `linear-gradient(to right,${FIELD_STOPS.join(',')})`}}>
      <i style=${{left: `${(threshold + 1) * 50}%`}} title=${`Threshold ${threshold}`}></i>
    </div>
    <div class="scale-text"><span>≤ −1</span><span>0</span><span>1</span></div>
  </div>`;
}
