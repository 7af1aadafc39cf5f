/** Labels by steps of one filter: its clusters, each in its colour, or its fields. */

import {html, useLayoutEffect, useRef, useState} from '../lib/html.js';
import {fieldColor} from '../lib/colors.js';
import {cutMiddle, formatNumber} from '../lib/format.js';

const ROW = 17; // Pixels of a label, where there is room.
const MOST = 560; // Pixels of all labels.
const NAMES_FROM = 10; // Pixels of a label that has its name beside it.
const LETTERS = 16;
const FOOT = 34; // Pixels for steps and what they are.
const TICK = 30; // Pixels a step's number needs.

/**
 * @param {object} props
 * @param {object} props.answer of the route `followed_filter`.
 * @param {object} props.lives of `livesOf`.
 * @param {string[]} props.labels names.
 * @param {boolean} props.fields whether fields are drawn.
 * @param {string} props.title what is drawn, for those who do not see it.
 * @param {string} props.theme changes redraw.
 * @param {function(HTMLCanvasElement)} props.onCanvas gets the canvas, for export.
 */
export function LifeMap({answer, lives, labels, fields, title, theme, onCanvas}) {
  const canvas = useRef(null);
  const [at, setAt] = useState(null);
  const {steps} = answer;
  const {rows} = lives;
  const each = Math.min(ROW, MOST / Math.max(rows.length, 1));
  const height = Math.max(60, Math.round(each * rows.length)) + FOOT;
  const named = each >= NAMES_FROM;
  const side = named ? 6.2 * Math.max(...rows.map((l) => shortName(labels[l]).length), 1) + 10 : 34;
  useLayoutEffect(() => {
    const element = canvas.current;
    const draw = () => {
      const ratio = window.devicePixelRatio || 1;
      element.width = Math.max(1, Math.round(element.clientWidth * ratio));
      element.height = Math.round(height * ratio);
      element.draw = (pen) =>
        drawMap(pen, {
          ...{answer, lives, labels, fields, named, ratio},
          ...{side: side * ratio, width: element.width, height: element.height},
        });
      element.draw(element.getContext('2d'));
      onCanvas(element);
    };
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => {
      observer.disconnect();
      onCanvas(null);
    };
  }, [answer, lives, labels, fields, theme]);
  const point = (event) => {
    const box = canvas.current.getBoundingClientRect();
    const step = Math.floor(((event.clientX - box.left - side) / (box.width - side)) * steps.length);
    const row = Math.floor(((event.clientY - box.top) / (height - FOOT)) * rows.length);
    setAt(steps[step] === undefined || rows[row] === undefined ? null : {step, label: rows[row]});
  };
  return html`<figure class="life-map">
    <canvas
      ref=${canvas}
      role="img"
      aria-label=${`${title}: ${rows.length} labels by ${steps.length} steps; the clusters of the last are named below, the exported JSON file has every step`}
      style=${{height: `${height}px`}}
      onMouseMove=${point}
      onMouseLeave=${() => setAt(null)}
    />
    <p class="quiet">${at ? whatIsAt(answer, labels, at) : '\u00a0'}</p>
  </figure>`;
}

const shortName = (name) => cutMiddle(name, LETTERS);

function whatIsAt({life, fields, steps}, labels, {step, label}) {
  const number = life[step][label];
  const others = labels.filter((_, i) => i !== label && number >= 0 && life[step][i] === number);
  const cluster = number < 0 ? 'in no cluster' : `in a cluster${others.length ? ` with ${others.join(', ')}` : ''}`;
  return `${labels[label]}, epoch ${steps[step]}: ${cluster}; field ${formatNumber(fields[step][label])}`;
}

/** Draws the map in device pixels; `side` is what the names take. */
function drawMap(pen, {answer, lives, labels, fields, named, side, width, height, ratio}) {
  const {steps, life} = answer;
  const {rows, colors} = lives;
  const css = getComputedStyle(document.body);
  const [ink, soft, empty] = ['--ink', '--ink-soft', '--grid'].map((n) => css.getPropertyValue(n));
  const foot = FOOT * ratio;
  const [across, down] = [(width - side) / steps.length, (height - foot) / Math.max(rows.length, 1)];
  pen.clearRect?.(0, 0, width, height);
  const gap = down > 6 * ratio ? Math.round(ratio) : 0;
  const colorAt = (step, label) => {
    if (fields) return cssPixel(fieldColor(answer.fields[step][label]));
    const number = life[step][label];
    return number < 0 ? empty : (colors.get(number) ?? soft);
  };
  rows.forEach((label, row) => {
    const [top, bottom] = [Math.round(row * down), Math.round((row + 1) * down) - gap];
    // What is alike in succession is one bar.
    for (let from = 0, step = 1; step <= steps.length; step++) {
      const color = colorAt(from, label);
      if (step < steps.length && colorAt(step, label) === color) continue;
      const [left, right] = [Math.round(side + from * across), Math.round(side + step * across)];
      pen.fillStyle = color;
      pen.fillRect(left, top, right - left, bottom - top);
      from = step;
    }
  });
  pen.fillStyle = ink;
  pen.font = `${11 * ratio}px ${css.fontFamily}`;
  pen.textBaseline = 'middle';
  pen.textAlign = 'right';
  if (named)
    rows.forEach((label, row) =>
      pen.fillText(shortName(labels[label]), side - 6 * ratio, (row + 0.5) * down),
    );
  pen.textAlign = 'center';
  const every = Math.max(1, Math.ceil((TICK * ratio) / across));
  steps.forEach((step, i) => {
    if ((steps.length - 1 - i) % every === 0)
      pen.fillText(String(step), side + (i + 0.5) * across, height - foot + 10 * ratio);
  });
  pen.fillStyle = soft;
  pen.fillText('Epoch', side + (width - side) / 2, height - 8 * ratio);
  pen.textAlign = 'left';
  pen.textBaseline = 'alphabetic';
}

function cssPixel(pixel) {
  return `rgb(${pixel & 255},${(pixel >> 8) & 255},${(pixel >> 16) & 255})`;
}
