/** Marks of different shapes, so that quantities are told apart without their colours. */

const CORNERS = {
  diamond: [
    [0, -1.25],
    [1.25, 0],
    [0, 1.25],
    [-1.25, 0],
  ],
  square: [
    [-0.9, -0.9],
    [0.9, -0.9],
    [0.9, 0.9],
    [-0.9, 0.9],
  ],
  // An error bar, and a band.
  bar: [
    ...[[-0.7, -1.2], [0.7, -1.2], [0.7, -0.95], [0.15, -0.95], [0.15, 0.95], [0.7, 0.95]],
    ...[[0.7, 1.2], [-0.7, 1.2], [-0.7, 0.95], [-0.15, 0.95], [-0.15, -0.95], [-0.7, -0.95]],
  ],
  band: [
    [-1.3, -0.8],
    [1.3, -0.8],
    [1.3, 0.8],
    [-1.3, 0.8],
  ],
};
const FAINT = {band: 0.35};

/**
 * Fills a mark around a point.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {'circle'|'diamond'|'square'|'bar'|'band'} shape
 */
export function fillMark(pen, shape, x, y, radius) {
  pen.beginPath();
  if (shape === 'circle') pen.arc(x, y, radius, 0, 2 * Math.PI);
  else CORNERS[shape].forEach(([dx, dy]) => pen.lineTo(x + dx * radius, y + dy * radius));
  pen.closePath();
  pen.save();
  pen.globalAlpha *= opacityOf(shape);
  pen.fill();
  pen.restore();
}

/** How opaque a mark is. */
export const opacityOf = (shape) => FAINT[shape] ?? 1;

/** The same as the path of an SVG. */
export function markPath(shape, x, y, radius) {
  if (shape === 'circle') {
    const arc = `a${radius} ${radius} 0 1 0`;
    return `M${x - radius} ${y}${arc} ${2 * radius} 0${arc} ${-2 * radius} 0Z`;
  }
  const corners = CORNERS[shape].map(([dx, dy]) => `${x + dx * radius} ${y + dy * radius}`);
  return `M${corners.join('L')}Z`;
}
