/** View (f): two measurements, filter by filter: what changed in the clusters. */

import {html, useContext, useMemo, useRef} from '../lib/html.js';
import {getJson} from '../lib/api.js';
import {ChangeDetail, useMatrices} from '../components/changedetail.js';
import {ChangeList} from '../components/changelist.js';
import {MeasurementChoice} from '../components/measurementchoice.js';
import {StageNumbers} from '../components/stagenumbers.js';
import {ORDERS, compareClusters} from '../lib/compare.js';
import {Await, Empty} from '../components/messages.js';
import {useResource} from '../lib/resource.js';
import {Shared, useStageParameters} from '../lib/shared.js';
import {flag, integer, text, toRun} from '../lib/state.js';
import {sortRows} from '../components/table.js';
import {count} from '../lib/format.js';
import {ofKind} from '../lib/words.js';
import {Button} from '../components/widgets.js';

const NOTE = `Filter by filter: both need as many filters, and the same labels in the same order.
  Filters of one number belong together where both are of one network, at another step, with other
  heads or after more training; networks trained apart have no filters in common.`;

export const view = {
  name: 'compare',
  title: 'Compare',
  place: 6,
  Page: CompareView,
  styles: ['compare'],
  // A, and the order and page of the filters.
  fields: {
    arun: [null, text],
    astage: [null, text],
    astep: [null, integer],
    change: ['change', text],
    changedown: [true, flag],
    page: [0, integer],
  },
  named: (shared) => {
    const {run, stage, step} = referenceOf(shared);
    return {arun: run.run, astage: stage.stage, astep: step};
  },
};

/** A is chosen here, B is what all views show. */
function CompareView() {
  const shared = useContext(Shared);
  const {state, runs, chosen, update} = shared;
  const a = useMemo(
    () => referenceOf(shared),
    [state.arun, state.astage, state.astep, runs, chosen.run, chosen.stage],
  );
  const gone = state.arun !== null && state.arun !== a.run.run;
  const b = {run: chosen.run, stage: chosen.stage, step: chosen.step};
  const why = whyNotComparable(a, b);
  const swap = () =>
    update({
      ...toRun(a.run, shared),
      stage: a.stage.stage,
      step: a.step === a.stage.steps.at(-1) ? null : a.step,
      arun: b.run.run,
      astage: b.stage.stage,
      astep: b.step,
      filter: chosen.filter,
      page: 0,
    });
  const chooseA = ({run, stage, step}) =>
    update({arun: run.run, astage: stage?.stage ?? null, astep: step, page: 0});
  const chooseB = ({run, stage, step}) =>
    update({
      ...(run === b.run ? {} : toRun(run, shared)),
      ...(stage && {stage: stage.stage}),
      filter: null,
      step: step === stage?.steps.at(-1) ? null : step,
      page: 0,
    });
  return html`${gone &&
      html`<p class="notice" role="status">
      The run “${state.arun}” of the address is not in this log.
    </p>`}
    <section class="card compared" aria-label="What is compared">
      <${MeasurementChoice} name="A" runs=${runs} value=${a} onChange=${chooseA} />
      <${MeasurementChoice} name="B" runs=${runs} value=${b} onChange=${chooseB} />
      <${Button} onClick=${swap}>⇅ Swap A and B<//>
      <p class="note">
        ${ofKind(NOTE, chosen.stage.kind)}
      </p>
    </section>
    ${why
        ? html`<${Empty} title="A and B cannot be compared"><p>${why}</p><//>`
        : html`<${Compared} a=${a} b=${b} />`
    }`;
}

/**
 * The measurement A: what was chosen, else the first step of the same stage, else that stage in
 * another run.
 */
function referenceOf({state, runs, chosen}) {
  const stageIn = (run, name) => run.stages.find((s) => s.stage === name);
  const fits = (run) => whyNotComparable({run, stage: like(run), step: 0}, chosen) === null;
  const like = (run) => stageIn(run, chosen.stage.stage);
  const usual =
    chosen.stage.steps.length > 1
      ? chosen.run
      : (runs.find((run) => run !== chosen.run && like(run)?.steps.length && fits(run)) ??
        chosen.run);
  const run = runs.find((r) => r.run === state.arun) ?? usual;
  const stage = stageIn(run, state.astage) ?? like(run) ?? run.stages[0];
  const step = stage.steps.findLast((s) => state.astep !== null && s <= state.astep);
  return {run, stage, step: step ?? stage.steps[0] ?? null};
}

/** Why filters of two measurements cannot be put side by side, or `null`. */
function whyNotComparable(a, b) {
  if (!a.stage.steps.length || !b.stage.steps.length) {
    const bare = a.stage.steps.length ? b : a;
    return `The log keeps no matrices of ${bare.stage.stage} of ${bare.run.run}: choose another.`;
  }
  if (a.run === b.run && a.stage === b.stage && a.step === b.step)
    return 'They are one measurement: choose another run, stage or step for one of them.';
  const [f, g] = [a.stage.filters, b.stage.filters];
  if (f !== g) return `A has ${count(f, a.stage.kind)}, B has ${g}: choose stages with as many.`;
  const [k, l] = [a.run.labels.length, b.run.labels.length];
  if (k !== l) return `A has ${k} labels, B has ${l}: choose runs with the same labels.`;
  const at = a.run.labels.findIndex((name, i) => name !== b.run.labels[i]);
  if (at >= 0)
    return `Label ${at} is “${a.run.labels[at]}” in A and “${b.run.labels[at]}” in B: choose runs
      with the same labels in the same order.`;
  return null;
}

function Compared({a, b}) {
  const {chosen, version} = useContext(Shared);
  const {parameters} = useStageParameters();
  const {threshold} = chosen;
  const ofA = {run: a.run.run, stage: a.stage.stage, step: a.step, threshold};
  const asked = [ofA, parameters];
  const found = useResource(
    JSON.stringify([asked, version]),
    async (signal) => {
      const answers = await Promise.all(
        asked.map((one) => getJson('filters', {...one, labels: 1}, signal)),
      );
      return {rows: toRows(...answers), steps: answers.map(({step}) => step)};
    },
    JSON.stringify(asked.map(({run, stage}) => [run, stage])),
  );
  return html`<${StageNumbers} both=${asked} />
  <${Await} resource=${found} what=${`Finding the clusters of every ${chosen.stage.kind} in both`}>
    ${({rows, steps}) => {
      const both = [
        {...a, parameters: ofA, step: steps[0]},
        {...b, parameters, step: steps[1]},
      ];
      return html`<${Both} rows=${rows} both=${both} />`;
    }}
  <//>`;
}

/** The filter chosen in detail, and all of them. */
function Both({rows, both}) {
  const {state, chosen} = useContext(Shared);
  const picture = useRef(null);
  const sort = ORDERS.some(([key]) => key === state.change) ? state.change : 'change';
  const sorted = useMemo(
    () => sortRows(rows, sort, state.changedown),
    [rows, sort, state.changedown],
  );
  const at = sorted.findIndex((row) => row.filter === chosen.filter);
  const row = sorted[at];
  const around = {before: sorted[at - 1], after: sorted[at + 1]};
  const found = useMatrices(row?.filter, both);
  const draw = () => picture.current?.();
  const detail = !row || found.error ? undefined : found.busy ? null : draw;
  return html`${row &&
      html`<${ChangeDetail} key=${row.filter} ...${{row, both, found, picture}} ...${around} />`}
    <${ChangeList} ...${{sort, both, detail}} rows=${sorted} />`;
}

/** One row a filter: its numbers and clusters in both, and how they differ. */
function toRows(a, b) {
  return a.filters.map((filter, i) => {
    const {change, shared, kept, gained, lost} = compareClusters(a.labels[i], b.labels[i]);
    return {
      filter,
      change,
      shared,
      gained: gained.length,
      lost: lost.length,
      kept: kept.length,
      noise_change: b.noise[i] - a.noise[i],
      noise: [a.noise[i], b.noise[i]],
      dead: [a.dead[i], b.dead[i]],
      labels: [a.labels[i], b.labels[i]],
      gained_labels: gained,
      lost_labels: lost,
    };
  });
}
