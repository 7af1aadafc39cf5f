/** A matrix as an exported picture: with its axes, and below it what the colours mean. */

import {drawAxes, gutterOf} from './axes.js';
import {FIELD_STOPS, NOISE} from './colors.js';
import {fillElements, makePicture} from './picture.js';
import {paintMatrix} from '../components/matrix.js';

const LEAST_SIDE = 420; // Pixels of the matrix.
const FOOT = 34;
const KEY_COLORS = {clusters: '#ffffff', noise: NOISE};

/**
 * A canvas of the first `n` rows and columns.
 *
 * @param {object} panel `{values, colorOf, order}` as `Matrix` takes them.
 * @param {{size: number, n: number, labels: string[], threshold: number,
 *   foot: 'scale'|'clip'|'clusters'|[string, string][]}} options `foot` may be texts and colours.
 */
export function matrixPicture({values, colorOf, order = null}, options) {
  const {size, n, labels, threshold, foot} = options;
  const css = getComputedStyle(document.body);
  const ratio = window.devicePixelRatio || 1;
  const side = n * Math.ceil(LEAST_SIDE / n);
  const gutter = gutterOf(labels, n);
  const view = {x: 0, y: 0, n};
  const matrix = document.createElement('canvas');
  matrix.width = matrix.height = Math.round(side * ratio);
  paintMatrix(matrix, values, size, colorOf, view);
  matrix.draw = (pen) =>
    fillElements(pen, n, matrix.width, (row, column) => colorOf(values[row * size + column]));
  const high = side + gutter.room + FOOT;
  return makePicture((gutter.room + side) * ratio, high * ratio, (pen) => {
    pen.scale(ratio, ratio);
    pen.drawImage(matrix, gutter.room, 0, side, side);
    const ink = css.getPropertyValue('--ink');
    pen.strokeStyle = css.getPropertyValue('--edge');
    pen.strokeRect(gutter.room - 0.5, 0.5, side, side);
    drawAxes(pen, {view, size, side, order, gutter, ink, font: css.fontFamily});
    pen.font = `11px ${css.fontFamily}`;
    pen.textBaseline = 'middle';
    pen.translate(gutter.room, side + gutter.room + 4);
    if (foot === 'scale') drawScale(pen, side, threshold, ink);
    else if (Array.isArray(foot)) drawKey(pen, foot, ink);
    else if (foot === 'clusters') drawKey(pen, Object.entries(KEY_COLORS), ink);
    else drawKey(pen, [[`above ${threshold}`, KEY_COLORS.clusters]], ink);
  });
}

function drawScale(pen, side, threshold, ink) {
  const gradient = pen.createLinearGradient(0, 0, side, 0);
  FIELD_STOPS.forEach((color, i) => gradient.addColorStop(i / (FIELD_STOPS.length - 1), color));
  pen.fillStyle = gradient;
  pen.fillRect(0, 2, side, 9);
  pen.fillStyle = ink;
  pen.fillRect(((threshold + 1) / 2) * side - 1, 0, 2, 13);
  for (const [text, place, align] of [
    ['≤ −1', 0, 'left'],
    ['0', 0.5, 'center'],
    [String(threshold), (threshold + 1) / 2, 'center'],
    ['1', 1, 'right'],
  ]) {
    if (place > 0.5 && place < 1 && (threshold < 0.1 || threshold > 0.9)) continue;
    pen.textAlign = align;
    pen.fillText(text, place * side, 22);
  }
}

function drawKey(pen, entries, ink) {
  pen.textAlign = 'left';
  let x = 0;
  for (const [text, color] of entries) {
    pen.fillStyle = color;
    pen.fillRect(x, 4, 10, 10);
    pen.strokeStyle = '#757575';
    pen.strokeRect(x + 0.5, 4.5, 9, 9);
    pen.fillStyle = ink;
    pen.fillText(text, x + 15, 10);
    x += 32 + pen.measureText(text).width;
  }
}
