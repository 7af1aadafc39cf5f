/** A chart of uPlot's drawn once more with any pen: its axes, lines and points, and our marks. */

const TICK = 4; // Pixels, as in plot.js.
const TICK_GAP = 5; // Between a tick and its text: uPlot's own.

/**
 * @param {CanvasRenderingContext2D|SvgPen} pen in device pixels, as uPlot draws.
 * @param {uPlot} u
 * @param {{series: object[], columns: (number|null|undefined)[][]}} chart what is drawn of each
 *   series: `null` ends a line, `undefined` does not.
 */
export function drawPlot(pen, u, {series, columns}) {
  const ratio = devicePixelRatio;
  const {left, top, width, height} = u.bbox;
  pen.save();
  const [xAxis, yAxis] = u.axes;
  drawAxis(pen, u, xAxis, (value) => u.valToPos(value, 'x', true), {
    from: top + height,
    to: top,
    across: (x, y) => [x, y],
    outwards: 1,
  });
  drawAxis(pen, u, yAxis, (value) => u.valToPos(value, 'y', true), {
    from: left,
    to: left + width,
    across: (x, y) => [y, x],
    outwards: -1,
  });
  if (xAxis.label) {
    pen.textAlign = 'center';
    pen.textBaseline = 'top';
    pen.fillText(xAxis.label, left + width / 2, xAxis._lpos * ratio);
  }
  const xs = u.data[0];
  series.forEach((line, i) => {
    if (line.mark) return;
    const points = xs.map((x, at) => {
      const y = columns[i][at];
      return typeof y === 'number' ? [u.valToPos(x, 'x', true), u.valToPos(y, 'y', true)] : y;
    });
    pen.strokeStyle = pen.fillStyle = line.color;
    pen.lineWidth = 1.75 * ratio;
    pen.setLineDash((line.dash ?? []).map((part) => part * ratio));
    pen.beginPath();
    let open = false;
    for (const point of points) {
      if (point) pen[open ? 'lineTo' : 'moveTo'](...point);
      if (point !== undefined) open = Boolean(point);
    }
    pen.stroke();
    pen.setLineDash([]);
    const own = u.series[i + 1].points;
    if (!own.show(u, i + 1)) return;
    pen.beginPath();
    for (const point of points) {
      if (!point) continue;
      pen.moveTo(point[0] + (own.size / 2) * ratio, point[1]);
      pen.arc(...point, (own.size / 2) * ratio, 0, 2 * Math.PI);
    }
    pen.fill();
  });
  pen.restore();
  // What plot.js draws itself takes its pen from the chart.
  const same = {ctx: pen, bbox: u.bbox, scales: u.scales, valToPos: u.valToPos};
  u.hooks.draw.forEach((draw) => draw(same));
}

/** One axis: its grid from `from` to `to`, ticks outwards, and their texts. */
function drawAxis(pen, u, axis, place, {from, to, across, outwards}) {
  const ratio = devicePixelRatio;
  const side = u.axes.indexOf(axis);
  const turned = outwards > 0 && axis._rotate;
  pen.font = axis.font[0];
  pen.lineWidth = axis.grid.width * ratio;
  axis._splits.forEach((value, i) => {
    const text = axis._values[i];
    const at = place(value);
    pen.strokeStyle = axis.grid.stroke(u, side);
    for (const end of [axis.grid.show && to, from + outwards * TICK * ratio]) {
      if (end === false) continue;
      pen.beginPath();
      pen.moveTo(...across(at, from));
      pen.lineTo(...across(at, end));
      pen.stroke();
    }
    if (text === null || text === undefined || text === '') return;
    pen.fillStyle = axis.stroke(u, side);
    const [x, y] = across(at, from + outwards * (TICK + TICK_GAP) * ratio);
    pen.save();
    pen.translate(x, y);
    if (turned) pen.rotate((-turned * Math.PI) / 180);
    pen.textAlign = turned || outwards < 0 ? 'right' : 'center';
    pen.textBaseline = turned || outwards < 0 ? 'middle' : 'top';
    pen.fillText(String(text), 0, 0);
    pen.restore();
  });
}
