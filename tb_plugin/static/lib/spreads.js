/** Error bars and bands of a chart, and the room they need on its axis. */

const CAP = 3; // Pixels to either side.
const BAND_ALPHA = 0.18;

/** The least and the largest drawn value of bars and bands; `null` where there are none. */
export function extentOf(spreads, log) {
  const ends = spreads.flatMap((spread) => (spread ? [...spread.low, ...spread.high] : []));
  const inside = ends.filter((v) => Number.isFinite(v) && (!log || v > 0));
  return inside.length ? [Math.min(...inside), Math.max(...inside)] : null;
}

/**
 * Draws them; series without are left out. `width` is that of the lines, which uPlot shifts by half of
 * what it has beyond an even number of pixels; a pen of a file has no series, and shifts none.
 */
export function drawBars(u, xs, spreads, {log, width}) {
  const {ctx} = u;
  const shift = u.series ? ((width * devicePixelRatio) % 2) / 2 : 0;
  ctx.save();
  ctx.translate(shift, shift);
  ctx.setLineDash([]);
  for (const {bars, band, color} of spreads) {
    ctx.fillStyle = ctx.strokeStyle = color;
    if (band) drawBand(u, xs, band, log);
    if (bars) xs.forEach((x, i) => drawBar(u, x, bars.low[i], bars.high[i], log));
  }
  ctx.restore();
}

function drawBar(u, x, low, high, log) {
  if (typeof low !== 'number' || typeof high !== 'number') return;
  const {ctx} = u;
  const at = u.valToPos(x, 'x', true);
  const cap = CAP * devicePixelRatio;
  ctx.lineWidth = 1.25 * devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(at, placeOf(u, low, log));
  ctx.lineTo(at, placeOf(u, high, log));
  for (const end of [low, high]) {
    if (!isInside(end, log)) continue;
    ctx.moveTo(at - cap, placeOf(u, end, log));
    ctx.lineTo(at + cap, placeOf(u, end, log));
  }
  ctx.stroke();
}

/** An area between two lines, each part of it where both are known. */
function drawBand(u, xs, {low, high}, log) {
  const {ctx} = u;
  ctx.globalAlpha = BAND_ALPHA;
  let part = [];
  const close = () => {
    const there = part;
    part = [];
    if (there.length < 2) return;
    const place = (i, ends) => [u.valToPos(xs[i], 'x', true), placeOf(u, ends[i], log)];
    ctx.beginPath();
    ctx.moveTo(...place(there[0], low));
    there.slice(1).forEach((i) => ctx.lineTo(...place(i, low)));
    there.toReversed().forEach((i) => ctx.lineTo(...place(i, high)));
    ctx.closePath();
    ctx.fill();
  };
  xs.forEach((_, i) => {
    if (Number.isFinite(low[i]) && Number.isFinite(high[i])) part.push(i);
    else if (low[i] !== undefined) close();
  });
  close();
  ctx.globalAlpha = 1;
}

const isInside = (value, log) => Number.isFinite(value) && (!log || value > 0);

/** Pixels from above; what the scale cannot show stands at its edge. */
function placeOf(u, value, log) {
  const {top, height} = u.bbox;
  if (!isInside(value, log)) return value > 0 ? top : top + height;
  return Math.min(top + height, Math.max(top, u.valToPos(value, 'y', true)));
}
