/** The colours of the report's figures, sfp_keras/reports/style.py; in the dark, lighter ones. */

// Okabe and Ito's.
const LIGHT = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#555555'];
const DARK = ['#56b4e9', '#ff9d4d', '#2fd3a0', '#e79ac8', '#f0e442', '#9ec9ff', '#d0d0d0'];
const DASHES = [[], [7, 4], [2, 3]];

/** Colour and dash of the n-th run. */
export function seriesStyle(index, theme) {
  const palette = theme === 'dark' ? DARK : LIGHT;
  return {
    color: palette[index % palette.length],
    dash: DASHES[Math.floor(index / palette.length) % DASHES.length],
  };
}

/** What is of no run. */
export const neutralColor = (theme) => (theme === 'dark' ? DARK : LIGHT).at(-1);

// Ordered, like the stages they stand for: viridis, in the report to 0.85.
const DEPTH_LIGHT = ['#440154', '#46327e', '#375b8d', '#277e8e', '#1fa188', '#48c16e', '#9bd93c'];
const DEPTH_DARK = ['#2a788e', '#1e9c89', '#44bf70', '#9bd93c', '#fde725'];

/** Colour of stage `index` of `count`, from the input side on. */
export function depthColor(index, count, theme) {
  const stops = (theme === 'dark' ? DEPTH_DARK : DEPTH_LIGHT).map(parts);
  return `rgb(${mix(stops, count > 1 ? index / (count - 1) : 0.25).join(',')})`;
}

/** Figure 2's blue, red and orange, as the report has them. */
export function quantityColor(quantity, theme) {
  const place = {signal: 0, internal: 1, external: 2}[quantity];
  return (theme === 'dark' ? ['#56b4e9', '#ff9d4d', '#f0e442'] : [LIGHT[0], LIGHT[1], LIGHT[4]])[
    place
  ];
}

/** Red, green and blue of `#rrggbb`. */
function parts(color) {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

function mix(stops, at) {
  const place = Math.min(0.999999, Math.max(0, at)) * (stops.length - 1);
  const low = Math.floor(place);
  return stops[low].map((c, i) => Math.round(c + (place - low) * (stops[low + 1][i] - c)));
}

/** Matrices: clusters white and noise yellow on black, on either background. */
export const NOISE = '#f0e442';
export const BLACK = pack([0, 0, 0]);
export const WHITE = pack([255, 255, 255]);
export const YELLOW = pack(parts(NOISE));

/** Of two measurements compared: what only the first has, and only the second. */
export const CHANGES = {first: '#56b4e9', second: '#ff8c42'};
export const ONLY_FIRST = pack([86, 180, 233]);
export const ONLY_SECOND = pack([255, 140, 66]);

// Matplotlib's RdBu_r.
const FIELDS = [
  ...['#053061', '#2065ab', '#4393c3', '#90c4dd', '#d1e5f0', '#f7f6f6'],
  ...['#fddbc7', '#f3a481', '#d6604d', '#b1182b', '#67001f'],
].map(parts);
const STEPS = 512;
const FIELD_COLORS = Uint32Array.from({length: 2 * STEPS + 1}, (_, i) =>
  pack(mix(FIELDS, i / (2 * STEPS))),
);

/** The colour of a normalised field, in the byte order of canvas pixels. */
export function fieldColor(value) {
  const clipped = value < -1 ? -1 : value > 1 ? 1 : value;
  return FIELD_COLORS[Math.round((clipped + 1) * STEPS)];
}

/** The scale of `fieldColor` from -1 to 1 as CSS colours at equal distances. */
export const FIELD_STOPS = Array.from({length: 33}, (_, i) => {
  const c = FIELD_COLORS[Math.round((i / 32) * 2 * STEPS)];
  return `rgb(${c & 255},${(c >> 8) & 255},${(c >> 16) & 255})`;
});

function pack([r, g, b]) {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}
