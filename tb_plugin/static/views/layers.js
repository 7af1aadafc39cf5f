/** View (a): the papers' layer table, and its columns against depth, several runs together. */

import {html, useContext, useRef} from '../html.js';
import {getJson} from '../api.js';
import {Chart, Legend} from '../chart.js';
import {seriesStyle} from '../colors.js';
import {LAYER_COLUMNS, symbols} from '../columns.js';
import {compose} from '../export.js';
import {formatNumber, shortNames, shortRunNames} from '../format.js';
import {Await, Empty} from '../messages.js';
import {useResource} from '../resource.js';
import {toRun} from '../state.js';
import {Shared, useOffer} from '../shared.js';
import {Table} from '../table.js';
import {Check} from '../widgets.js';

const DASHED = [6, 4];
const TICK_LETTERS = 12;
// [title, [[column, what the legend of the chart adds, dash]], may be logarithmic]
const CHARTS = [
  ['Accuracy', [['accuracy', '', []]], false],
  ['Noise n of a filter', [['noise', '', []]], true],
  [
    'SNR: internal (solid), external (dashed)',
    [
      ['snr_internal', ' SNR_I', []],
      ['snr_external', ' SNR_E', DASHED],
    ],
    true,
  ],
  ['Signal', [['signal', '', []]], false],
  [
    'Noise of a label: internal (solid), external (dashed)',
    [
      ['noise_internal', ' noise_I', []],
      ['noise_external', ' noise_E', DASHED],
    ],
    true,
  ],
  [
    'Clusters of a filter (solid), labels of a cluster (dashed)',
    [
      ['clusters', ' N_c', []],
      ['cluster_size', ' C_s', DASHED],
    ],
    false,
  ],
];

/** Table and charts. */
export function LayersView() {
  const {chosen, version} = useContext(Shared);
  const parameters = chosen.compared.map((run) => ({
    run: run.run,
    step: chosen.layersStep,
    threshold: chosen.threshold,
  }));
  const layers = useResource(
    JSON.stringify([parameters, version]),
    async (signal) => {
      const answers = await Promise.all(parameters.map((p) => getJson('layers', p, signal)));
      return answers.flatMap(({rows}, i) => rows.map((row) => ({run: parameters[i].run, ...row})));
    },
    JSON.stringify(parameters.map((p) => p.run)),
  );
  return html`<${Await} resource=${layers} what="Computing the layers’ statistics">
    ${(rows) => html`<${Layers} rows=${rows} />`}
  <//>`;
}

function Layers({rows}) {
  const {state, update, theme, runs, chosen} = useContext(Shared);
  const canvases = useRef({});
  const short = shortRunNames(runs);
  const many = chosen.compared.length > 1;
  const styles = new Map(runs.map((run, i) => [run.run, seriesStyle(i, theme)]));
  const depths = [...new Set(rows.map((row) => row.depth))].sort((a, b) => a - b);
  const names = namesOfDepths(rows, depths);
  const nameOfDepth = (depth, tick) => {
    if (tick) return names.short[depths.indexOf(depth)];
    return names.full[depths.indexOf(depth)] ?? `Depth ${formatNumber(depth)}`;
  };
  const legend = chosen.compared.map((run) => ({
    label: short.get(run.run),
    ...styles.get(run.run),
  }));
  const columns = [
    'run',
    'stage',
    'depth',
    'split',
    'threshold',
    ...LAYER_COLUMNS.map((c) => c.key),
  ];
  const {threshold} = chosen;
  const steps = rows.filter((row) => row.run === chosen.run.run).map((row) => row.step);
  const step = steps.length ? Math.max(...steps) : chosen.shownStep;
  const offered = {
    name: `layers-step${step}-t${threshold}`,
    table: () => ({columns, rows}),
    json: () => ({step, threshold, rows}),
    picture: () =>
      compose(
        CHARTS.map(([title]) => ({title, canvas: canvases.current[title]})),
        {heading: `Layers, step ${step}, threshold ${threshold}`, columns: 3, legend},
      ),
  };
  useOffer(rows.length ? offered : null);
  if (!rows.length)
    return html`<${Empty} title="Nothing measured yet at this step">
      <p>Move the step slider to the right, or tick “Follow new data”.</p>
    <//>`;
  const open = (row) => {
    const run = runs.find((r) => r.run === row.run);
    update({...toRun(run, {state, chosen}), stage: row.stage, view: 'gallery'});
  };
  const lead = (row) => html`<button
    type="button"
    class="link stage"
    title=${`Show the filters of ${row.stage} of ${row.run}`}
    onClick=${() => open(row)}
  >
    ${many && html`<i class="swatch" style=${{background: styles.get(row.run).color}}></i>`}
    <span>${row.stage}</span>${many && html`<small>${short.get(row.run)}</small>`}
  </button>`;
  return html`<section class="card">
      <${Table}
        caption=${`Layers at threshold ${threshold}`}
        columns=${LAYER_COLUMNS}
        rows=${rows}
        lead=${lead}
        leadTitle="Layer"
        isChosen=${(row) => row.run === chosen.run.run && row.stage === chosen.stage.stage}
        height=${many ? 330 : undefined}
      />
    </section>
    <section class="card" aria-label="Against depth">
      <div class="card-head">
        ${many ? html`<${Legend} entries=${legend} />` : html`<b>Against depth</b>`}
        <${Check} checked=${state.log} onChange=${(log) => update({log})}>
          Noise and SNR logarithmic
        <//>
      </div>
      <div class="charts">
        ${CHARTS.map(
          ([title, quantities, mayLog]) => html`<${Chart}
            key=${title}
            title=${title}
            theme=${theme}
            log=${mayLog && state.log}
            ticks=${depths}
            xLabel=${names.agree ? 'Layer, from the input side' : 'Depth, from the input side'}
            nameOfX=${nameOfDepth}
            series=${chosen.compared.flatMap((run) => seriesOf(run, quantities))}
            onCanvas=${(canvas) => (canvases.current[title] = canvas)}
          />`,
        )}
      </div>
    </section>`;

  function seriesOf(run, quantities) {
    const own = rows.filter((row) => row.run === run.run).sort((a, b) => a.depth - b.depth);
    return quantities.map(([key, suffix, dash]) => ({
      label: (many ? short.get(run.run) : '') + suffix || 'Value',
      shown: html`${many && short.get(run.run)}${suffix ? symbols(suffix) : !many && 'Value'}`,
      color: styles.get(run.run).color,
      dash: dash.length || !many ? dash : styles.get(run.run).dash,
      x: own.map((row) => row.depth),
      y: own.map((row) => row[key]),
    }));
  }
}

/** The stages' names where all runs agree on every one, else their depths. */
function namesOfDepths(rows, depths) {
  const full = depths.map((depth) => {
    const names = new Set(rows.filter((row) => row.depth === depth).map((row) => row.stage));
    return names.size === 1 ? [...names][0] : null;
  });
  const agree = !full.includes(null);
  const short = agree ? shortNames(full, TICK_LETTERS) : depths.map(formatNumber);
  return {full, short, agree};
}
