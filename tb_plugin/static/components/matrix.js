/** One (K, K) matrix on a canvas: zoom, pan, and a cross at the element pointed at. */

import {html, useCallback, useEffect, useRef} from '../lib/html.js';
import {drawAxes} from '../lib/axes.js';

const SMALLEST = 6; // Elements across at the closest zoom.

/** Keeps a view, `{x, y, n}` in elements, inside a matrix of K. */
function clampView({x, y, n}, size) {
  const across = Math.min(size, Math.max(Math.min(SMALLEST, size), n));
  const inside = (v) => Math.min(size - across, Math.max(0, v));
  return {x: inside(x), y: inside(y), n: across};
}

/** The view closer (`factor` < 1) or farther, a point of it kept in place. */
export function zoomView(view, factor, size, at = {x: 0.5, y: 0.5}) {
  const n = Math.min(size, Math.max(Math.min(SMALLEST, size), view.n * factor));
  return clampView({x: view.x + at.x * (view.n - n), y: view.y + at.y * (view.n - n), n}, size);
}

/**
 * Paints the part of a matrix in view. Where several elements share a pixel, the largest shows.
 *
 * @param {HTMLCanvasElement} canvas square, its width in device pixels already set.
 * @param {Float32Array|Uint8Array} values (K, K), row by row.
 * @param {function(number): number} colorOf a value's colour.
 */
export function paintMatrix(canvas, values, size, colorOf, {x, y, n}) {
  const side = canvas.width;
  const image = new ImageData(side, side);
  const pixels = new Uint32Array(image.data.buffer);
  const edges = (start) =>
    Int32Array.from({length: side + 1}, (_, p) => Math.floor(start + (p * n) / side + 1e-9));
  const [columns, rows] = [edges(x), edges(y)];
  const many = n > side;
  for (let py = 0, at = 0; py < side; py++) {
    const top = rows[py];
    if (!many && py > 0 && top === rows[py - 1]) {
      pixels.copyWithin(at, at - side, at);
      at += side;
      continue;
    }
    const bottom = many ? Math.max(top + 1, rows[py + 1]) : top + 1;
    for (let px = 0; px < side; px++, at++) {
      const left = columns[px];
      const right = many ? Math.max(left + 1, columns[px + 1]) : left + 1;
      let value = values[top * size + left];
      for (let row = top; row < bottom; row++) {
        for (let column = left, i = row * size + left; column < right; column++, i++) {
          if (values[i] > value) value = values[i];
        }
      }
      pixels[at] = colorOf(value);
    }
  }
  canvas.getContext('2d').putImageData(image, 0, 0);
}

/**
 * @param {object} props
 * @param {string} props.title also names it for screen readers.
 * @param {Float32Array|Uint8Array} props.values (K, K) in the order shown.
 * @param {number} props.side of the canvas in CSS pixels.
 * @param {number[]|null} props.order label of each row as shown; null: in label order.
 * @param {{row: number, column: number}|null} props.cursor labels pointed at; `onCursor` changes.
 * @param {{x: number, y: number, n: number}} props.view `onView` changes it; without, it is fixed.
 * @param {object} props.gutter what stands around it, see axes.js; `theme` changes redraw it.
 * @param {number} props.frame a red square around so many first rows and columns; 0 for none.
 */
export function Matrix(props) {
  const {
    title,
    values,
    size,
    side,
    order,
    cursor,
    onCursor,
    view,
    onView,
    gutter,
    theme,
    frame = 0,
    children,
  } = props;
  const canvas = useRef(null);
  const around = useRef(null);
  const drag = useRef(null);
  const now = useRef(props);
  now.current = props;
  const device = Math.max(1, Math.round(side * (window.devicePixelRatio || 1)));

  useEffect(() => {
    canvas.current.width = canvas.current.height = device;
    paintMatrix(canvas.current, values, size, props.colorOf, view);
  }, [values, size, device, view.x, view.y, view.n]);

  useEffect(() => {
    const ratio = device / side;
    const css = getComputedStyle(document.body);
    around.current.width = around.current.height = Math.round((side + gutter.room) * ratio);
    const pen = around.current.getContext('2d');
    pen.scale(ratio, ratio);
    const ink = css.getPropertyValue('--ink-soft');
    drawAxes(pen, {view, size, side, order, gutter, ink, font: css.fontFamily});
  }, [gutter, order, size, device, side, theme, view.x, view.y, view.n]);

  useEffect(() => {
    // Added by hand: only a listener that is not passive may keep the page from scrolling.
    const wheel = (event) => {
      const shown = now.current;
      if (!shown.onView) return;
      const box = canvas.current.getBoundingClientRect();
      const at = {
        x: (event.clientX - box.left) / box.width,
        y: (event.clientY - box.top) / box.height,
      };
      const next = zoomView(shown.view, Math.exp(Math.sign(event.deltaY) * 0.18), shown.size, at);
      if (next.n === shown.view.n) return;
      event.preventDefault();
      shown.onView(next);
    };
    const element = canvas.current;
    element.addEventListener('wheel', wheel, {passive: false});
    return () => element.removeEventListener('wheel', wheel);
  }, []);

  const labelAt = (position) => (order ? order[position] : position);
  const positionOf = useCallback((label) => (order ? order.indexOf(label) : label), [order]);

  const pointed = (event) => {
    const box = canvas.current.getBoundingClientRect();
    const place = (offset, start) =>
      Math.min(size - 1, Math.max(0, Math.floor(start + (offset / box.width) * view.n)));
    return {
      row: labelAt(place(event.clientY - box.top, view.y)),
      column: labelAt(place(event.clientX - box.left, view.x)),
    };
  };
  const press = (event) => {
    if (!onView || event.button !== 0) return;
    drag.current = {x: event.clientX, y: event.clientY, view};
    canvas.current.setPointerCapture(event.pointerId);
  };
  const move = (event) => {
    if (drag.current) {
      const {x, y, view: from} = drag.current;
      const scale = from.n / side;
      onView(
        clampView(
          {
            x: from.x - (event.clientX - x) * scale,
            y: from.y - (event.clientY - y) * scale,
            n: from.n,
          },
          size,
        ),
      );
    }
    onCursor(pointed(event));
  };
  const release = () => (drag.current = null);

  const key = (event) => {
    const zoom = {'+': 0.7, '=': 0.7, '-': 1 / 0.7, 0: Infinity}[event.key];
    const step = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[
      event.key
    ];
    if ((!zoom || !onView) && !step) return;
    event.preventDefault();
    if (!step) {
      onView(zoom === Infinity ? {x: 0, y: 0, n: size} : zoomView(view, zoom, size));
      return;
    }
    const from = cursor ?? {row: labelAt(Math.floor(view.y)), column: labelAt(Math.floor(view.x))};
    const limit = onView ? size : Math.min(size, view.n);
    const inside = (v) => Math.min(limit - 1, Math.max(0, v));
    const [row, column] = [
      inside(positionOf(from.row) + (cursor ? step[0] : 0)),
      inside(positionOf(from.column) + (cursor ? step[1] : 0)),
    ];
    onCursor({row: labelAt(row), column: labelAt(column)});
    if (onView) onView(showing(view, row, column, size));
  };

  const scale = side / view.n;
  const cross = cursor && {
    x: (positionOf(cursor.column) - view.x) * scale,
    y: (positionOf(cursor.row) - view.y) * scale,
  };
  return html`<figure class="matrix">
    <figcaption>${title}</figcaption>
    <div class="matrix-plot" style=${square(side + gutter.room)}>
      <canvas ref=${around} aria-hidden="true" style=${square(side + gutter.room)}></canvas>
      <div class="matrix-box" style=${{...square(side), left: `${gutter.room}px`}}>
        <canvas
          ref=${canvas}
          role="application"
          aria-roledescription="matrix"
          tabindex="0"
          aria-label=${description(title, Boolean(onView))}
          style=${square(side)}
          onPointerDown=${press}
          onPointerMove=${move}
          onPointerUp=${release}
          onPointerCancel=${release}
          onPointerLeave=${() => onCursor(null)}
          onKeyDown=${key}
        ></canvas>
        ${frame > 0 && html`<div class="frame" style=${boxStyle(-view.x, -view.y, frame, scale)}></div>`}
        ${cross &&
          html`<div class="cross" style=${boxStyle(cross.x / scale, 0, 1, scale, side)}></div>
          <div class="cross" style=${boxStyle(0, cross.y / scale, 1, scale, null, side)}></div>`}
      </div>
    </div>
    ${children}
  </figure>`;
}

function description(title, zooms) {
  const keys = `Arrow keys move the cross${zooms ? ', plus and minus zoom' : ''}`;
  return `${title}. Rows are input labels, columns output units. ${keys}`;
}

function square(side) {
  return {width: `${side}px`, height: `${side}px`};
}

function boxStyle(x, y, n, scale, height = null, width = null) {
  return {
    left: `${x * scale}px`,
    top: `${y * scale}px`,
    width: `${width ?? Math.max(1, n * scale)}px`,
    height: `${height ?? Math.max(1, n * scale)}px`,
  };
}

/** The view moved just so far that an element is in it. */
function showing(view, row, column, size) {
  const into = (start, at) => (at < start ? at : at + 1 > start + view.n ? at + 1 - view.n : start);
  return clampView({x: into(view.x, column), y: into(view.y, row), n: view.n}, size);
}
