/** The head by label matrix: its colours, for the page and for an exported picture. */

import {turned} from './axes.js';
import {depthColor} from './colors.js';
import {formatNumber} from './format.js';
import {makePicture} from './picture.js';

const STOPS = [0, 0.25, 0.5, 0.75, 1]; // Of the scale's colours, of which there are five.
const LINE = 12; // Pixels that a tick's text needs.
const LEFT = 44; // Pixels for the heads' numbers and what they are.
const SCALE = {wide: 200, high: 44}; // Pixels of the scale and of what stands around it.

/** The scale's colours at equal distances. */
export const scaleColors = (theme) => STOPS.map((share) => shade(share, theme));

/** The colour of a share of the largest value: depth's, of the ends of a scale of two. */
function shade(share, theme) {
  return depthColor(share, 2, theme);
}

/** The largest value of a matrix, above zero. */
export function largestOf(matrix) {
  let most = 1e-30;
  // Not `Math.max` of all, which takes so many arguments only where labels are few.
  for (const row of matrix) for (const value of row) most = Math.max(most, value);
  return most;
}

/** The columns of files that hold a matrix of heads, named as by `HeadSpecialization.to_frame`. */
export const headColumns = (matrix, name) => matrix.map((_, head) => name + head);

/** What these columns have of a label. */
export function ofHeads(matrix, name, label) {
  return Object.fromEntries(matrix.map((row, head) => [name + head, row[label]]));
}

/**
 * Fills a rectangle of pixels with a matrix.
 *
 * @param {number[][]} matrix (heads, labels).
 * @param {number[]} labels the columns from left to right.
 */
export function paintHeads(pen, {matrix, labels, theme, width, height}) {
  const most = largestOf(matrix);
  const edge = (place, count, whole) => Math.round((place / count) * whole);
  pen.save();
  pen.imageSmoothingEnabled = false;
  matrix.forEach((row, head) =>
    labels.forEach((label, place) => {
      const [left, right] = [place, place + 1].map((at) => edge(at, labels.length, width));
      const [top, bottom] = [head, head + 1].map((at) => edge(at, matrix.length, height));
      pen.fillStyle = shade(row[label] / most, theme);
      pen.fillRect(left, top, right - left, bottom - top);
    }),
  );
  pen.restore();
}

/**
 * A canvas of a matrix with its axes and scale.
 *
 * @param {object} options as `paintHeads` takes them, in pixels of the page, `width` of the whole
 *   picture; `names` are of the columns.
 */
export function headsPicture({matrix, labels, names, theme, width, height}) {
  const css = getComputedStyle(document.body);
  const ratio = window.devicePixelRatio || 1;
  const side = width - LEFT;
  const font = `11px ${css.fontFamily}`;
  const longest = longestOf(names, font);
  const across = longest <= side / labels.length - 8;
  const foot = across ? 20 : Math.ceil(longest) + 8;
  return makePicture(width * ratio, (height + foot + SCALE.high) * ratio, (pen) => {
    pen.scale(ratio, ratio);
    pen.translate(LEFT, 0);
    paintHeads(pen, {matrix, labels, theme, width: side, height});
    pen.fillStyle = css.getPropertyValue('--ink');
    pen.font = font;
    pen.textBaseline = 'middle';
    pen.textAlign = 'right';
    for (const head of ticks(matrix.length, height))
      pen.fillText(String(head), -6, ((head + 0.5) / matrix.length) * height);
    if (across) pen.textAlign = 'center';
    for (const place of ticks(labels.length, side)) {
      const x = ((place + 0.5) / labels.length) * side;
      if (across) pen.fillText(names[place], x, height + 12);
      else turned(pen, x, height + 6, () => pen.fillText(names[place], 0, 0));
    }
    pen.textAlign = 'center';
    turned(pen, 8 - LEFT, height / 2, () => pen.fillText('Head', 0, 0));
    pen.translate(0, height + foot);
    drawScale(pen, formatNumber(largestOf(matrix)), theme);
  });
}

/** Pixels of the longest of some texts. */
function longestOf(texts, font) {
  const pen = document.createElement('canvas').getContext('2d');
  pen.font = font;
  return Math.max(...texts.map((text) => pen.measureText(text).width));
}

/** The places of so many that get a text, of each `LINE` pixels. */
function ticks(count, pixels) {
  const every = Math.ceil((LINE * count) / pixels);
  return Array.from({length: Math.ceil(count / every)}, (_, i) => i * every);
}

function drawScale(pen, most, theme) {
  const gradient = pen.createLinearGradient(0, 0, SCALE.wide, 0);
  STOPS.forEach((stop) => gradient.addColorStop(stop, shade(stop, theme)));
  const ink = pen.fillStyle;
  pen.fillStyle = gradient;
  pen.fillRect(0, 8, SCALE.wide, 10);
  pen.fillStyle = ink;
  pen.textAlign = 'left';
  pen.fillText('0', 0, 28);
  pen.textAlign = 'right';
  pen.fillText(most, SCALE.wide, 28);
}
