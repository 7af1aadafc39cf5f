/** View (h): how the clusters of filters form, move and dissolve over the steps. */

import {html, useContext, useMemo, useRef} from '../lib/html.js';
import {getJson} from '../lib/api.js';
import {Chart, Legend} from '../components/chart.js';
import {Explanations} from '../components/explanations.js';
import {LifeMap} from '../components/lifemap.js';
import {seriesStyle} from '../lib/colors.js';
import {columnOf} from '../lib/columns.js';
import {compose} from '../lib/export.js';
import {capital, plural, shortRunNames} from '../lib/format.js';
import {livesOf} from '../lib/lives.js';
import {Await, Empty, Notices} from '../components/messages.js';
import {useResource} from '../lib/resource.js';
import {Shared, useOffer} from '../lib/shared.js';
import {flag, oneOf, text, toRun} from '../lib/state.js';
import {Table, sortRows} from '../components/table.js';
import {Radios} from '../components/widgets.js';

const NAMED = 12; // Labels of a cluster that are named.

export const view = {
  name: 'following',
  title: 'Following',
  place: 8,
  Page: FollowingView,
  styles: ['following'],
  fields: {
    followsort: ['birth', text],
    followdown: [true, flag],
    followed: ['clusters', oneOf('clusters', 'fields')],
  },
};

// What becomes of clusters, in few lines: the table has each.
const LINES = [
  ['Kept', ['kept']],
  ['Grown, shrunk or moved', ['grown', 'shrunk', 'moved']],
  ['Born or split off', ['born', 'split']],
  ['Dissolved or merged', ['dissolved', 'merged']],
];
const STABILITIES = ['label_stability', 'cluster_stability', 'formed'];
// What stability would be by chance, in the colours of `STABILITIES`.
const CHANCE = ['label_chance', 'cluster_chance'];
const DOTTED = [2, 3];

/** All steps of a stage: they are followed whatever step is chosen. */
function FollowingView() {
  const {chosen, version} = useContext(Shared);
  const {run, stage, threshold} = chosen;
  const single = stage.steps.length < 2;
  const parameters = {run: run.run, stage: stage.stage, threshold};
  const key = JSON.stringify(['following', parameters, stage.steps.length, version]);
  const found = useResource(
    single ? null : key,
    (signal) => getJson('following', parameters, signal),
    JSON.stringify([run.run, stage.stage]),
  );
  if (single) return html`<${OneStep} />`;
  return html`<${Await} resource=${found} what=${`Following clusters over ${stage.steps.length} steps`}>
    ${(answer) => html`<${Following} answer=${answer} parameters=${parameters} />`}
  <//>`;
}

function OneStep() {
  const shared = useContext(Shared);
  const {runs, chosen, update} = shared;
  const names = shortRunNames(runs);
  const others = runs.filter((run) => run.stages.some(({steps}) => steps.length > 1));
  const go = (run) => {
    const stage = run.stages.findLast(({steps}) => steps.length > 1);
    const same = run.stages.find((s) => s.stage === chosen.stage.stage && s.steps.length > 1);
    update({...toRun(run, shared), stage: (same ?? stage).stage, step: null});
  };
  return html`<${Empty} title=${`${chosen.stage.stage} was measured at one step`}>
    <p>
      Clusters are followed from step to step. ${others.length
        ? 'Choose what was measured while it was trained:'
        : html`More steps are kept with a larger <code>--monitor_mb</code>, or${' '}
            <code>max_mb</code> of <code>FilterMonitor</code>.`}
    </p>
    ${others.map(
      (run) => html`<p key=${run.run}>
        <button type="button" class="link" onClick=${() => go(run)}>${names.get(run.run)}</button>
      </p>`,
    )}
  <//>`;
}

function Following({answer, parameters}) {
  const {state, update, theme, chosen, columns} = useContext(Shared);
  const canvases = useRef({});
  const {rows, filters, notices} = answer;
  const known = columns.followed_filters;
  const key = columnOf(known, state.followsort) ? state.followsort : 'birth';
  const table = useMemo(() => {
    const all = filters.filter.map((_, i) =>
      Object.fromEntries(known.map((column) => [column.key, filters[column.key][i]])),
    );
    return sortRows(all, key, state.followdown);
  }, [filters, known, key, state.followdown]);
  const filter = chosen.filter ?? table[0].filter;
  const lives = useLives({...parameters, filter});
  const x = rows.map(({step}) => step);
  const line = (label, y, i) => ({label, y, x, ...seriesStyle(i, theme)});
  const becoming = LINES.map(([label, keys], i) =>
    line(label, rows.map((row) => sum(keys.map((k) => row[k]))), i),
  );
  const stable = STABILITIES.map((k, i) =>
    line(columnOf(columns.followed_steps, k).words, rows.map((row) => row[k]), i + 4),
  );
  const chance = CHANCE.map((k, i) => ({
    ...line(columnOf(columns.followed_steps, k).words, rows.map((row) => row[k]), i + 4),
    dash: DOTTED,
  }));
  const charts = [
    {name: 'becoming', title: 'What becomes of clusters, since the step before', series: becoming},
    {name: 'stable', title: 'Stability, and clusters of the last step that are there for good', series: [...stable, ...chance]},
  ];
  const {threshold} = chosen;
  const heading = `${parameters.run}, ${parameters.stage}, threshold ${threshold}`;
  useOffer({
    name: `following-${parameters.stage}-t${threshold}`,
    table: () => ({
      columns: [...known.map((c) => c.key), 'threshold'],
      rows: table.map((row) => ({...row, threshold})),
    }),
    json: async () => ({
      ...{...parameters, ...answer},
      followed_filter: await getJson('followed_filter', {...parameters, filter}),
    }),
    picture: lives.busy
      ? null
      : () =>
          compose(
            [
              ...charts.map(({name, title}) => ({title, canvas: canvases.current[name]})),
              {title: mapTitle(state.followed, filter, chosen.stage.kind), canvas: canvases.current.map},
            ],
            {heading, columns: 1, legend: [...becoming, ...stable, ...chance]},
          ),
  });
  const sort = (by) =>
    update(by === key ? {followdown: !state.followdown} : {followsort: by, followdown: by === 'birth'});
  return html`<${Notices} texts=${notices} />
    <section class="card" aria-label="Clusters from step to step">
      <div class="charts two">
        ${charts.map(
          ({name, title, series}) => html`<div key=${name}>
            <${Chart}
              title=${title}
              series=${series}
              theme=${theme}
              xLabel="Epoch"
              nameOfX=${(at, tick) => (tick ? String(at) : `Epoch ${at}`)}
              onCanvas=${(canvas) => (canvases.current[name] = canvas)}
            />
            <${Legend} entries=${series} />
          </div>`,
        )}
      </div>
      <details class="numbers">
        <summary>The numbers of every step</summary>
        <${Table}
          caption=${`Clusters of ${parameters.stage} from step to step, at threshold ${threshold}`}
          columns=${columns.followed_steps}
          rows=${rows}
        />
        <${Explanations} columns=${columns.followed_steps} />
      </details>
    </section>
    <section class="card followed" aria-label="Clusters of each filter over the steps">
      <div>
        <${Table}
          caption=${`${capital(plural(chosen.stage.kind))} of ${parameters.stage} over the steps, at threshold ${threshold}`}
          columns=${known.filter((column) => column.key !== 'filter')}
          rows=${table}
          sort=${{key, down: state.followdown}}
          onSort=${sort}
          lead=${(row) => html`<button
            type="button"
            class="link"
            aria-pressed=${row.filter === filter}
            onClick=${() => update({filter: row.filter})}
          >
            ${row.filter}
          </button>`}
          leadTitle=${capital(chosen.stage.kind)}
          isChosen=${(row) => row.filter === filter}
          height=${620}
        />
        <${Explanations} columns=${known} />
      </div>
      <${FollowedFilter}
        ...${{filter, lives}}
        onCanvas=${(canvas) => (canvases.current.map = canvas)}
      />
    </section>`;
}

const sum = (values) => (values.includes(null) ? null : values.reduce((a, b) => a + b, 0));

const mapTitle = (what, filter, kind) =>
  `${what === 'fields' ? 'Fields on each label’s own unit' : 'Clusters'} of ${kind} ${filter}`;

/** The resource of one filter's clusters. What is shown of another filter is not kept. */
function useLives(parameters) {
  const {chosen, version} = useContext(Shared);
  return useResource(
    JSON.stringify(['followed', parameters, chosen.stage.steps.length, version]),
    (signal) => getJson('followed_filter', parameters, signal),
    JSON.stringify([parameters.run, parameters.stage, parameters.filter]),
  );
}

/** The clusters of one filter: a map, and those of the last step by name. */
function FollowedFilter({filter, lives, onCanvas}) {
  const {state, update, chosen} = useContext(Shared);
  return html`<div>
    <div class="card-head">
      <b>${capital(chosen.stage.kind)} ${filter}</b>
      <${Radios}
        label="What is drawn"
        name="followed"
        choices=${[
          ['clusters', 'Clusters'],
          ['fields', 'Fields'],
        ]}
        value=${state.followed}
        onChange=${(followed) => update({followed})}
      />
    </div>
    <${Await} resource=${lives} what="Following its clusters">
      ${(answer) => html`<${Lives} answer=${answer} onCanvas=${onCanvas} />`}
    <//>
  </div>`;
}

function Lives({answer, onCanvas}) {
  const {state, theme, chosen} = useContext(Shared);
  const lives = useMemo(() => livesOf(answer, theme), [answer, theme]);
  const {labels} = chosen;
  const fields = state.followed === 'fields';
  return html`<${LifeMap}
      title=${mapTitle(state.followed, answer.filter, chosen.stage.kind)}
      ...${{answer, lives, labels, fields, theme, onCanvas}}
    />
    <ul class="lives" aria-label="Clusters of the last step">
      ${lives.clusters.map(
        ({number, labels: members, birth, color}) => html`<li key=${number}>
          <i style=${{background: color ?? 'var(--ink-soft)'}}></i>
          <span>${named(members, labels)}: since epoch ${birth}</span>
        </li>`,
      )}
    </ul>
    <p class="note">
      ${lives.clusters.length ? '' : 'No cluster at the last step. '}
      ${lives.others ? `Other colours, grey the shortest: ${lives.others} that ${lives.others > 1 ? 'were' : 'was'} there for a time. ` : ''}
      ${lives.left ? `${lives.left} labels that are never in a cluster are left out. ` : ''}
      ${fields
        ? `Fields are normalised by the largest of the ${chosen.stage.kind} at each step: blue below zero, red above.`
        : 'A cluster has one colour as long as it is the same, by its labels in common with the step before.'}
    </p>`;
}

function named(members, labels) {
  const more = members.length - NAMED;
  const first = members.slice(0, NAMED).map((label) => labels[label]);
  return `${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
