/** A line chart: uPlot, with axes in the theme's colours and our own legend and readout. */

import {html, useEffect, useRef, useState} from '../lib/html.js';
import {symbols} from '../lib/columns.js';
import {formatError, formatNumber} from '../lib/format.js';
import {markPath, opacityOf} from '../lib/marks.js';
import {drawable, plotOptions} from '../lib/plot.js';
import {drawPlot} from '../lib/plotpicture.js';
import uPlot from '../vendor/uplot.js';

const READOUT_LINES = 14;
const LEGEND_LINES = 24;

/**
 * Draws series over a common x.
 *
 * @param {object} props
 * @param {string} props.title
 * @param {string} props.hint what is drawn; left out, nothing.
 * @param {{label: string, color: string, dash: number[], x: number[], y: (number|null)[]}[]}
 *   props.series with ascending x; undefined values are gaps, infinite ones stand at the edge.
 *   One with `mark` is a mark for each x instead of a line, with `stem` on a line from the axis.
 *   `errors` stand behind the values that are read out; `bars` and `band`, `{low, high}` each, are
 *   drawn around them.
 * @param {boolean} props.log whether y is logarithmic; zeros stand at the lower edge then.
 * @param {string} props.xLabel what x is.
 * @param {function(number): string} props.nameOfX text of a value of x.
 * @param {number[]} props.ticks where x may have ticks; left out, uPlot chooses.
 * @param {boolean} props.turns names of ticks are written upwards where they do not fit.
 * @param {{y: number, color: string}[]} props.levels dashed horizontal lines.
 * @param {string} props.theme changes redraw.
 * @param {function(HTMLCanvasElement)} props.onCanvas gets the canvas, for export.
 */
export function Chart(props) {
  const {title, hint, series, log = false, nameOfX = String, theme, height = 220} = props;
  const {onCanvas} = props;
  const host = useRef(null);
  const plot = useRef(null);
  const [at, setAt] = useState(null);
  const [announced, setAnnounced] = useState('');
  const xs = unionOfX(series);
  const columns = series.map((s) => placeOn(xs, s));
  const errors = series.map((s) => (s.errors ? placeOn(xs, {x: s.x, y: s.errors}) : []));
  const spreads = series.map(({x, bars, band, color}) => ({
    color,
    bars: bars && placeSpread(xs, x, bars),
    band: band && placeSpread(xs, x, band),
  }));
  // For uPlot `null` ends a line, and `undefined`, where a series has no such x, does not.
  const drawn = columns.map((column) =>
    column.map((v) => (v === undefined ? v : drawable(v, log) ? v : null)),
  );
  const edges = columns.some((c) => c.some((v) => typeof v === 'number' && !drawable(v, log)));
  const nothing = drawn.every((column) => column.every((v) => typeof v !== 'number'));

  const looks = series.map((s) => [s.color, s.dash, s.mark, s.stem]);
  const shape = [xs, columns.map((c) => c.map(String)), looks, spreads, log];
  const signature = JSON.stringify(shape, (_, v) => (v === Infinity ? 'Infinity' : v));
  const names = JSON.stringify([props.levels, props.ticks, (props.ticks ?? []).map(nameOfX)]);
  useEffect(() => {
    if (nothing) return undefined;
    const width = host.current.clientWidth;
    const options = plotOptions({...props, xs, columns, spreads, log, nameOfX, width, height});
    options.hooks.setCursor = [(u) => setAt(u.cursor.idx ?? null)];
    plot.current = new uPlot(options, [xs, ...drawn], host.current);
    const canvas = host.current.querySelector('canvas');
    canvas.setAttribute('aria-hidden', 'true');
    const shown = plot.current;
    canvas.draw = (pen) => drawPlot(pen, shown, {series, columns: drawn, levels: props.levels});
    onCanvas?.(canvas);
    const observer = new ResizeObserver(() => {
      const wide = host.current?.clientWidth;
      if (wide) plot.current.setSize({width: wide, height});
    });
    observer.observe(host.current);
    return () => {
      observer.disconnect();
      plot.current.destroy();
      plot.current = null;
      onCanvas?.(null);
    };
  }, [signature, theme, height, names]);

  const leave = () => {
    setAt(null);
    setAnnounced('');
  };
  const key = (event) => {
    if (event.key === 'Escape') leave();
    const last = xs.length - 1;
    const by = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    const to = {Home: 0, End: last}[event.key] ?? (by && (at === null ? 0 : at + by));
    if (to === undefined || !plot.current) return;
    event.preventDefault();
    const next = Math.min(last, Math.max(0, to));
    plot.current.setCursor({left: plot.current.valToPos(xs[next], 'x'), top: 0});
    setAt(next);
    const values = series.map((s, i) => `${s.label} ${read(columns[i][next], errors[i][next])}`);
    setAnnounced(`${nameOfX(xs[next])}: ${values.slice(0, READOUT_LINES).join(', ')}`);
  };
  const pointed = at !== null && at < xs.length && !nothing;
  const right = pointed && at * 2 < xs.length - 1;
  return html`<figure class="chart">
    <figcaption title=${hint}>${symbols(title)}</figcaption>
    ${nothing &&
      html`<div class="chart-empty" style=${{height: `${height}px`}}>${emptyText(columns)}</div>`}
    <div
      class="chart-canvas"
      hidden=${nothing}
      ref=${host}
      tabindex="0"
      role="application"
      aria-roledescription="chart"
      aria-label=${summarize(title, series)}
      onKeyDown=${key}
      onBlur=${leave}
      onPointerLeave=${leave}
    ></div>
    ${pointed &&
      html`<${Readout}
        name=${nameOfX(xs[at])}
        right=${right}
        series=${series}
        values=${columns.map((c) => c[at])}
        errors=${errors.map((c) => c[at])}
      />`}
    <p class="unseen" role="status">${announced}</p>
    ${edges && !nothing && html`<p class="note">${edgeText(columns, log)}</p>`}
  </figure>`;
}

/** The values at the cursor, on the side where the cursor is not. */
function Readout({name, right, series, values, errors}) {
  const lines = series
    .map((s, i) => ({
      shown: s.shown ?? s.label,
      color: s.color,
      value: values[i],
      text: read(values[i], errors[i]),
    }))
    .filter((line) => line.value !== undefined)
    .sort((a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity));
  const more = lines.length - READOUT_LINES;
  return html`<div class=${`readout ${right ? 'right' : 'left'}`} aria-hidden="true">
    <strong>${name}</strong>
    ${lines.slice(0, READOUT_LINES).map(
      (line) => html`<div>
        <i style=${{background: line.color}}></i><span>${line.shown}</span>
        <b>${line.text}</b>
      </div>`,
    )}
    ${more > 0 && html`<em>and ${more} more</em>`}
  </div>`;
}

/** A line, or the mark of what is drawn with marks. */
export function Key({color, dash = [], mark}) {
  if (mark)
    return html`<svg width="12" height="12" aria-hidden="true">
      <path d=${markPath(mark, 6, 6, 4.5)} fill=${color} fill-opacity=${opacityOf(mark)} />
    </svg>`;
  return html`<svg width="22" height="8" aria-hidden="true">
    <path d="M1 4H21" stroke=${color} stroke-width="2.5" stroke-dasharray=${dash.join(' ')} />
  </svg>`;
}

/** The colours of several charts, once. */
export function Legend({entries}) {
  const [all, setAll] = useState(false);
  const cut = !all && entries.length > LEGEND_LINES;
  return html`<ul class="legend">
    ${(cut ? entries.slice(0, LEGEND_LINES) : entries).map(
      ({label, shown = label, ...look}) => html`<li key=${label} title=${label}>
        <${Key} ...${look} />
        <span>${shown}</span>
      </li>`,
    )}
    ${cut &&
      html`<li>
      <button type="button" class="link" onClick=${() => setAll(true)}>
        Show all ${entries.length}
      </button>
    </li>`}
  </ul>`;
}

function emptyText(columns) {
  const some = columns.flat().find((v) => v !== null && v !== undefined);
  return some === undefined
    ? 'Not defined here'
    : `Nothing to draw: every value is ${formatNumber(some)}`;
}

function edgeText(columns, log) {
  const infinite = columns.some((column) => column.includes(Infinity));
  const zero = log && columns.some((column) => column.some((v) => v <= 0 && v !== null));
  return [infinite && '▲ at the upper edge: ∞', zero && '▼ at the lower edge: 0']
    .filter(Boolean)
    .join('; ');
}

function summarize(title, series) {
  const parts = series.slice(0, 6).map((s) => {
    const last = s.y.findLast((v) => v !== null);
    return `${s.label}: ${formatNumber(last)}`;
  });
  return `Chart of ${title}. Last values: ${parts.join(', ')}. Arrow keys read the others`;
}

function unionOfX(series) {
  return [...new Set(series.flatMap((s) => s.x))].sort((a, b) => a - b);
}

/** A value with its standard error, where that is known. */
function read(value, error) {
  const text = formatNumber(value);
  const behind = formatError(error, text);
  return behind ? `${text} ± ${behind}` : text;
}

function placeSpread(xs, x, {low, high}) {
  return {low: placeOn(xs, {x, y: low}), high: placeOn(xs, {x, y: high})};
}

function placeOn(xs, {x, y}) {
  const known = new Map(x.map((value, i) => [value, y[i]]));
  return xs.map((value) => known.get(value));
}
