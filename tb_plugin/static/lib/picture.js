/** Pictures for export: each is a canvas that knows how it is drawn, so that it is an SVG as well. */

import {SvgPen} from './svgpen.js';

/** A canvas of so many device pixels, drawn by `draw(pen)`, in device pixels. */
export function makePicture(width, height, draw) {
  const canvas = document.createElement('canvas');
  canvas.width = Math.ceil(width);
  canvas.height = Math.ceil(height);
  draw(canvas.getContext('2d'));
  canvas.draw = draw;
  return canvas;
}

/** The text of an SVG file of the picture, of the size it has on the page. */
export function toSvg(canvas) {
  const pen = new SvgPen();
  canvas.draw(pen);
  const ratio = window.devicePixelRatio || 1;
  const size = {across: canvas.width / ratio, down: canvas.height / ratio};
  return pen.file(canvas.width, canvas.height, size);
}

/**
 * Fills the elements of a square matrix, those of one colour as one shape.
 *
 * @param {number} n rows and columns.
 * @param {number} side of the whole.
 * @param {function(number, number): number} colorAt of a row and a column, as canvas pixels have it.
 */
export function fillElements(pen, n, side, colorAt) {
  const each = side / n;
  const runs = new Map(); // Of each colour [row, first column, columns].
  let most = [null, 0];
  for (let row = 0; row < n; row++) {
    for (let start = 0, column = 1; column <= n; column++) {
      const color = colorAt(row, start);
      if (column < n && colorAt(row, column) === color) continue;
      if (!runs.has(color)) runs.set(color, []);
      const of = runs.get(color);
      of.push([row, start, column - start]);
      if (of.length > most[1]) most = [color, of.length];
      start = column;
    }
  }
  pen.save();
  pen.imageSmoothingEnabled = false;
  pen.fillStyle = cssColor(most[0]);
  pen.fillRect(0, 0, side, side);
  for (const [color, places] of runs) {
    if (color === most[0]) continue;
    pen.fillStyle = cssColor(color);
    pen.beginPath();
    for (const [row, column, count] of places)
      pen.rect(column * each, row * each, count * each, each);
    pen.fill();
  }
  pen.restore();
}

function cssColor(pixel) {
  const parts = [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}
