/** View (a): the papers' table of stages, and its columns against depth, several runs together. */

import {html, useContext, useRef} from '../lib/html.js';
import {askRuns} from '../lib/askruns.js';
import {Chart, Legend} from '../components/chart.js';
import {Explanations} from '../components/explanations.js';
import {ErrorNotes, Reference} from '../components/errornotes.js';
import {neutralColor, seriesStyle} from '../lib/colors.js';
import {columnOf, symbols} from '../lib/columns.js';
import {barsOf, known, withErrors, withReferences} from '../lib/errorcolumns.js';
import {compose} from '../lib/export.js';
import {formatNumber, plural, shortNames, shortRunNames} from '../lib/format.js';
import {groupsOf, rowsOfGroups} from '../lib/means.js';
import {Await, Empty, Notices} from '../components/messages.js';
import {useResource} from '../lib/resource.js';
import {comparedRuns, flag, toRun} from '../lib/state.js';
import {kindOfRow} from '../lib/words.js';
import {Shared, useOffer} from '../lib/shared.js';
import {Table} from '../components/table.js';
import {Check} from '../components/widgets.js';

// Of a stage without matrices, of which app.js speaks for every view.
const NOT_KEPT = 'the log keeps no matrices of';
const DASHED = [6, 4];
// Of a head of shuffled labels; beside a dashed line.
const [SHUFFLED, SHUFFLED_DASHED] = [
  [2, 3],
  [8, 3, 2, 3],
];
const TICK_LETTERS = 12;
// Pixels of a table of several runs; where rows of other heads may stand between.
const [MANY, MANY_WITH_REFERENCES] = [330, 470];
// The columns of each chart, the second one dashed, and whether it may be logarithmic.
const CHARTS = [
  {keys: ['accuracy'], mayLog: false},
  {keys: ['noise'], mayLog: true},
  {keys: ['snr_internal', 'snr_external'], mayLog: true},
  {keys: ['signal'], mayLog: false},
  {keys: ['noise_internal', 'noise_external'], mayLog: true},
  {keys: ['clusters', 'cluster_size'], mayLog: false},
];

/** A chart's title and explanation, and its lines: column, what the legend adds, dashes. */
function described({keys}, columns) {
  const shown = keys.map((key) => columnOf(columns, key));
  const many = shown.length > 1;
  return {
    title: many ? `${shown[0].name} (solid), ${shown[1].heading} (dashed)` : shown[0].name,
    hint: shown.map(({name, hint}) => `${name}: ${hint}`).join('\n'),
    drawn: shown.map(({key, symbol}, i) => ({
      key,
      suffix: many ? ` ${symbol}` : '',
      dash: i ? DASHED : [],
    })),
  };
}

export const view = {
  name: 'stages',
  title: 'Stages',
  place: 1,
  Page: StagesView,
  fields: {mean: [false, flag]},
  named: comparedRuns,
};

/** Table and charts. */
function StagesView() {
  const {chosen, version} = useContext(Shared);
  const parameters = chosen.compared.map((run) => ({
    run: run.run,
    step: chosen.stagesStep,
    threshold: chosen.threshold,
  }));
  const stages = useResource(
    JSON.stringify([parameters, version]),
    async (signal) => {
      const {notices, ...found} = await askRuns('stages', parameters, signal);
      return {...found, notices: notices.filter((text) => !text.includes(NOT_KEPT))};
    },
    JSON.stringify(parameters.map((p) => p.run)),
  );
  return html`<${Await} resource=${stages} what="Computing the stages’ statistics">
    ${({notices, ...found}) => html`<${Notices} texts=${notices} />
      <${Stages} ...${found} told=${notices.length > 0} />`}
  <//>`;
}

function Stages({rows: ofRuns, barsAt, told}) {
  const {state, update, theme, runs, chosen, columns} = useContext(Shared);
  const charts = CHARTS.map((chart) => ({...chart, ...described(chart, columns.stages)}));
  const canvases = useRef({});
  const short = shortRunNames(runs);
  const styles = new Map(runs.map((run, i) => [run.run, seriesStyle(i, theme)]));
  const averaged = columns.stages.filter(({numeric}) => numeric).map(({key}) => key);
  const sets = groupsOf(chosen.compared, ofRuns);
  const someAlike = sets.length < chosen.compared.length;
  const shown = state.mean ? sets : chosen.compared.map((run) => [run]);
  const groups = rowsOfGroups(shown, ofRuns, averaged, short).map((group) => ({
    ...styles.get(group.run),
    ...group,
  }));
  const rows = groups.flatMap((group) => group.rows);
  const many = groups.length > 1;
  const groupOf = new Map(groups.map((group) => [group.run, group]));
  const depths = [...new Set(rows.map((row) => row.depth))].sort((a, b) => a - b);
  const names = namesOfDepths(rows, depths);
  const nameOfDepth = (depth, tick) => {
    if (tick) return names.short[depths.indexOf(depth)];
    return names.full[depths.indexOf(depth)] ?? `Depth ${formatNumber(depth)}`;
  };
  const ofErrors = legendOf(known(rows), theme);
  const legend = [...groups.map(({name, color, dash}) => ({label: name, color, dash})), ...ofErrors];
  const keys = ['run', 'stage', 'depth', 'split', 'threshold', ...columns.stages.map((c) => c.key)];
  const {threshold} = chosen;
  // A line of one point says less than its number in the table.
  const drawn = groups.some((group) => group.rows.length > 1);
  const steps = [...new Set(ofRuns.map((row) => row.step))];
  // Of rows of several steps each says its own.
  const step = steps.length > 1 ? null : (steps[0] ?? chosen.shownStep);
  const upTo = chosen.following ? '' : ` up to ${chosen.shownStep}`;
  const named = step === null ? `newest step${upTo}` : `step ${step}`;
  const inFiles = rows.map((row) => (row.runs ? {...row, run: groupOf.get(row.run).name} : row));
  const offered = {
    name: `stages-${step === null ? named : `step${step}`}-t${threshold}${state.mean && someAlike ? '-means' : ''}`,
    table: () => ({columns: withErrors(keys, inFiles), rows: inFiles}),
    json: () => ({step, threshold, rows: inFiles}),
    picture:
      drawn &&
      (() =>
        compose(
          charts.map(({title}) => ({title, canvas: canvases.current[title]})),
          {heading: `Stages, ${named}, threshold ${threshold}`, columns: 3, legend},
        )),
  };
  useOffer(rows.length ? offered : null);
  // What was measured is not to be seen: why, is said above.
  if (!rows.length && told) return null;
  if (!rows.length)
    return html`<${Empty} title="Nothing measured yet at this step">
      <p>Move the step slider to the right, or tick “Follow new data”.</p>
    <//>`;
  const open = (row) => {
    const run = runs.find((r) => r.run === row.run);
    update({...toRun(run, {state, chosen}), stage: row.stage, view: 'gallery'});
  };
  const swatch = (row) =>
    many && html`<i class="swatch" style=${{background: styles.get(row.run).color}}></i>`;
  const lead = (row) => {
    if (row.reference) return html`<${Reference} row=${row} />`;
    return row.runs ? mean(row, groupOf.get(row.run)) : link(row);
  };
  const mean = (row, {name, title}) => html`<span class="mean" title=${title}>
    ${swatch(row)}<span>${row.stage}</span><small>${name}</small>
  </span>`;
  const link = (row) => html`<button
    type="button"
    class="link stage"
    title=${`Show the ${plural(kindOfRow(runs, row))} of ${row.stage} of ${row.run}`}
    onClick=${() => open(row)}
  >
    ${swatch(row)}
    <span>${row.stage}</span>${many && html`<small>${short.get(row.run)}</small>`}
  </button>`;
  return html`<section class="card">
      ${someAlike &&
        html`<div class="card-head">
        <${Check} checked=${state.mean} onChange=${(mean) => update({mean})}>
          Mean and deviation of runs whose stages are alike
        <//>
      </div>`}
      <${Table}
        caption=${`Stages at threshold ${threshold}`}
        columns=${columns.stages}
        rows=${withReferences(rows)}
        lead=${lead}
        leadTitle="Stage"
        isChosen=${(row) =>
          !row.runs && row.run === chosen.run.run && row.stage === chosen.stage.stage}
        height=${many ? (ofErrors.length ? MANY_WITH_REFERENCES : MANY) : undefined}
      />
      <${ErrorNotes} ...${{rows, barsAt}} />
      <${Explanations} columns=${columns.stages} />
      ${!drawn &&
        html`<p class="note">
        One stage was measured, so there are no curves against depth. Those against the epoch are in
        the view “Training”.
      </p>`}
    </section>
    ${drawn && html`<section class="card" aria-label="Against depth">
      <div class="card-head">
        ${!many && html`<b>Against depth</b>`}
        ${(many || ofErrors.length > 0) && html`<${Legend} entries=${many ? legend : ofErrors} />`}
        <${Check} checked=${state.log} onChange=${(log) => update({log})}>
          Noise and SNR logarithmic
        <//>
      </div>
      <div class="charts">
        ${charts.map(
          ({title, hint, drawn, mayLog}) => html`<${Chart}
            key=${title}
            title=${title}
            hint=${hint}
            theme=${theme}
            log=${mayLog && state.log}
            ticks=${depths}
            xLabel=${names.agree ? 'Stage, from the input side' : 'Depth, from the input side'}
            nameOfX=${nameOfDepth}
            series=${groups.flatMap((group) => seriesOf(group, drawn))}
            onCanvas=${(canvas) => (canvases.current[title] = canvas)}
          />`,
        )}
      </div>
    </section>`}`;

  function seriesOf({name, color, dash: own, rows: ofGroup}, drawn) {
    const sorted = [...ofGroup].sort((a, b) => a.depth - b.depth);
    return drawn.flatMap(({key, suffix, dash}) => {
      const line = {
        label: (many ? name : '') + suffix || 'Value',
        shown: html`${many && name}${suffix ? symbols(suffix) : !many && 'Value'}`,
        color,
        dash: dash.length || !many ? dash : own,
        x: sorted.map((row) => row.depth),
        y: sorted.map((row) => row[key]),
        ...barsOf(sorted, key),
      };
      return sorted.some((row) => row.shuffled_seeds) ? [line, shuffled(line, sorted, key)] : [line];
    });
  }
}

/** What a head of shuffled labels gives, beside the line of a run. */
function shuffled({label, shown, color, dash, x}, rows, key) {
  return {
    label: `${label}, shuffled labels`,
    shown: html`${shown}, shuffled labels`,
    color,
    dash: dash.length ? SHUFFLED_DASHED : SHUFFLED,
    x,
    y: rows.map((row) => row[`${key}_shuffled`]),
  };
}

/** What bars, bands and dots of the charts are. */
function legendOf({images, heads, shuffled, runs}, theme) {
  const color = neutralColor(theme);
  return [
    images && {label: '95% interval over the images', mark: 'bar', color},
    heads > 0 && {label: `mean ± deviation of ${heads} heads`, mark: 'band', color},
    runs > 0 && {label: 'mean ± deviation over the runs', mark: 'band', color},
    shuffled && {label: 'head of shuffled labels: chance', dash: SHUFFLED, color},
  ].filter(Boolean);
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
