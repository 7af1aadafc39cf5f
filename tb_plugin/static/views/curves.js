/** View (b): SNR, noise and accuracy against the training step. */

import {html, useContext, useRef} from '../lib/html.js';
import {askRuns} from '../lib/askruns.js';
import {Chart, Legend} from '../components/chart.js';
import {depthColor, seriesStyle} from '../lib/colors.js';
import {columnOf} from '../lib/columns.js';
import {barsOf, withErrors} from '../lib/errorcolumns.js';
import {compose} from '../lib/export.js';
import {shortNames, shortRunNames} from '../lib/format.js';
import {Await, Empty, Notices} from '../components/messages.js';
import {useResource} from '../lib/resource.js';
import {Shared, useOffer} from '../lib/shared.js';
import {comparedRuns, oneOf} from '../lib/state.js';
import {StepTable} from '../components/steptable.js';
import {Check, Radios} from '../components/widgets.js';

const LEGEND_LETTERS = 28;
// The columns drawn, and whether they may be logarithmic.
const CHARTS = [
  {key: 'snr_internal', mayLog: true},
  {key: 'snr_external', mayLog: true},
  {key: 'noise', mayLog: true},
  {key: 'accuracy', mayLog: false},
  {key: 'noise_internal', mayLog: true},
  {key: 'noise_external', mayLog: true},
];

export const view = {
  name: 'curves',
  title: 'Training',
  place: 2,
  Page: CurvesView,
  fields: {lines: ['stages', oneOf('stages', 'runs')]},
  named: comparedRuns,
};

/** One line a stage of the run, or one line a run at the chosen stage. */
function CurvesView() {
  const {state, chosen, version} = useContext(Shared);
  const byStage = state.lines === 'stages';
  const runs = byStage ? [chosen.run] : chosen.compared;
  const parameters = runs.map((run) => ({
    run: run.run,
    stage: byStage ? undefined : run.stages.find((s) => s.stage === chosen.stage.stage)?.stage,
    threshold: chosen.threshold,
  }));
  const asked = parameters.filter((p) => byStage || p.stage !== undefined);
  const curves = useResource(
    JSON.stringify([asked, version]),
    (signal) => askRuns('curves', asked, signal),
    JSON.stringify(asked.map((p) => [p.run, p.stage])),
  );
  return html`<${Await} resource=${curves} what="Computing the statistics of every step">
    ${({notices, ...found}) => html`<${Notices} texts=${notices} />
      <${Curves} ...${{...found, byStage}} />`}
  <//>`;
}

function Curves({rows, barsAt, byStage}) {
  const {state, update, theme, runs, chosen, columns} = useContext(Shared);
  const charts = CHARTS.map(({key, mayLog}) => ({mayLog, ...columnOf(columns.stages, key)}));
  const canvases = useRef({});
  const short = shortRunNames(runs);
  const lines = byStage ? stageLines(rows, theme) : runLines(rows, runs, short, theme);
  // A line of one point says less than its number.
  const drawn = lines.some((line) => line.rows.length > 1);
  const name = byStage ? `${chosen.run.run}` : `${chosen.stage.stage}`;
  const offered = {
    name: `training-${name}-t${chosen.threshold}`,
    table: () => ({
      columns: withErrors(
        ['run', 'stage', 'depth', 'split', ...columns.stages.map((c) => c.key), 'threshold', 'exact'],
        rows,
      ),
      rows,
    }),
    json: () => ({threshold: chosen.threshold, rows}),
    picture:
      drawn &&
      (() =>
        compose(
          charts.map(({name: title}) => ({title, canvas: canvases.current[title]})),
          {heading: `${name}, threshold ${chosen.threshold}`, columns: 2, legend: lines},
        )),
  };
  useOffer(rows.length ? offered : null);
  return html`<section class="card" aria-label="Against the training step">
    <div class="card-head">
      <${Radios}
        label="Lines"
        name="lines"
        choices=${[
          ['stages', 'All stages of the run'],
          ['runs', `${chosen.stage.stage} in the runs shown together`],
        ]}
        value=${state.lines}
        onChange=${(value) => update({lines: value})}
      />
      ${drawn &&
        html`<${Check} checked=${state.log} onChange=${(log) => update({log})}>
        Noise and SNR logarithmic
      <//>`}
    </div>
    ${!rows.length &&
      html`<${Empty} title="No steps to draw">
      <p>Choose another run, or tick more runs under “Shown together”.</p>
    <//>`}
    ${drawn && html`<${Legend} entries=${lines} />`}
    ${rows.some((row) => row.exact === false) &&
      html`<p class="note">
      Some steps keep no factors: their numbers are those logged at this threshold.
    </p>`}
    <div class="charts two" hidden=${!drawn}>
      ${drawn &&
        charts.map(
          ({name: title, key, hint, mayLog}) => html`<${Chart}
            key=${key}
            title=${title}
            hint=${hint}
            theme=${theme}
            log=${mayLog && state.log}
            xLabel="Epoch"
            nameOfX=${(x, tick) => (tick ? String(x) : `Epoch ${x}`)}
            series=${lines.map((line) => ({
              ...line,
              x: line.rows.map((row) => row.step),
              y: line.rows.map((row) => row[key]),
              ...barsOf(line.rows, key),
            }))}
            onCanvas=${(canvas) => (canvases.current[title] = canvas)}
          />`,
        )}
    </div>
    ${drawn
        ? html`<details class="numbers">
          <summary>The numbers of every step</summary>
          <${StepTable} ...${{rows, barsAt}} />
        </details>`
        : rows.length > 0 &&
          html`<${StepTable} ...${{rows, barsAt}} />
            <p class="note">
              Measured at one step. Runs written during training (<code>train</code>,${' '}
              <code>heads</code>) have curves.
            </p>`
    }
  </section>`;
}

function stageLines(rows, theme) {
  const stages = [...new Map(rows.map((row) => [row.stage, row.depth]))].sort(
    (a, b) => a[1] - b[1],
  );
  const names = shortNames(
    stages.map(([stage]) => stage),
    LEGEND_LETTERS,
  );
  return stages.map(([stage], i) => ({
    label: stage,
    shown: names[i],
    color: depthColor(i, stages.length, theme),
    dash: [],
    rows: rows.filter((row) => row.stage === stage),
  }));
}

function runLines(rows, runs, short, theme) {
  return runs
    .map((run, i) => ({
      label: short.get(run.run),
      ...seriesStyle(i, theme),
      rows: rows.filter((row) => row.run === run.run),
    }))
    .filter((line) => line.rows.length);
}
