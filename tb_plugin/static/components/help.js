/** The panel behind “?”: what fields, clusters, noise and signal are, on one filter of ten labels. */

import {html, useContext, useEffect, useRef, useState} from '../lib/html.js';
import {gutterOf} from '../lib/axes.js';
import {BLACK, WHITE, YELLOW, fieldColor} from '../lib/colors.js';
import {symbols} from '../lib/columns.js';
import {EXAMPLE, exampleField} from '../lib/example.js';
import {Shared} from '../lib/shared.js';
import {useWidth} from '../lib/width.js';
import {ColorScale} from './filterparts.js';
import {Matrix} from './matrix.js';

const {labels, threshold, maximum, order, clusters, ones, noise, internal, external} = EXAMPLE;
const K = labels.length;
const GAP = 16;
const MOST_SIDE = 220; // Pixels of a matrix.
const PAPERS = [
  ['Paper 1', 'Tzach et al., The mechanism underlying successful deep learning', '2305.18078'],
  [
    'Paper 2',
    'Meir et al., Universality of underlying mechanism for successful deep learning',
    '2309.07537',
  ],
];

const clusterOf = Int8Array.from(labels, (_, label) => clusters.findIndex((c) => c.includes(label)));
const elements = (value) =>
  Float32Array.from({length: K * K}, (_, i) => value(Math.floor(i / K), i % K));
const normalized = elements((row, column) => exampleField(row, column) / maximum);
const boolean = normalized.map((value) => (value > threshold ? 1 : 0));
const isTogether = (row, column) => clusterOf[row] >= 0 && clusterOf[row] === clusterOf[column];
const permuted = elements((row, column) => {
  const [input, unit] = [order[row], order[column]];
  return boolean[input * K + unit] && (isTogether(input, unit) ? 2 : 1);
});
const PANELS = [
  {title: '1. Fields, normalised', values: normalized, colorOf: fieldColor, order: null},
  {title: '2. Above the threshold', values: boolean, colorOf: (v) => (v ? WHITE : BLACK), order: null},
  {title: '3. Permuted', values: permuted, colorOf: (v) => [BLACK, YELLOW, WHITE][v], order},
];

/** The button, and the panel while it is open: over the page, closed by Escape. */
export function Help() {
  const [open, setOpen] = useState(false);
  return html`<button
      type="button"
      class="button small help-button"
      aria-label="What field, cluster, noise and signal are"
      title="What field, cluster, noise and signal are"
      aria-haspopup="dialog"
      onClick=${() => setOpen(true)}
    >
      ?
    </button>
    ${open && html`<${Panel} close=${() => setOpen(false)} />`}`;
}

function Panel({close}) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  return html`<dialog
    ref=${dialog}
    class="help"
    aria-labelledby="help-title"
    onClose=${close}
    onClick=${(event) => event.target === dialog.current && dialog.current.close()}
  >
    <div class="help-text">
      <header>
        <h2 id="help-title">Fields, clusters, noise and signal</h2>
        <button type="button" class="button small" onClick=${() => dialog.current.close()}>
          Close
        </button>
      </header>
      <${Example} />
      <${Definitions} />
      <${Papers} />
    </div>
  </dialog>`;
}

/** The three matrices of the example, with the element pointed at in words. */
function Example() {
  const {theme} = useContext(Shared);
  const [box, width] = useWidth();
  const [cursor, setCursor] = useState(null);
  const gutter = useRef(gutterOf(labels)).current;
  const across = width >= 3 * 230 ? 3 : 1;
  const side = Math.floor(Math.min(MOST_SIDE, (width - (across - 1) * GAP) / across - gutter.room));
  const shared = {size: K, side, cursor, onCursor: setCursor, gutter, theme, view: {x: 0, y: 0, n: K}};
  return html`<p>
      One filter and the ten labels of CIFAR-10, with numbers made up to be read. Rows are labels of
      the input, columns are output units.
    </p>
    <p class="pointed" role="status">${cursor ? inWords(cursor) : 'Point to an element to read it.'}</p>
    <div
      ref=${box}
      class="matrices"
      style=${{gap: `${GAP}px`, '--gutter': `${gutter.room}px`}}
    >
      ${side > 0 && PANELS.map((panel) => html`<${Matrix} key=${panel.title} ...${panel} ...${shared} />`)}
    </div>`;
}

function inWords({row, column}) {
  const at = row * K + column;
  const kind = isTogether(row, column) ? `cluster ${clusterOf[row] + 1}` : 'noise';
  const field = `field ${shown(exampleField(row, column))}, ${shown(normalized[at])} of the largest`;
  return `${labels[row]} on ${labels[column]}: ${field}, ${boolean[at] ? kind : 'below the threshold'}`;
}

const shown = (value) => value.toFixed(2).replace('-', '−');
const product = (a, b) => `${String(a).replace('-', '−')} × ${String(b).replace('-', '−')}`;
const named = (cluster) => cluster.map((label) => labels[label]).join(' and ');

function Definitions() {
  const [horse, dog, cat, bird] = ['horse', 'dog', 'cat', 'bird'].map((l) => labels.indexOf(l));
  const {features, kernel} = EXAMPLE;
  const sums = features[horse].map((value, p) => product(value, kernel[p][dog])).join(' + ');
  const squares = clusters.map((c) => `${c.length}²`).join(' − ');
  return html`<dl>
    <dt>Field</dt>
    <dd>
      What an output unit receives from one filter, all others silenced, on average over the inputs of
      a label: the filter’s mean outputs times its weights to the unit. This filter has two outputs.
      Horses on the unit of dogs: ${sums} = <b>${shown(exampleField(horse, dog))}</b>. Matrix 1 shows
      each field as a share of the filter’s largest, ${shown(maximum)}.
    </dd>
    <dt>Threshold</dt>
    <dd>
      Fields above ${threshold} of the largest count as ones (matrix 2): here <b>${ones}</b> of
      ${' '}${K * K}. Horses on the unit of cats, ${shown(exampleField(horse, cat))} or
      ${' '}${shown(exampleField(horse, cat) / maximum)} of the largest, are just below.
    </dd>
    <dt>Cluster</dt>
    <dd>
      Labels the filter works for: each has a one on its own unit, and on the units of all others of
      the cluster. The first label with a one on the diagonal opens a cluster, later ones join it or
      open the next. Here ${clusters.map((c, i) => html`${i > 0 && ', then '}<b>${named(c)}</b>`)}. With
      the labels in the order of clusters (matrix 3) they are white blocks on the diagonal:
      ${' '}${symbols('N_c')} = ${clusters.length}, of size ${symbols('C_s')} =
      ${' '}${clusters[0].length}.
    </dd>
    <dt>Noise</dt>
    <dd>
      Ones in no cluster, yellow: ${symbols('n')} = ${ones} − ${squares} = <b>${noise}</b>. Birds, for
      one, are no label of this filter’s clusters, but raise the units of airplanes and ships.
    </dd>
    <dt>Signal and noises of a stage</dt>
    <dd>
      Summed over all its filters. The signal of a label counts the filters with it in a cluster: this
      one adds 1 to that of cats. Its internal noise counts the ones beside the diagonal in its
      clusters, ${internal[cat]} here for cats (on dogs); its external noise those outside,
      ${' '}${external[bird]} here for birds; both for one of the K − 1 wrong units. Signal over
      noise, ${symbols('SNR_I')} and ${symbols('SNR_E')}, grows along the layers of a network that has
      learned.
    </dd>
  </dl>`;
}

function Papers() {
  return html`<h3>Where this comes from</h3>
    <ul>
      ${PAPERS.map(
        ([name, title, number]) => html`<li key=${number}>
          ${name}: ${title},${' '}
          <a href=${`https://arxiv.org/abs/${number}`} target="_blank" rel="noopener">arXiv:${number}</a>
        </li>`,
      )}
    </ul>`;
}
