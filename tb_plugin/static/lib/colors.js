/** Colours, chosen to stay apart for colour-blind eyes on both backgrounds. */

// Okabe and Ito's, without their yellow, which is lost on white.
const LIGHT = ['#0072b2', '#d55e00', '#009e73', '#b0578d', '#8a6d00', '#2b9ac8', '#5b5b5b'];
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

// Ordered, like the stages they stand for: plasma without its ends.
const DEPTH_LIGHT = [
  [26, 42, 150],
  [126, 3, 168],
  [190, 55, 120],
  [214, 92, 44],
  [168, 118, 0],
];
const DEPTH_DARK = [
  [110, 150, 255],
  [190, 120, 240],
  [240, 128, 170],
  [250, 165, 90],
  [240, 228, 80],
];

/** Colour of stage `index` of `count`, from the input side on. */
export function depthColor(index, count, theme) {
  const stops = theme === 'dark' ? DEPTH_DARK : DEPTH_LIGHT;
  return `rgb(${mix(stops, count > 1 ? index / (count - 1) : 0.25).join(',')})`;
}

/** Figure 2's blue, red and orange. */
export function quantityColor(quantity, theme) {
  const place = {signal: 0, internal: 1, external: 2}[quantity];
  return (theme === 'dark' ? ['#56b4e9', '#ff6b5e', '#ffb84d'] : ['#0064b0', '#c92a1d', '#d98a00'])[
    place
  ];
}

function mix(stops, at) {
  const place = Math.min(0.999999, Math.max(0, at)) * (stops.length - 1);
  const low = Math.floor(place);
  return stops[low].map((c, i) => Math.round(c + (place - low) * (stops[low + 1][i] - c)));
}

/** Matrices: as the papers print them, on black on either background. */
export const BLACK = pack([0, 0, 0]);
export const WHITE = pack([255, 255, 255]);
export const YELLOW = pack([255, 208, 0]);

/** Of two measurements compared: what only the first has, and only the second. */
export const CHANGES = {first: '#56b4e9', second: '#ff8c42'};
export const ONLY_FIRST = pack([86, 180, 233]);
export const ONLY_SECOND = pack([255, 140, 66]);

const NEGATIVE = [
  [0, 0, 0],
  [10, 50, 110],
  [40, 120, 200],
  [150, 205, 250],
];
const POSITIVE = [
  [0, 0, 0],
  [96, 22, 64],
  [200, 62, 42],
  [250, 150, 20],
  [255, 246, 190],
];
const STEPS = 512;
const FIELD_COLORS = Uint32Array.from({length: 2 * STEPS + 1}, (_, i) => {
  const value = (i - STEPS) / STEPS;
  return pack(mix(value < 0 ? NEGATIVE : POSITIVE, Math.abs(value)));
});

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
