/** One filter in two measurements: its matrices in one order of labels, and what changed. */

import {html, useContext, useEffect, useMemo, useRef, useState} from '../lib/html.js';
import {getFilter} from '../lib/api.js';
import {gutterOf} from '../lib/axes.js';
import {BLACK, CHANGES, ONLY_FIRST, ONLY_SECOND, WHITE, YELLOW} from '../lib/colors.js';
import {clusterOfLabels, commonOrder} from '../lib/compare.js';
import {compose} from '../lib/export.js';
import {focusIsLost} from '../lib/focus.js';
import {capital, describeChoice, formatNumber} from '../lib/format.js';
import {matrixPicture} from '../lib/matrixpicture.js';
import {useResource} from '../lib/resource.js';
import {Shared} from '../lib/shared.js';
import {useWidth} from '../lib/width.js';
import {ClusterList} from './clusterlist.js';
import {Matrix, zoomView} from './matrix.js';
import {Await} from './messages.js';
import {Button, Keyed} from './widgets.js';

const GAP = 20;
const WHOLE_UP_TO = 40; // Labels; of more the corner with the clusters comes first.
const AROUND = 3; // Labels shown beside those in clusters.
const LARGEST = 420; // Pixels of a matrix.
const ROOMY = 200; // Three beside each other are at least so large,
const SMALLEST = 150; // two so large.
const [NOTHING, NOISE, CLUSTER] = [0, 1, 2];
const [ONLY_A, ONLY_B, IN_BOTH] = [1, 2, 3];
const OF_CLUSTERS = [BLACK, YELLOW, WHITE];
const OF_CHANGE = [BLACK, ONLY_FIRST, ONLY_SECOND, WHITE];
const KEYS = [
  ['in clusters of both', '#ffffff'],
  ['of A alone', CHANGES.first],
  ['of B alone', CHANGES.second],
];

/** The resource of a filter's matrices in `both`; of none where `filter` is `undefined`. */
export function useMatrices(filter, both) {
  const {chosen, version} = useContext(Shared);
  const asked = both.map(({parameters}) => ({...parameters, filter}));
  return useResource(
    filter === undefined ? null : JSON.stringify([asked, version]),
    async (signal) => {
      const answers = await Promise.all(asked.map((one) => getFilter(one, signal)));
      return prepare(answers, chosen.labels.length);
    },
    JSON.stringify(asked.map(({run, stage}) => [run, stage, filter])),
  );
}

/**
 * `row` is one of `ChangeList`, as those `before` and `after` it, `found` of `useMatrices`;
 * `picture.current` becomes what draws the matrices for export.
 */
export function ChangeDetail({row, before, after, both, found, picture}) {
  const {update, chosen} = useContext(Shared);
  const {kind} = chosen.stage;
  const heading = useRef(null);
  useEffect(() => {
    // It stands above the list where it was asked for.
    if (focusIsLost() || document.activeElement.closest('.changes')) heading.current.focus();
  }, []);
  const go = (other) => update({filter: other.filter});
  return html`<section class="card" aria-label=${`${capital(kind)} ${row.filter} in A and B`}>
    <div class="card-head">
      <h2 class="filter-title" tabindex="-1" ref=${heading}>
        ${capital(kind)} ${row.filter} <span class="quiet">in A and B</span>
      </h2>
      <p class="facts">
        <span>Change <b>${formatNumber(row.change)}</b></span>
        <span>Shared clusters <b>${row.shared}</b></span>
        <span>
          Labels <b>${row.kept}</b> kept, <b>${row.gained}</b> gained, <b>${row.lost}</b> lost
        </span>
        <span>Noise <b>${row.noise[0]} → ${row.noise[1]}</b></span>
      </p>
      <div class="zoom">
        <${Button} disabled=${!before} onClick=${() => go(before)}>‹ Previous<//>
        <${Button} disabled=${!after} onClick=${() => go(after)}>Next ›<//>
        <${Button} onClick=${() => update({filter: null})}>Close<//>
      </div>
    </div>
    <${Await} resource=${found} what=${`Computing the ${kind}’s fields in both`}>
      ${(data) => html`<${Matrices} ...${{row, both, picture}} ...${data} />`}
    <//>
  </section>`;
}

/** The matrices as numbers to be painted, all in one order of labels. */
function prepare(answers, size) {
  const clusters = answers.map(({header}) => header.clusters);
  const {order, clustered} = commonOrder(...clusters, size);
  const numbers = clusters.map((one) => {
    const known = clusterOfLabels(one);
    return Int32Array.from({length: size}, (_, label) => known.get(label) ?? -1);
  });
  const kinds = answers.map(({boolean}, i) =>
    Uint8Array.from({length: size * size}, (_, at) => {
      const [row, column] = [order[Math.floor(at / size)], order[at % size]];
      if (!boolean[row * size + column]) return NOTHING;
      const cluster = numbers[i][row];
      return cluster >= 0 && cluster === numbers[i][column] ? CLUSTER : NOISE;
    }),
  );
  const change = kinds[0].map((kind, at) => {
    const [first, second] = [kind === CLUSTER, kinds[1][at] === CLUSTER];
    return first ? (second ? IN_BOTH : ONLY_A) : second ? ONLY_B : NOTHING;
  });
  const normalized = answers.map(({header, fields}) =>
    fields.map((field) => (header.dead ? NaN : field / header.maximum)),
  );
  return {answers, clusters, order, clustered, kinds, change, normalized, size};
}

function Matrices({row, both, picture, ...prepared}) {
  const {answers, clusters, order, clustered, kinds, change, normalized, size} = prepared;
  const {chosen, theme} = useContext(Shared);
  const corner = size <= WHOLE_UP_TO ? size : Math.min(size, Math.max(10, clustered + AROUND));
  const gutter = useMemo(() => gutterOf(chosen.labels, corner), [chosen.labels, corner]);
  const start = {x: 0, y: 0, n: corner};
  const [view, setView] = useState(start);
  const [cursor, setCursor] = useState(null);
  const [box, width] = useWidth();
  const sideOf = (across) => Math.floor((width - (across - 1) * GAP) / across) - gutter.room;
  const across = sideOf(3) >= ROOMY ? 3 : sideOf(2) >= SMALLEST ? 2 : 1;
  const panels = useMemo(
    () => [
      ...kinds.map((values, i) => ({
        title: `${'AB'[i]}: ${both[i].stage.stage}, step ${answers[i].header.step}`,
        values,
        colorOf: (value) => OF_CLUSTERS[value],
        order,
        foot: 'clusters',
      })),
      {
        title: 'What changed in the clusters',
        values: change,
        colorOf: (value) => OF_CHANGE[value],
        order,
        foot: KEYS,
      },
    ],
    [kinds, change, order],
  );
  useEffect(() => {
    const {threshold} = answers[0].header;
    const named = both.map((one, i) =>
      describeChoice({...one, step: answers[i].header.step, threshold}),
    );
    const draw = (panel) =>
      matrixPicture(panel, {size, n: corner, labels: chosen.labels, threshold, foot: panel.foot});
    picture.current = () =>
      compose(
        panels.map((panel) => ({title: panel.title, canvas: draw(panel)})),
        {heading: `${capital(chosen.stage.kind)} ${row.filter}. A: ${named[0]}; B: ${named[1]}`, columns: 3},
      );
    return () => (picture.current = null);
  });
  const shared = {size, cursor, onCursor: setCursor, gutter, theme, view, onView: setView};
  const side = Math.min(LARGEST, Math.max(110, sideOf(across)));
  const zoom = (factor) => setView((v) => zoomView(v, factor, size));
  const sign = (here, there, mark) => {
    const other = new Set(there.flat());
    return (label) => (other.has(label) ? '' : `${mark} `);
  };
  return html`<${PointedInBoth} ...${{cursor, answers, kinds, normalized, order, size}} />
    <div ref=${box} class="matrices" style=${{gap: `${GAP}px`, '--gutter': `${gutter.room}px`}}>
      ${width > 0 &&
        panels.map(
          (panel, i) => html`<${Matrix} ...${panel} ...${shared} side=${side}>
            <p class="note" style=${{maxWidth: `${side}px`}}><${Keys} change=${i === 2} /></p>
          <//>`,
        )}
    </div>
    <div class="zoom" role="group" aria-label="Zoom">
      <${Button} hint="Zoom in" onClick=${() => zoom(0.7)}>+<//>
      <${Button} hint="Zoom out" onClick=${() => zoom(1 / 0.7)}>−<//>
      <${Button} onClick=${() => setView(start)}>Clusters<//>
      <${Button} onClick=${() => zoom(Infinity)}>All labels<//>
      <span class="note">
        All three in one order of labels: the clusters of A, then what only B has in clusters.
      </span>
    </div>
    <div class="both-lists">
      ${clusters.map(
        (one, i) => html`<${ClusterList}
          title=${`Clusters of ${'AB'[i]}, ${i ? '+ gained' : '− lost'}`}
          clusters=${one}
          labels=${chosen.labels}
          cursor=${cursor}
          dead=${answers[i].header.dead}
          signOf=${sign(one, clusters[1 - i], i ? '+' : '−')}
        />`,
      )}
    </div>`;
}

function Keys({change}) {
  if (change)
    return html`<${Keyed} color="white">in both<//>${' '}
      <${Keyed} color="first">A alone<//>${' '}
      <${Keyed} color="second">B alone<//>`;
  return html`<${Keyed} color="white">clusters<//> <${Keyed} color="yellow">noise<//>`;
}

/** The element under the cross, in both. */
function PointedInBoth({cursor, answers, kinds, normalized, order, size}) {
  const {chosen} = useContext(Shared);
  if (!cursor)
    return html`<p class="pointed quiet">
      Point to read an element in both; the wheel zooms, dragging moves, all three together.
    </p>`;
  const {row, column} = cursor;
  const at = order.indexOf(row) * size + order.indexOf(column);
  const kind = (i) => ['below the threshold', 'noise', 'cluster'][kinds[i][at]];
  return html`<p class="pointed" role="status">
    <span class="name" title=${chosen.labels[row]}>${chosen.labels[row]}</span>
    <span aria-label="on output unit">→</span>
    <span class="name" title=${chosen.labels[column]}>${chosen.labels[column]}</span>
    ${answers.map(
      (_, i) => html`<span>
        ${'AB'[i]}: <b>${formatNumber(normalized[i][row * size + column])}</b>, ${kind(i)}
      </span>`,
    )}
  </p>`;
}
