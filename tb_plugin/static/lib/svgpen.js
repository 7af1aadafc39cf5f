/**
 * Draws an SVG with the calls of a canvas, as far as our pictures use them, so that one function
 * draws either.
 */

const MEASURING = document.createElement('canvas').getContext('2d');
const ANCHORS = {left: 'start', start: 'start', center: 'middle', right: 'end', end: 'end'};
const SHIFTS = {middle: 'central', top: 'text-before-edge', bottom: 'text-after-edge'};
const STATE = {
  fillStyle: '#000000',
  strokeStyle: '#000000',
  lineWidth: 1,
  font: '10px sans-serif',
  textAlign: 'start',
  textBaseline: 'alphabetic',
  globalAlpha: 1,
  imageSmoothingEnabled: true, // False: edges of fillings stand on whole pixels.
};

const short = (number) => String(Number(number.toFixed(2)));

/** A text as it stands in XML. */
function escaped(text) {
  const names = {'<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;'};
  // Control characters have no place in XML at all.
  const clean = String(text).replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '\ufffd');
  return clean.replace(/[<>&"]/g, (c) => names[c]);
}

export class SvgPen {
  constructor() {
    Object.assign(this, STATE, {parts: [], defined: [], path: '', dash: [], moves: [], saved: []});
  }

  /** The whole file, of so many pixels, drawn in units of which `width` make its width. */
  file(width, height, {across, down}) {
    const size = `width="${short(across)}" height="${short(down)}"`;
    const view = `viewBox="0 0 ${short(width)} ${short(height)}"`;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${view}>`,
      `<defs>${this.defined.join('')}</defs>`,
      ...this.parts,
      '</svg>\n',
    ].join('\n');
  }

  save() {
    const kept = Object.fromEntries(Object.keys(STATE).map((key) => [key, this[key]]));
    this.saved.push({...kept, dash: this.dash, moves: [...this.moves]});
  }

  restore() {
    Object.assign(this, this.saved.pop());
  }

  translate(x, y) {
    this.moves.push(`translate(${short(x)} ${short(y)})`);
  }

  rotate(angle) {
    this.moves.push(`rotate(${short((angle * 180) / Math.PI)})`);
  }

  scale(x, y) {
    this.moves.push(`scale(${Number(x.toFixed(5))} ${Number(y.toFixed(5))})`);
  }

  setLineDash(dash) {
    this.dash = dash;
  }

  beginPath() {
    this.path = '';
  }

  moveTo(x, y) {
    this.path += `M${short(x)} ${short(y)}`;
  }

  lineTo(x, y) {
    this.path += `${this.path ? 'L' : 'M'}${short(x)} ${short(y)}`;
  }

  rect(x, y, width, height) {
    this.path += `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`;
  }

  /** Whole circles alone. */
  arc(x, y, radius) {
    const half = `a${short(radius)} ${short(radius)} 0 1 0`;
    const there = `${half} ${short(2 * radius)} 0`;
    this.path += `M${short(x - radius)} ${short(y)}${there}${half} ${short(-2 * radius)} 0`;
  }

  closePath() {
    this.path += 'z';
  }

  fill() {
    this.put('path', `d="${this.path}" ${this.filling()}`);
  }

  stroke() {
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.map(short).join(' ')}"` : '';
    const line = `stroke="${escaped(this.strokeStyle).trim()}" stroke-width="${short(this.lineWidth)}"`;
    this.put('path', `d="${this.path}" fill="none" ${line}${dash}`);
  }

  fillRect(x, y, width, height) {
    this.beginPath();
    this.rect(x, y, width, height);
    this.fill();
  }

  strokeRect(x, y, width, height) {
    this.beginPath();
    this.rect(x, y, width, height);
    this.stroke();
  }

  fillText(text, x, y) {
    const [, weight, size, family] = this.font.match(/^(.*?)\s*([\d.]+)px\s+(.*)$/);
    const shift = SHIFTS[this.textBaseline];
    const look = [
      `x="${short(x)}" y="${short(y)}"`,
      `font-family="${escaped(family)}" font-size="${short(Number(size))}"`,
      weight && `font-weight="${escaped(weight)}"`,
      `text-anchor="${ANCHORS[this.textAlign]}"`,
      shift && `dominant-baseline="${shift}"`,
      this.filling(),
    ];
    this.put('text', look.filter(Boolean).join(' '), escaped(text));
  }

  measureText(text) {
    MEASURING.font = this.font;
    return MEASURING.measureText(text);
  }

  createLinearGradient(x, y, toX, toY) {
    const id = `gradient${this.defined.length}`;
    const stops = [];
    const place = this.defined.length;
    const ends = `x1="${short(x)}" y1="${short(y)}" x2="${short(toX)}" y2="${short(toY)}"`;
    const write = () => {
      const start = `<linearGradient id="${id}" gradientUnits="userSpaceOnUse" ${ends}>`;
      this.defined[place] = `${start}${stops.join('')}</linearGradient>`;
    };
    write();
    return {
      toString: () => `url(#${id})`,
      addColorStop: (offset, color) => {
        stops.push(`<stop offset="${short(offset)}" stop-color="${escaped(color)}"/>`);
        write();
      },
    };
  }

  /** A canvas that knows how it is drawn is drawn again; of others the pixels are taken. */
  drawImage(canvas, x, y, width = canvas.width, height = canvas.height) {
    this.save();
    this.translate(x, y);
    if (canvas.draw) {
      this.scale(width / canvas.width, height / canvas.height);
      Object.assign(this, STATE, {dash: []});
      canvas.draw(this);
    } else {
      const size = `width="${short(width)}" height="${short(height)}"`;
      this.put('image', `${size} preserveAspectRatio="none" href="${canvas.toDataURL()}"`);
    }
    this.restore();
  }

  filling() {
    const crisp = this.imageSmoothingEnabled ? '' : ' shape-rendering="crispEdges"';
    return `fill="${escaped(this.fillStyle).trim()}"${crisp}`;
  }

  put(name, attributes, content) {
    const moved = this.moves.length ? ` transform="${this.moves.join(' ')}"` : '';
    const faint = this.globalAlpha < 1 ? ` opacity="${short(this.globalAlpha)}"` : '';
    const end = content === undefined ? '/>' : `>${content}</${name}>`;
    this.parts.push(`<${name} ${attributes}${moved}${faint}${end}`);
  }
}
