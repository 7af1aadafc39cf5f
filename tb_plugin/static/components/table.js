/** A table that sorts by its columns and draws only the rows in sight. */

import {html, useLayoutEffect, useRef, useState} from '../lib/html.js';
import {useMoreBeside} from '../lib/scrolled.js';

const ROW = 27; // Pixels, as in styles/tables.css.
const ALL_AT_ONCE = 120;
const MARGIN_ROWS = 12;

/**
 * @param {object} props
 * @param {object[]} props.columns as columns.js gives them.
 * @param {object[]} props.rows in the order to be shown; those with `reference` stand back.
 * @param {string} props.caption for screen readers.
 * @param {{key: string, down: boolean}} props.sort where sortable, with `onSort(key)`.
 * @param {function(object): *} props.lead first cell of a row: text or element.
 * @param {function(object): boolean} props.isChosen
 * @param {number} props.height of the scrolled part, in pixels; left out: as high as its rows.
 */
export function Table({columns, rows, caption, sort, onSort, lead, leadTitle, isChosen, height}) {
  const [top, setTop] = useState(0);
  const box = useRef(null);
  const windowed = height && rows.length > ALL_AT_ONCE;
  // Fewer rows than before may end above the place to which the table was scrolled.
  const inSight = Math.min(Math.floor(top / ROW), rows.length - Math.ceil(height / ROW));
  const first = windowed ? Math.max(0, inSight - MARGIN_ROWS) : 0;
  const last = windowed
    ? Math.min(rows.length, Math.ceil((top + height) / ROW) + MARGIN_ROWS)
    : rows.length;
  useLayoutEffect(() => setTop(box.current.scrollTop), [rows.length]);
  const span = columns.length + (lead ? 1 : 0);
  const beside = useMoreBeside(box);
  return html`<div class=${`table-frame ${beside.sides}`} style=${{'--lead': `${beside.lead}px`}}><div
    class="table-box"
    ref=${box}
    tabindex="0"
    role="region"
    aria-label=${caption}
    style=${height ? {maxHeight: `${height}px`} : {}}
    onScroll=${() => windowed && setTop(box.current.scrollTop)}
  >
    <table aria-rowcount=${rows.length + 1}>
      <caption class="unseen">${caption}</caption>
      <thead>
        <tr>
          ${lead && html`<th scope="col" class="lead">${leadTitle}</th>`}
          ${columns.map((column) => html`<${Head} key=${column.key} ...${{column, sort, onSort}} />`)}
        </tr>
      </thead>
      <tbody>
        <${Filler} rows=${first} span=${span} />
        ${rows.slice(first, last).map(
          (row, at) => html`<tr
            key=${first + at}
            class=${row.reference ? 'reference' : isChosen?.(row) ? 'chosen' : ''}
            aria-rowindex=${first + at + 2}
          >
            ${lead && html`<th scope="row" class="lead">${lead(row)}</th>`}
            ${columns.map(
              (column) => html`<td
                key=${column.key}
                class=${column.numeric ? 'number' : 'words'}
                title=${column.numeric ? undefined : row[column.key]}
              >${column.print(row[column.key], row)}${errorOf(column, row)}</td>`,
            )}
          </tr>`,
        )}
        <${Filler} rows=${rows.length - last} span=${span} />
      </tbody>
    </table>
  </div></div>`;
}

/** The standard error behind a number. */
function errorOf(column, row) {
  const text = column.error(row);
  return text && html`<small class="spread"> ± ${text}</small>`;
}

/** Stands for rows out of sight. */
function Filler({rows, span}) {
  if (!rows) return null;
  const style = {height: `${rows * ROW}px`, padding: 0};
  return html`<tr aria-hidden="true"><td colspan=${span} style=${style}></td></tr>`;
}

function Head({column, sort, onSort}) {
  const {key, hint, numeric} = column;
  const text = html`<span class="explained">${column.short}</span>`;
  const side = numeric ? 'number' : 'words';
  if (!onSort) return html`<th scope="col" class=${side} title=${hint}>${text}</th>`;
  const active = sort.key === key;
  const order = active ? (sort.down ? 'descending' : 'ascending') : 'none';
  return html`<th scope="col" class=${side} aria-sort=${order}>
    <button type="button" class="sorter" title=${`${hint}. Click to sort`} onClick=${() => onSort(key)}>
      ${text}<span class="arrow" aria-hidden="true">${active ? (sort.down ? '▼' : '▲') : ''}</span>
    </button>
  </th>`;
}

/** Rows sorted by a column; undefined values stand last either way. */
export function sortRows(rows, key, down) {
  const sign = down ? -1 : 1;
  const missing = (v) => v === null || v === undefined;
  return [...rows].sort((a, b) => {
    const [x, y] = [a[key], b[key]];
    if (missing(x) || missing(y)) return missing(x) - missing(y);
    return sign * (typeof x === 'string' ? x.localeCompare(y, undefined, {numeric: true}) : x - y);
  });
}
