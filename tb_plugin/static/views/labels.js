/** View (e): signal and noise of every label, the papers' Figure 2 with a mark a label, and a table. */

import {html, useContext, useMemo, useRef} from '../lib/html.js';
import {getJson} from '../lib/api.js';
import {Chart, Key, Legend} from '../components/chart.js';
import {Explanations} from '../components/explanations.js';
import {quantityColor} from '../lib/colors.js';
import {columnOf, symbols} from '../lib/columns.js';
import {compose} from '../lib/export.js';
import {cutMiddle, describeChoice, formatNumber, labelName, plural} from '../lib/format.js';
import {Await} from '../components/messages.js';
import {useResource} from '../lib/resource.js';
import {Shared, useOffer, useStageParameters} from '../lib/shared.js';
import {flag, oneOf, text} from '../lib/state.js';
import {Table, sortRows} from '../components/table.js';
import {Check, Radios} from '../components/widgets.js';

const TICK_LETTERS = 14;
const LOOKS = {
  signal: {mark: 'circle', stem: true},
  external: {mark: 'diamond'},
  internal: {mark: 'square'},
};
const NAMED = 4; // Labels of least and of most signal that are named.

export const view = {
  name: 'labels',
  title: 'Labels',
  place: 5,
  Page: LabelsView,
  fields: {
    values: ['boolean', oneOf('boolean', 'fields')],
    labelsort: ['label', text],
    labelsdown: [false, flag],
    labelslog: [false, flag],
  },
};

/** Chart and table. */
function LabelsView() {
  const {chosen} = useContext(Shared);
  const {parameters, key, scope} = useStageParameters();
  const labels = useResource(
    `labels ${key}`,
    (signal) => getJson('labels', parameters, signal),
    scope,
  );
  return html`<${Await} resource=${labels} what=${`Summing over the ${plural(chosen.stage.kind)}’ rows`}>
    ${({rows, step}) => html`<${Labels} rows=${rows} step=${step} />`}
  <//>`;
}

function Labels({rows, step}) {
  const {state, update, theme, chosen, columns} = useContext(Shared);
  const canvas = useRef(null);
  const key = columns.labels.some((c) => c.key === state.labelsort) ? state.labelsort : 'label';
  const sorted = useMemo(
    () => sortRows(rows, key, state.labelsdown),
    [rows, key, state.labelsdown],
  );
  const fields = state.values === 'fields';
  const curves = useMemo(
    () => curvesOf(sorted, fields, columns.labels),
    [sorted, fields, columns.labels],
  );
  const series = curves.map(({name, title, y, average}) => ({
    label: title,
    shown: symbols(title),
    color: quantityColor(name, theme),
    dash: [],
    ...LOOKS[name],
    x: y.map((_, i) => i),
    y,
    average,
  }));
  const title = fields
    ? 'Fields above the threshold, summed'
    : 'Boolean elements above the threshold, summed';
  const legend = series.map(({label, color, mark, average}) => {
    const named = `${label}, mean ${formatNumber(average)}`;
    return {label: named, shown: symbols(named), color, mark};
  });
  const sort = (by) =>
    update(
      by === key
        ? {labelsdown: !state.labelsdown}
        : {labelsort: by, labelsdown: by !== 'label' && by !== 'name'},
    );
  const {threshold} = chosen;
  useOffer({
    name: `labels-${chosen.stage.stage}-t${threshold}`,
    table: () => ({
      columns: [...columns.labels.map((c) => c.key), 'step', 'threshold'],
      rows: sorted.map((row) => ({...row, step, threshold})),
    }),
    json: () => ({
      run: chosen.run.run,
      stage: chosen.stage.stage,
      step,
      threshold,
      rows: sorted,
    }),
    picture: () =>
      compose([{title, canvas: canvas.current}], {
        heading: describeChoice({...chosen, step}),
        columns: 1,
        legend,
      }),
  });
  return html`<section class="card" aria-label="Signal and noise of every label">
      <div class="card-head">
        <${Radios}
          label="What is summed"
          name="values"
          choices=${[
            ['boolean', 'Boolean (Figure 2A)'],
            ['fields', 'Fields (Figure 2B)'],
          ]}
          value=${state.values}
          onChange=${(values) => update({values})}
        />
        <${Legend} entries=${legend} />
        <${Check} checked=${state.labelslog} onChange=${(labelslog) => update({labelslog})}>
          Logarithmic
        <//>
      </div>
      <${Chart}
        title=${title}
        series=${series}
        theme=${theme}
        height=${340}
        log=${state.labelslog}
        levels=${series.map(({average, color}) => ({y: average, color}))}
        ticks=${sorted.map((_, i) => i)}
        turns
        xLabel="Input label"
        nameOfX=${(i, tick) => nameOf(sorted[i], tick)}
        onCanvas=${(element) => (canvas.current = element)}
      />
      <${Reading} ...${{rows, fields, series}} />
    </section>
    <section class="card">
      <${Table}
        caption=${`Labels of ${chosen.stage.stage} at threshold ${threshold}`}
        columns=${columns.labels}
        rows=${sorted}
        sort=${{key, down: state.labelsdown}}
        onSort=${sort}
        height=${Math.max(300, window.innerHeight - 450)}
      />
      <${Explanations} columns=${columns.labels} />
    </section>`;
}

/** What the chart shows, in words. */
function Reading({rows, fields, series}) {
  const {columns} = useContext(Shared);
  const prefix = fields ? 'field_' : '';
  const [signal, internal, external] = ['signal', 'noise_internal', 'noise_external'].map((key) =>
    columnOf(columns.labels, prefix + key),
  );
  const [ofSignal, ofBoth, ofInternal] = series;
  const ranked = sortRows(rows, signal.key, false).filter((row) => row[signal.key] !== null);
  const named = (some) =>
    some
      .map((row) => `${labelName(row.name, row.label)} (${signal.print(row[signal.key])})`)
      .join(', ');
  const few = ranked.length < 2 * NAMED;
  return html`<dl class="reading">
    <dt><${Key} ...${ofSignal} /><span>${symbols(signal.name)}</span></dt>
    <dd>${signal.hint}.</dd>
    <dt><${Key} ...${ofInternal} /><span>${symbols(internal.name)}</span></dt>
    <dd>${internal.hint}.</dd>
    <dt><${Key} ...${ofBoth} /><span>${symbols(ofBoth.label)}</span></dt>
    <dd>Both noises. ${symbols(external.name)}: ${external.hint}.</dd>
    <dt>Dashed</dt>
    <dd>The mean over the labels.</dd>
    ${!few &&
      html`<dt>Least signal</dt>
        <dd>${named(ranked.slice(0, NAMED))}.</dd>
        <dt>Most signal</dt>
        <dd>${named(ranked.slice(-NAMED).reverse())}.</dd>`}
    <dt>Order</dt>
    <dd>That of the table below; its headings sort both.</dd>
  </dl>`;
}

function nameOf(row, tick) {
  if (!row) return '';
  const name = labelName(row.name, row.label);
  return tick ? cutMiddle(name, TICK_LETTERS) : `${name} (No. ${row.label})`;
}

/** Figure 2's three curves: signal, internal noise, and both noises together. */
function curvesOf(rows, fields, columns) {
  const prefix = fields ? 'field_' : '';
  const column = (key) => rows.map((row) => row[prefix + key] ?? null);
  const internal = column('noise_internal');
  const external = column('noise_external');
  const both = internal.map((v, i) =>
    v === null || external[i] === null ? null : v + external[i],
  );
  const [signal, inside, outside] = ['signal', 'noise_internal', 'noise_external'].map(
    (key) => columnOf(columns, key).name,
  );
  return [
    {name: 'signal', title: signal, y: column('signal')},
    {name: 'external', title: `${inside} + ${outside}`, y: both},
    {name: 'internal', title: inside, y: internal},
  ].map((quantity) => ({...quantity, average: mean(quantity.y)}));
}

function mean(values) {
  const known = values.filter((v) => v !== null);
  return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
}
