/** View (g): the labels that each attention head is for, and whether by more than chance. */

import {html, useContext, useLayoutEffect, useMemo, useRef, useState} from '../lib/html.js';
import {getJson} from '../lib/api.js';
import {Chart, Legend} from '../components/chart.js';
import {Explanations} from '../components/explanations.js';
import {quantityColor} from '../lib/colors.js';
import {compose} from '../lib/export.js';
import {cutMiddle, describeChoice, formatNumber, labelName} from '../lib/format.js';
import {headColumns, headsPicture, largestOf, ofHeads, paintHeads, scaleColors} from '../lib/headspicture.js';
import {Await, Empty, Notices} from '../components/messages.js';
import {useResource} from '../lib/resource.js';
import {Shared, useOffer, useStageParameters} from '../lib/shared.js';
import {flag, oneOf, text} from '../lib/state.js';
import {Table, sortRows} from '../components/table.js';
import {Radios} from '../components/widgets.js';

const TICK_LETTERS = 14;
const ROW = 22; // Pixels of a head, where there is room.
const MOST = 420; // Pixels of all heads.
// Columns of the CSV file that hold the matrices.
const [NODES, FIELDS] = ['nodes_head', 'field_head'];

export const view = {
  name: 'heads',
  title: 'Heads',
  place: 7,
  Page: HeadsView,
  styles: ['heads'],
  suits: ({run}) => run.stages.some(({heads}) => heads),
  suitsStage: ({heads}) => Boolean(heads),
  fields: {
    of: ['nodes', oneOf('nodes', 'fields')],
    headsort: ['leading_head', text],
    headsdown: [false, flag],
  },
};

/** The matrix at the chosen step, shares of labels, and their mean at every step. */
function HeadsView() {
  const {chosen, version} = useContext(Shared);
  const {parameters, key, scope} = useStageParameters();
  const found = useResource(
    `heads ${key}`,
    async (signal) => (chosen.stage.heads ? getJson('heads', parameters, signal) : {rows: null}),
    scope,
  );
  const {run, stage, threshold} = parameters;
  const steps = useResource(
    JSON.stringify(['heads over steps', run, stage, threshold, version]),
    async (signal) =>
      chosen.stage.heads ? getJson('heads_over_steps', {run, stage, threshold}, signal) : {rows: []},
    scope,
  );
  if (!chosen.stage.heads)
    return html`<${Empty} title=${`${chosen.stage.stage} is not the output of attention heads`}>
      <p>Choose a stage of heads: ${headsOf(chosen.run)}.</p>
    <//>`;
  return html`<${Await} resource=${found} what="Assigning nodes to random heads">
    ${(answer) => html`<${Heads} answer=${answer} steps=${steps} />`}
  <//>`;
}

const headsOf = (run) =>
  run.stages
    .filter(({heads}) => heads)
    .map(({stage}) => stage)
    .join(', ');

function Heads({answer, steps}) {
  const {state, update, theme, chosen, columns} = useContext(Shared);
  const canvases = useRef({});
  const {rows, step, heads, nodes_per_head: nodes, permutations} = answer;
  const fields = state.of === 'fields';
  const prefix = fields ? 'field_' : '';
  const ordered = useMemo(() => byLeadingHead(rows, prefix), [rows, prefix]);
  const matrix = fields ? answer.field_matrix : answer.matrix;
  const sorted = useMemo(
    () => sortRows(rows, state.headsort, state.headsdown),
    [rows, state.headsort, state.headsdown],
  );
  const series = [
    {name: 'signal', key: 'share', label: 'Leading head', mark: 'circle'},
    {name: 'internal', key: 'expected_share', label: 'Random nodes', mark: 'square'},
  ].map(({name, key, ...look}) => ({
    ...look,
    color: quantityColor(name, theme),
    dash: [],
    x: ordered.map((_, i) => i),
    y: ordered.map((row) => row[prefix + key]),
  }));
  const what = fields ? 'Fields of nodes with the label in a cluster' : 'Nodes with the label in a cluster';
  const shares = 'Share of each label’s leading head';
  const color = quantityColor('external', theme);
  const level = {y: 1 / heads, label: '1 / heads', color, dash: [4, 3]};
  const {threshold} = chosen;
  useOffer({
    name: `heads-${chosen.stage.stage}-t${threshold}`,
    table: () => ({
      columns: [
        ...columns.heads.map((c) => c.key),
        ...headColumns(answer.matrix, NODES),
        ...headColumns(answer.field_matrix, FIELDS),
        ...['step', 'threshold'],
      ],
      rows: sorted.map((row) => ({
        ...row,
        ...ofHeads(answer.matrix, NODES, row.label),
        ...ofHeads(answer.field_matrix, FIELDS, row.label),
        ...{step, threshold},
      })),
    }),
    json: () => ({run: chosen.run.run, stage: chosen.stage.stage, threshold, ...answer}),
    picture: () => {
      const of = canvases.current.shares;
      if (!of) return null;
      const width = of.width / (window.devicePixelRatio || 1);
      const canvas = headsPicture({
        ...{matrix, theme, width, height: heightOf(heads)},
        labels: ordered.map(({label}) => label),
        names: ordered.map((row) => nameOf(row, true)),
      });
      return compose(
        [
          {title: what, canvas},
          {title: shares, canvas: of},
        ],
        {heading: describeChoice({...chosen, step}), columns: 1, legend: [...series, level]},
      );
    },
  });
  const sort = (by) =>
    update(by === state.headsort ? {headsdown: !state.headsdown} : {headsort: by, headsdown: false});
  return html`<section class="card" aria-label="Labels of every head">
      <div class="card-head">
        <${Radios}
          label="What is counted"
          name="of"
          choices=${[
            ['nodes', 'Nodes'],
            ['fields', 'Their fields'],
          ]}
          value=${state.of}
          onChange=${(of) => update({of})}
        />
        <span class="quiet">${heads} heads of ${nodes} nodes</span>
      </div>
      <p class="heads-result" role="status">
        Mean share of the leading head${' '}
        <b>${formatNumber(answer[`${prefix}mean_share`])}</b>, of random nodes${' '}
        <b>${formatNumber(answer[`${prefix}expected_mean_share`])}</b>, 1 / heads${' '}
        <b>${formatNumber(1 / heads)}</b>: <var>p</var> =${' '}
        <b>${formatNumber(answer[`${prefix}p_value`])}</b>
        <span class="quiet"> (${permutations} random assignments)</span>
      </p>
      <${HeadMatrix} title=${what} ...${{matrix, ordered, theme}} />
      <${Chart}
        title=${shares}
        series=${series}
        theme=${theme}
        height=${240}
        levels=${[level]}
        ticks=${ordered.map((_, i) => i)}
        turns
        xLabel="Label, by leading head"
        nameOfX=${(i, tick) => nameOf(ordered[i], tick)}
        onCanvas=${(canvas) => (canvases.current.shares = canvas)}
      />
      <${Legend} entries=${series} />
      <p class="quiet">Dashed: 1 / heads.</p>
      <${Await} resource=${steps} what="Finding the leading heads at every step">
        ${(found) => html`<${OverSteps} ...${{...found, prefix, theme, heads}} />`}
      <//>
    </section>
    <section class="card">
      <${Table}
        caption=${`Leading heads of ${chosen.stage.stage} at threshold ${threshold}`}
        columns=${columns.heads}
        rows=${sorted}
        sort=${{key: state.headsort, down: state.headsdown}}
        onSort=${sort}
        height=${Math.max(300, window.innerHeight - 450)}
      />
      <${Explanations} columns=${columns.heads} />
    </section>`;
}

/** Mean shares against the step, where there are several. */
function OverSteps({rows, notices = [], prefix, theme, heads}) {
  const told = html`<${Notices} texts=${notices} />`;
  if (rows.length < 2) return told;
  const series = [
    {name: 'signal', key: 'mean_share', label: 'Leading head'},
    {name: 'internal', key: 'expected_mean_share', label: 'Random nodes'},
  ].map(({name, key, label}) => ({
    label,
    color: quantityColor(name, theme),
    dash: [],
    x: rows.map((row) => row.step),
    y: rows.map((row) => row[prefix + key]),
  }));
  return html`${told}<${Chart}
    title="Mean share of the leading head, at every step"
    series=${series}
    theme=${theme}
    levels=${[{y: 1 / heads, color: quantityColor('external', theme)}]}
    xLabel="Epoch"
    nameOfX=${(x, tick) => (tick ? String(x) : `Epoch ${x}`)}
  />`;
}

/** The head by label matrix on a canvas, with what stands where the mouse points. */
function HeadMatrix({title, matrix, ordered, theme}) {
  const canvas = useRef(null);
  const [at, setAt] = useState(null);
  const heads = matrix.length;
  const most = formatNumber(largestOf(matrix));
  const height = heightOf(heads);
  useLayoutEffect(() => {
    const element = canvas.current;
    const draw = () => {
      const scale = window.devicePixelRatio || 1;
      element.width = Math.max(1, Math.round(element.clientWidth * scale));
      element.height = Math.round(height * scale);
      paintHeads(element.getContext('2d'), {
        ...{matrix, theme, width: element.width, height: element.height},
        labels: ordered.map(({label}) => label),
      });
    };
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [matrix, ordered, theme]);
  const point = (event) => {
    const box = canvas.current.getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * ordered.length);
    const head = Math.floor(((event.clientY - box.top) / box.height) * heads);
    setAt(ordered[place] && matrix[head] ? {row: ordered[place], head} : null);
  };
  const read = at
    ? `Head ${at.head}, ${nameOf(at.row)}: ${formatNumber(matrix[at.head][at.row.label])}`
    : `Rows: heads 0 to ${heads - 1}. Columns: labels by their leading head.`;
  return html`<figure class="head-matrix">
    <figcaption>${title}</figcaption>
    <canvas
      ref=${canvas}
      role="img"
      aria-label=${`${title}: ${heads} heads by ${ordered.length} labels; the exported CSV file has every number`}
      style=${{height: `${height}px`}}
      onMouseMove=${point}
      onMouseLeave=${() => setAt(null)}
    />
    <div class="scale" role="img" aria-label=${`Colours from 0 to ${most}`}>
      <div
        class="scale-bar"
        style=${{background: `linear-gradient(to right,${scaleColors(theme)})`}}
      ></div>
      <div class="scale-text"><span>0</span><span>${most}</span></div>
    </div>
    <p class="quiet">${read}</p>
  </figure>`;
}

/** Pixels of a matrix of so many heads. */
function heightOf(heads) {
  return Math.min(MOST, Math.max(80, ROW * heads));
}

function byLeadingHead(rows, prefix) {
  const head = (row) => row[`${prefix}leading_head`] ?? Infinity;
  const share = (row) => row[`${prefix}share`] ?? 0;
  return [...rows].sort((a, b) => head(a) - head(b) || share(b) - share(a) || a.label - b.label);
}

function nameOf(row, tick) {
  if (!row) return '';
  const name = labelName(row.name, row.label);
  return tick ? cutMiddle(name, TICK_LETTERS) : `${name} (No. ${row.label})`;
}
