/** How uPlot draws our charts: scales, ticks, and marks at the edges. */

import {drawBars, extentOf} from './spreads.js';
import {formatTick} from './format.js';
import {fillMark} from './marks.js';
import uPlot from '../vendor/uplot.js';

const EDGE = 6; // Pixels of a mark at the edge.
const LETTER = 5.6; // Pixels of a letter of a tick's name, about.
const MOST_POINTS = 60; // Points are marked on lines of so many.
const TURNED = 10; // Pixels that a name written upwards takes of the axis.
const BESIDE = 70; // Pixels left and right of the lines.
const FONT = {least: 9, most: 11}; // Pixels of the letters of ticks.
const MARGIN = 0.03; // Of the values of x, kept free at either end.
const LINE = 1.75; // Pixels.
const STEM_ALPHA = 0.4;
const RANGE = {min: {soft: 0, mode: 1, pad: 0.1}, max: {soft: null, mode: 0, pad: 0.1}};
const MARK = {share: 0.4, least: 1.5, most: 4.5}; // Radius, of what each x has of the width.

/** Whether a value has a place on the scale. */
export function drawable(value, log) {
  return typeof value === 'number' && Number.isFinite(value) && (!log || value > 0);
}

/** uPlot's options for a chart of chart.js. */
export function plotOptions(chart) {
  const {series, columns, spreads, xs, log, nameOfX} = chart;
  const {width, height, ticks, levels = [], xLabel} = chart;
  const css = getComputedStyle(document.body);
  const ink = css.getPropertyValue('--ink-soft').trim();
  const grid = {stroke: css.getPropertyValue('--grid').trim(), width: 1};
  const fontOf = (pixels) => `${pixels}px ${css.fontFamily}`;
  const font = fontOf(FONT.most);
  const axis = {stroke: ink, grid, ticks: {...grid, size: 4}, font};
  const [low, high] = [xs[0], xs.at(-1)];
  const margin = high > low ? (high - low) * MARGIN : 0.5;
  const points = xs.length <= MOST_POINTS;
  const names = axisOfNames(chart, width || 300);
  return {
    width: width || 300,
    height,
    legend: {show: false},
    padding: [10, 16, 0, 0],
    cursor: {y: false, drag: {x: false, y: false}, points: {size: 7}},
    scales: {
      x: {time: false, range: [low - margin, high + margin]},
      y: {distr: log ? 3 : 1, range: (_, min, max) => rangeOf(min, max, spreads, log)},
    },
    axes: [
      {
        ...axis,
        ...names,
        font: fontOf(names.letters ?? FONT.most),
        label: xLabel,
        labelSize: xLabel ? 16 : 0,
        labelGap: 0,
        labelFont: font,
        splits: ticks ? (u) => thin(ticks, nameOfX, u.width, Boolean(names.rotate)) : undefined,
        values: (_, splits) =>
          splits.map((x) => (ticks || Number.isInteger(x) ? nameOfX(x, true) : '')),
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10000],
      },
      {
        ...axis,
        size: 52,
        ...(log && {splits: (_, at, min, max) => logTicks(min, max), filter: (_, s) => s}),
        values: (_, splits) => splits.map((y) => (y === null ? '' : formatTick(y))),
      },
    ],
    series: [
      {},
      ...series.map((s) => ({
        stroke: s.color,
        width: LINE,
        dash: s.dash,
        points: {show: points && !s.mark, size: points ? 5 : 3.5, fill: s.color, dash: []},
        ...(s.mark && {paths: () => null}),
      })),
    ],
    hooks: {
      draw: [
        (u) => drawLevels(u, levels),
        (u) => drawBars(u, xs, spreads, {log, width: LINE}),
        (u) => drawMarks(u, xs, columns, series, log),
        (u) => series.forEach(({color}, i) => drawEdges(u, xs, columns[i], color, log)),
      ],
    },
  };
}

/** Room and direction of the names below the axis: upwards where not all fit side by side. */
function axisOfNames({ticks, nameOfX, turns}, width) {
  if (!turns || thin(ticks, nameOfX, width).length === ticks.length) return {size: 28};
  const longest = Math.max(...ticks.map((x) => [...nameOfX(x, true)].length));
  const shown = thin(ticks, nameOfX, width, true).length;
  const each = (width - BESIDE) / (1 + 2 * MARGIN) / shown;
  const letters = Math.max(FONT.least, Math.min(FONT.most, Math.floor(each)));
  return {size: 14 + longest * LETTER, rotate: 90, grid: {show: false}, letters};
}

/** As many ticks as have room for their names. */
function thin(ticks, nameOfX, width, turned = false) {
  const longest = Math.max(...ticks.map((x) => nameOfX(x, true).length));
  const fit = turned
    ? Math.max(TURNED, width - BESIDE) / TURNED
    : Math.max(2, Math.floor((width - 50) / Math.max(40, longest * LETTER + 7)));
  const every = Math.ceil(ticks.length / fit);
  // Stages lie unevenly, above all those of several networks; what is counted does not.
  const span = ticks.at(-1) - ticks[0];
  const unit = span === ticks.length - 1 ? 0 : (span * (1 + 2 * MARGIN)) / Math.max(1, width - BESIDE);
  const least = unit * (turned ? FONT.least : longest * LETTER);
  let last = -Infinity;
  return ticks.filter((x, i) => {
    const kept = i % every === 0 && x - last >= least;
    if (kept) last = x;
    return kept;
  });
}

/** The ends of the y axis, for values between two and all that is drawn around them. */
function rangeOf(min, max, spreads, log) {
  const around = extentOf(
    spreads.flatMap(({bars, band}) => [bars, band]),
    log,
  );
  const [low, high] = around && min !== null ? [Math.min(min, around[0]), Math.max(max, around[1])] : [min, max];
  if (log) return logRange(low, high);
  return low === null || low === undefined ? [null, null] : uPlot.rangeNum(low, high, RANGE);
}

function logRange(min, max) {
  if (!(min > 0) || !(max > 0)) return [1, 10];
  const pad = Math.max((max / min) ** 0.06, 1.12);
  return [min / pad, max * pad];
}

/** Round numbers between two: few of each decade where there are many. */
function logTicks(min, max) {
  const decades = Math.log10(max / min);
  const steps = decades < 1 ? [1, 2, 3, 4, 5, 6, 8] : decades < 3.2 ? [1, 2, 5] : [1];
  const found = [];
  const every = Math.ceil(decades / 8) || 1;
  for (let e = Math.floor(Math.log10(min)); 10 ** e <= max; e += 1) {
    if (e % every) continue;
    found.push(...steps.map((step) => Number(`${step}e${e}`)));
  }
  const inside = found.filter((y) => y >= min && y <= max);
  return inside.length >= 3 ? inside : evenTicks(min, max);
}

function evenTicks(min, max) {
  const rough = (max - min) / 4;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((s) => s * decade).find((s) => s >= rough);
  const first = Math.ceil(min / step);
  const count = Math.max(0, Math.floor(max / step) - first + 1);
  return Array.from({length: count}, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function drawLevels(u, levels) {
  const {ctx, bbox} = u;
  ctx.save();
  ctx.setLineDash([6, 4]);
  ctx.lineWidth = 1.25 * devicePixelRatio;
  for (const {y, color} of levels) {
    if (!drawable(y, u.scales.y.distr === 3)) continue;
    const place = u.valToPos(y, 'y', true);
    ctx.strokeStyle = color;
    ctx.beginPath();
    ctx.moveTo(bbox.left, place);
    ctx.lineTo(bbox.left + bbox.width, place);
    ctx.stroke();
  }
  ctx.restore();
}

/** Marks of the series that have one, with a line down to the axis where they have a stem. */
function drawMarks(u, xs, columns, series, log) {
  const {ctx, bbox} = u;
  const each = (MARK.share * bbox.width) / xs.length / devicePixelRatio;
  const radius = Math.min(MARK.most, Math.max(MARK.least, each)) * devicePixelRatio;
  ctx.save();
  // Stems side by side would be an area, and on a logarithmic scale they would begin anywhere.
  const stems = !log && each > MARK.least;
  for (const draw of stems ? ['stem', 'mark'] : ['mark'])
    series.forEach((s, i) => {
      if (!s[draw]) return;
      ctx.globalAlpha = draw === 'stem' ? STEM_ALPHA : 1;
      ctx.fillStyle = ctx.strokeStyle = s.color;
      ctx.lineWidth = Math.max(1, radius / 2.5);
      columns[i].forEach((value, at) => {
        if (!drawable(value, log)) return;
        const [x, y] = [u.valToPos(xs[at], 'x', true), u.valToPos(value, 'y', true)];
        if (draw === 'mark') return fillMark(ctx, s.mark, x, y, radius);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top + bbox.height);
        ctx.lineTo(x, y);
        ctx.stroke();
      });
    });
  ctx.restore();
}

/** Triangles where a value is beyond what the scale can show. */
function drawEdges(u, xs, values, color, log) {
  const {ctx, bbox} = u;
  const size = EDGE * devicePixelRatio;
  ctx.save();
  ctx.fillStyle = color;
  ctx.font = `${11 * devicePixelRatio}px sans-serif`;
  ctx.textBaseline = 'middle';
  values.forEach((value, i) => {
    if (typeof value !== 'number' || drawable(value, log)) return;
    const x = u.valToPos(xs[i], 'x', true);
    const up = value === Infinity;
    const tip = up ? bbox.top : bbox.top + bbox.height;
    const foot = tip + (up ? size * 1.5 : -size * 1.5);
    ctx.beginPath();
    ctx.moveTo(x, tip);
    ctx.lineTo(x - size, foot);
    ctx.lineTo(x + size, foot);
    ctx.fill();
    ctx.fillText(up ? '∞' : '0', x + size * 1.3, (tip + foot) / 2);
  });
  ctx.restore();
}
