/** Files of what is shown: PNG, SVG, CSV, JSON. */

import {exactNumber} from './format.js';
import {fillMark} from './marks.js';
import {makePicture, toSvg} from './picture.js';

/** Offered while what is shown answers an earlier choice than the one that would name the file. */
export const COMPUTING = {};

const watchers = new Set();
let offered = null;

/**
 * Sets what is offered: `null` for nothing, `COMPUTING`, or
 * `{name, table(), json(): object, picture(): canvas}`; a table is `{columns, rows}`, or `{lines}`
 * where columns have no keys of their own; all three may answer with promises. `picture` is `null`
 * while parts of it are awaited, and `false` where there is none.
 */
export function offer(what) {
  offered = what;
  watchers.forEach((notify) => notify());
}

/** What a view offered itself is no more. */
export function withdraw(what) {
  if (offered === what) offer(null);
}

/** Calls `notify()` after every offer. Returns a function that ends it. */
export function watchOffer(notify) {
  watchers.add(notify);
  return () => watchers.delete(notify);
}

/** Why there is no file of a format, or `null` where there is one. */
export function whyNot(format) {
  if (offered === null) return 'There is nothing to export yet';
  if (offered === COMPUTING || (isPicture(format) && offered.picture === null))
    return 'Still computing what was chosen; what is shown may be older';
  if (isPicture(format) && !offered.picture)
    return 'There is no picture here; the table is in CSV and JSON';
  return null;
}

const isPicture = (format) => format === 'png' || format === 'svg';

const FORMATS = {
  png: async ({picture}) => toBlob(await picture()),
  svg: async ({picture}) => new Blob([toSvg(drawn(await picture()))], {type: 'image/svg+xml'}),
  csv: async ({table}) => new Blob([toCsv(await table())], {type: 'text/csv;charset=utf-8'}),
  json: async ({json}) => new Blob([toJson(await json())], {type: 'application/json'}),
};

/** Saves what is shown; throws an Error with a line to show where that is impossible. */
export async function save(format) {
  const why = whyNot(format);
  if (why !== null) throw new Error(`${why}.`);
  const {name} = offered;
  const blob = await FORMATS[format](offered);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = `${safeName(name)}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

function safeName(name) {
  return `clusters-${name}`.replace(/[^\w.=-]+/g, '-').slice(0, 120);
}

function drawn(canvas) {
  if (!canvas) throw new Error('There is no picture to export yet.');
  return canvas;
}

function toBlob(canvas) {
  drawn(canvas);
  return new Promise((resolve, reject) =>
    canvas.toBlob(
      (b) => (b ? resolve(b) : reject(new Error('The picture is too large.'))),
      'image/png',
    ),
  );
}

// What makes a spreadsheet take a cell for a formula: as in sfp_keras/csv_files.py.
const FORMULA = /^'*(?:[\s\x1c-\x1f\x85]*[=+\-@＝＋－＠]|[\t\r\n\0])/;

/** Columns are keys; a text that a spreadsheet would take for a formula gets a leading quote. */
function toCsv({columns, rows, lines}) {
  const cell = (value) => {
    if (typeof value === 'number' || value === null || value === undefined)
      return exactNumber(value);
    const text = Array.isArray(value) ? JSON.stringify(value) : String(value);
    const safe = FORMULA.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return (lines ?? [columns, ...rows.map((row) => columns.map((key) => row[key]))])
    .map((line) => line.map(cell).join(',') + '\r\n')
    .join('');
}

function toJson(value) {
  return JSON.stringify(value, (_, v) => (v === Infinity ? 'Infinity' : v), 2);
}

/**
 * One canvas of several, side by side in rows, each with a title above and maybe a note below.
 *
 * @param {{title: string, canvas: HTMLCanvasElement, note?: string}[]} parts
 * @param {{heading: string, columns: number, legend?: {label: string, color: string, mark?: string, dash?: number[]}[]}} options
 */
export function compose(parts, {heading, columns, legend = []}) {
  const shown = parts.filter((part) => part.canvas && part.canvas.width);
  if (!shown.length) return null;
  const css = getComputedStyle(document.body);
  const ratio = window.devicePixelRatio || 1;
  const [gap, line] = [14 * ratio, 20 * ratio];
  const width = Math.max(...shown.map((p) => p.canvas.width));
  const foot = shown.some((p) => p.note) ? 0.8 * line : 0;
  const across = Math.min(columns, shown.length);
  const wide = gap + across * (width + gap);
  const rowsOfLegend = legend.length ? Math.ceil(legend.length / across) : 0;
  const head = line * 1.6 + rowsOfLegend * line;
  const tops = [head]; // Of each row, and at the end of all.
  for (let at = 0; at < shown.length; at += across) {
    const row = shown.slice(at, at + across).map(({canvas}) => canvas.height);
    tops.push(tops.at(-1) + Math.max(...row) + line + foot + gap);
  }
  const high = tops.at(-1);
  const font = (size, weight = '') => `${weight} ${size * ratio}px ${css.fontFamily}`;
  return makePicture(wide, high, (pen) => {
    pen.fillStyle = css.getPropertyValue('--surface');
    pen.fillRect(0, 0, wide, high);
    const write = (text, x, y, room) => pen.fillText(fit(pen, text, room), x, y);
    pen.fillStyle = css.getPropertyValue('--ink');
    pen.font = font(14, '500');
    write(heading, gap, line * 1.1, wide - 2 * gap);
    pen.font = font(12);
    legend.forEach(({label, color, mark, dash = []}, i) => {
      const [x, y] = [gap + (i % across) * (width + gap), line * 2 + Math.floor(i / across) * line];
      pen.fillStyle = pen.strokeStyle = color;
      if (mark) fillMark(pen, mark, x + 8 * ratio, y - 4 * ratio, 4.5 * ratio);
      else drawDash(pen, x, y - 3.5 * ratio, dash, ratio);
      pen.fillStyle = css.getPropertyValue('--ink');
      write(label, x + 22 * ratio, y, width - 22 * ratio);
    });
    shown.forEach(({title, canvas, note = ''}, i) => {
      const x = gap + (i % across) * (width + gap);
      const y = tops[Math.floor(i / across)];
      pen.fillStyle = css.getPropertyValue('--ink');
      write(title, x, y + line * 0.65, width);
      pen.drawImage(canvas, x, y + line);
      write(note, x, y + line + canvas.height + 0.65 * line, width);
    });
  });
}

function drawDash(pen, x, y, dash, ratio) {
  pen.lineWidth = 3 * ratio;
  pen.setLineDash(dash.map((part) => part * ratio));
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(x + 16 * ratio, y);
  pen.stroke();
  pen.setLineDash([]);
}

function fit(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  let end = text.length;
  while (end > 1 && pen.measureText(`${text.slice(0, end)}…`).width > room) end--;
  return `${text.slice(0, end)}…`;
}
