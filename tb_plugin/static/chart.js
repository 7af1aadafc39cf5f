/** A line chart: uPlot, with axes in the theme's colours and our own legend and readout. */

import {html, useEffect, useRef, useState} from './html.js';
import {formatNumber, formatTick} from './format.js';
import {symbols} from './columns.js';
import uPlot from './vendor/uplot.js';

const READOUT_LINES = 14;

/**
 * Draws series over a common x.
 *
 * @param {object} props
 * @param {string} props.title
 * @param {{label: string, color: string, dash: number[], x: number[], y: (number|null)[],
 *   line?: boolean}[]} props.series with ascending x; infinite and undefined values are gaps.
 * @param {boolean} props.log whether y is logarithmic; values that are not positive are gaps.
 * @param {function(number): string} props.nameOfX text of a value of x.
 * @param {number[]} props.ticks where x has ticks; left out, uPlot chooses.
 * @param {{y: number, color: string}[]} props.levels dashed horizontal lines.
 * @param {string} props.theme changes redraw.
 * @param {function(HTMLCanvasElement)} props.onCanvas is told the canvas, for export.
 */
export function Chart(props) {
  const {
    title,
    series,
    log = false,
    nameOfX = String,
    theme,
    height = 220,
    onCanvas,
    onPick,
  } = props;
  const host = useRef(null);
  const plot = useRef(null);
  const [at, setAt] = useState(null);
  const xs = unionOfX(series);
  const columns = series.map((s) => placeOn(xs, s));
  const drawn = columns.map((column) => column.map((v) => (drawable(v, log) ? v : null)));
  const hidden = columns.some((c) => c.some((v) => typeof v === 'number' && !drawable(v, log)));
  const nothing = drawn.every((column) => column.every((v) => v === null));

  const signature = JSON.stringify([xs, drawn, series.map((s) => [s.color, s.dash, s.line]), log]);
  useEffect(() => {
    if (nothing) return undefined;
    const options = chartOptions({
      ...props,
      xs,
      log,
      nameOfX,
      width: host.current.clientWidth,
      height,
    });
    options.hooks.setCursor = [(u) => setAt(u.cursor.idx ?? null)];
    plot.current = new uPlot(options, [xs, ...drawn], host.current);
    const canvas = host.current.querySelector('canvas');
    canvas.setAttribute('aria-hidden', 'true');
    onCanvas?.(canvas);
    const observer = new ResizeObserver(() => {
      const width = host.current?.clientWidth;
      if (width) plot.current.setSize({width, height});
    });
    observer.observe(host.current);
    return () => {
      observer.disconnect();
      plot.current.destroy();
      plot.current = null;
      onCanvas?.(null);
    };
  }, [signature, theme, height, JSON.stringify([props.levels, props.ticks])]);

  const pick = onPick && at !== null ? () => onPick(xs[at]) : undefined;
  return html`<figure class="chart" aria-label=${summarize(title, series)}>
    <figcaption>${symbols(title)}</figcaption>
    ${nothing &&
      html`<div class="chart-empty" style=${{height: `${height}px`}}>${emptyText(columns)}</div>`}
    <div
      class="chart-canvas"
      hidden=${nothing}
      ref=${host}
      onClick=${pick}
      onPointerLeave=${() => setAt(null)}
    ></div>
    ${at !== null &&
      at < xs.length &&
      !nothing &&
      html`<${Readout} name=${nameOfX(xs[at])} series=${series} values=${columns.map((c) => c[at])} />`}
    ${hidden && !nothing && html`<p class="note">${hiddenText(log)}</p>`}
  </figure>`;
}

function Readout({name, series, values}) {
  const lines = series
    .map((s, i) => ({shown: s.shown ?? s.label, color: s.color, value: values[i]}))
    .filter((line) => line.value !== undefined)
    .sort((a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity));
  const more = lines.length - READOUT_LINES;
  return html`<div class="readout" aria-hidden="true">
    <strong>${name}</strong>
    ${lines.slice(0, READOUT_LINES).map(
      (line) => html`<div>
        <i style=${{background: line.color}}></i><span>${line.shown}</span>
        <b>${formatNumber(line.value)}</b>
      </div>`,
    )}
    ${more > 0 && html`<em>and ${more} more</em>`}
  </div>`;
}

/** The colours of several charts, once. */
export function Legend({entries}) {
  return html`<ul class="legend">
    ${entries.map(
      ({label, shown = label, color, dash = []}) => html`<li key=${label} title=${label}>
        <svg width="22" height="8" aria-hidden="true">
          <path d="M1 4H21" stroke=${color} stroke-width="2.5" stroke-dasharray=${dash.join(' ')} />
        </svg>
        <span>${shown}</span>
      </li>`,
    )}
  </ul>`;
}

function drawable(value, log) {
  return typeof value === 'number' && Number.isFinite(value) && (!log || value > 0);
}

function emptyText(columns) {
  const some = columns.flat().find((v) => v !== null && v !== undefined);
  return some === undefined
    ? 'Not defined here'
    : `Nothing to draw: every value is ${formatNumber(some)}`;
}

function hiddenText(log) {
  return log ? 'Values that are 0 or ∞ are not drawn' : 'Values that are ∞ are not drawn';
}

function summarize(title, series) {
  const parts = series.slice(0, 6).map((s) => {
    const last = s.y.findLast((v) => v !== null);
    return `${s.label}: ${formatNumber(last)}`;
  });
  return `Chart of ${title}. Last values: ${parts.join(', ')}`;
}

function unionOfX(series) {
  return [...new Set(series.flatMap((s) => s.x))].sort((a, b) => a - b);
}

function placeOn(xs, {x, y}) {
  const known = new Map(x.map((value, i) => [value, y[i]]));
  return xs.map((value) => known.get(value));
}

function chartOptions({series, xs, log, nameOfX, width, height, ticks, levels = [], xLabel}) {
  const css = getComputedStyle(document.body);
  const ink = css.getPropertyValue('--ink-soft').trim();
  const grid = {stroke: css.getPropertyValue('--grid').trim(), width: 1};
  const font = `11px ${css.fontFamily}`;
  const axis = {stroke: ink, grid, ticks: {...grid, size: 4}, font};
  const [low, high] = [xs[0], xs.at(-1)];
  const margin = high > low ? (high - low) * 0.03 : 0.5;
  const points = xs.length <= 60;
  return {
    width: width || 300,
    height,
    legend: {show: false},
    padding: [10, 12, 0, 0],
    cursor: {y: false, drag: {x: false, y: false}, points: {size: 7}},
    scales: {
      x: {time: false, range: [low - margin, high + margin]},
      y: log ? {distr: 3} : {range: {min: {soft: 0, mode: 1, pad: 0.1}, max: {pad: 0.1}}},
    },
    axes: [
      {
        ...axis,
        size: 30,
        label: xLabel,
        labelSize: xLabel ? 16 : 0,
        labelFont: font,
        splits: ticks ? (u) => thin(ticks, u.width) : undefined,
        values: (_, splits) =>
          splits.map((x) => (ticks || Number.isInteger(x) ? nameOfX(x, true) : '')),
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10000],
      },
      {
        ...axis,
        size: 52,
        values: (_, splits) => splits.map((y) => (y === null ? '' : formatTick(y))),
      },
    ],
    series: [
      {},
      ...series.map((s) => ({
        stroke: s.color,
        width: s.line === false ? 0 : 1.75,
        dash: s.dash,
        spanGaps: true,
        paths: s.line === false ? () => null : undefined,
        points: {show: points || s.line === false, size: points ? 5 : 3.5, fill: s.color, dash: []},
      })),
    ],
    hooks: {draw: [(u) => drawLevels(u, levels)]},
  };
}

/** As many ticks as have room. */
function thin(ticks, width) {
  const every = Math.ceil(ticks.length / Math.max(2, Math.floor(width / 58)));
  return ticks.filter((_, i) => i % every === 0);
}

function drawLevels(u, levels) {
  const {ctx, bbox} = u;
  ctx.save();
  ctx.setLineDash([6, 4]);
  ctx.lineWidth = 1.25 * devicePixelRatio;
  for (const {y, color} of levels) {
    if (typeof y !== 'number' || !Number.isFinite(y) || (u.scales.y.distr === 3 && y <= 0))
      continue;
    const place = u.valToPos(y, 'y', true);
    ctx.strokeStyle = color;
    ctx.beginPath();
    ctx.moveTo(bbox.left, place);
    ctx.lineTo(bbox.left + bbox.width, place);
    ctx.stroke();
  }
  ctx.restore();
}
