/** What stands around a matrix: names or numbers of the labels in view, and what the axes are. */

import {cutMiddle} from './format.js';

const NAMED_UP_TO = 20; // Labels in a matrix that has room for their names.
const EACH_UP_TO = 24; // Labels in view that each get a number.
const NAME_LETTERS = 10;
const LETTER = 5.6; // Pixels of a letter, about.
const LINE = 11; // Pixels a tick needs along its axis.
const NUMBERS = 22; // Pixels for numbers.
const TITLE = 15;

/** Pixels left of and below a matrix: `{names, room}`; names if few labels are shown. */
export function gutterOf(labels, shown = labels.length) {
  const named = shown <= NAMED_UP_TO;
  const names = labels.map((name, i) => (named ? cutMiddle(name, NAME_LETTERS) : String(i)));
  const longest = Math.max(...names.map((name) => [...name].length));
  const room = TITLE + (named ? Math.ceil(longest * LETTER) + 6 : NUMBERS);
  return {names, room};
}

/**
 * The ticks of an axis: `[{place: middle in elements, label}]`.
 *
 * @param {number} start first element in view, `n` how many; both may be fractions.
 * @param {number} size labels of the matrix.
 * @param {number[]|null} order labels as shown; ticks of many elements only where in label order.
 * @param {number} side of the matrix in pixels.
 */
function ticksOf(start, n, size, order, side) {
  let every = 1;
  if (n > EACH_UP_TO || side / n < LINE) {
    if (order && n > EACH_UP_TO) return [];
    const fit = Math.min(6, side / LINE);
    every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((step) => n / step <= fit) ?? size;
  }
  const ticks = [];
  const last = Math.min(size, start + n) - 0.5;
  for (let at = Math.ceil(Math.floor(start) / every) * every; at <= last; at += every)
    if (at + 0.5 >= start) ticks.push({place: at + 0.5, label: order ? order[at] : at});
  return ticks;
}

/**
 * Draws the axes of a matrix whose upper left corner is `gutter.room` right of the origin.
 *
 * @param {CanvasRenderingContext2D} pen scaled to pixels of the page.
 * @param {{view: {x: number, y: number, n: number}, size: number, side: number,
 *   order: number[]|null, gutter: object, ink: string, font: string}} matrix
 */
export function drawAxes(pen, {view, size, side, order, gutter, ink, font}) {
  const {names, room} = gutter;
  const scale = side / view.n;
  pen.fillStyle = ink;
  pen.strokeStyle = ink;
  pen.lineWidth = 0.75;
  pen.font = `10px ${font}`;
  pen.textBaseline = 'middle';
  pen.textAlign = 'right';
  for (const {place, label} of ticksOf(view.y, view.n, size, order, side)) {
    const y = (place - view.y) * scale;
    line(pen, room - 4, y, room, y);
    pen.fillText(names[label], room - 6, Math.max(LINE / 2, y));
  }
  for (const {place, label} of ticksOf(view.x, view.n, size, order, side)) {
    const x = room + (place - view.x) * scale;
    line(pen, x, side, x, side + 4);
    turned(pen, x, side + 6, () => pen.fillText(names[label], 0, 0));
  }
  pen.textAlign = 'center';
  pen.fillText('output unit', room + side / 2, side + room - TITLE / 2 + 1);
  turned(pen, TITLE / 2 - 1, side / 2, () => pen.fillText('input label', 0, 0));
}

function line(pen, x, y, toX, toY) {
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(toX, toY);
  pen.stroke();
}

/** Draws with the origin at a point, upwards. */
export function turned(pen, x, y, draw) {
  pen.save();
  pen.translate(x, y);
  pen.rotate(-Math.PI / 2);
  draw();
  pen.restore();
}
