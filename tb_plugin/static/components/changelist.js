/** The filters of two measurements side by side, those that changed most first. */

import {html, useContext, useEffect, useRef} from '../lib/html.js';
import {columnOf} from '../lib/columns.js';
import {ORDERS} from '../lib/compare.js';
import {cornerName, cornerOf} from '../lib/corner.js';
import {compose} from '../lib/export.js';
import {focusIsLost} from '../lib/focus.js';
import {capital, count, describeChoice, formatNumber, plural} from '../lib/format.js';
import {Failure} from './messages.js';
import {Shared, useOffer} from '../lib/shared.js';
import {thumbnailPicture, useThumbnails} from '../lib/thumbnails.js';
import {Thumbnail} from './thumbnail.js';
import {Button, Keyed, Select} from './widgets.js';

const PAGE = 20; // Filters shown at a time.
const SIDE = 108; // Pixels of a thumbnail, about.
const NAMED = 8; // Labels of a line.
/**
 * `rows` are in the order of `sort`; `both` are A and B, `{run, stage, step, parameters}`. `detail`,
 * where a filter is shown in detail, draws that one for export; `null` while it is awaited.
 */
export function ChangeList({rows, sort, both, detail}) {
  const {state, update, chosen, version} = useContext(Shared);
  const {kind} = chosen.stage;
  const pages = Math.ceil(rows.length / PAGE);
  const page = Math.min(state.page, pages - 1);
  const shown = rows.slice(page * PAGE, (page + 1) * PAGE);
  const clustered = rows.flatMap(({labels}) =>
    labels.map((clusters) => ({clustered_labels: clusters.flat().length})),
  );
  const corner = cornerOf(state.corner, chosen.labels.length, clustered);
  const pictures = both.map(({parameters}) => usePictures(parameters, version, corner, shown));
  const failed = pictures.find(({error}) => error);
  // The keyboard goes back to the filter whose detail was closed.
  const list = useRef(null);
  const opened = useRef(chosen.filter);
  useEffect(() => {
    if (chosen.filter === null && focusIsLost())
      list.current.querySelector(`[data-filter="${opened.current}"]`)?.focus();
    opened.current = chosen.filter;
  }, [chosen.filter]);
  useOffer(offerOf({rows, shown, both, chosen, corner, pictures, detail}));
  const go = (by) => update({page: Math.min(pages - 1, Math.max(0, page + by))});
  return html`<section class="card" aria-label=${`${capital(plural(kind))} of A and B`}>
    <${Summary} rows=${rows} both=${both} />
    <div class="toolbar" role="group" aria-label="Order">
      <label class="inline">
        <span>Sort by</span>
        <${Select}
          value=${sort}
          choices=${ORDERS}
          onChange=${(change) => update({change, page: 0})}
        />
      </label>
      <${Button}
        hint="Reverse the order"
        onClick=${() => update({changedown: !state.changedown, page: 0})}
      >
        ${state.changedown ? '↓ Descending' : '↑ Ascending'}
      <//>
      <${Button} disabled=${page === 0} onClick=${() => go(-1)}>‹ Previous page<//>
      <span role="status">
        ${page * PAGE + 1}–${page * PAGE + shown.length} of ${count(rows.length, kind)}
      </span>
      <${Button} disabled=${page === pages - 1} onClick=${() => go(1)}>Next page ›<//>
    </div>
    ${failed && html`<${Failure} error=${failed.error} retry=${failed.retry} />`}
    <ol class="changes" ref=${list}>
      ${shown.map(
        (row) => html`<li key=${row.filter}>
          <${Changed} row=${row} pictures=${pictures} corner=${corner} />
        </li>`,
      )}
    </ol>
  </section>`;
}

function usePictures(parameters, version, corner, shown) {
  const request = {...parameters, corner: Math.max(4, corner)};
  return useThumbnails(
    request,
    JSON.stringify([request, version]),
    JSON.stringify([parameters.run, parameters.stage]),
    shown.map((row) => row.filter),
  );
}

/** What of all filters is the same and what is not. */
function Summary({rows, both}) {
  const {columns, chosen} = useContext(Shared);
  const {kind} = chosen.stage;
  const sum = (of) => rows.reduce((total, row) => total + of(row), 0);
  const same = rows.filter((row) => row.change === 0).length;
  const clusters = [0, 1].map((i) => sum(({labels}) => labels[i].length));
  const noise = [0, 1].map((i) => sum((row) => row.noise[i]) / rows.length);
  const n = columnOf(columns.stages, 'noise');
  return html`<p class="facts">
    <span>${both.map(({stage, step}, i) => `${'AB'[i]}: ${stage.stage}, step ${step}`).join('; ')}</span>
    <span>Same clusters <b>${same} of ${count(rows.length, kind)}</b></span>
    <span>
      Shared clusters <b>${sum((row) => row.shared)}</b> of ${clusters[0]} in A, ${clusters[1]} in B
    </span>
    <span>
      Labels in clusters of all ${plural(kind)} <b>${sum((row) => row.kept)}</b> kept,${' '}
      <b>${sum((row) => row.gained)}</b> gained, <b>${sum((row) => row.lost)}</b> lost
    </span>
    <span>Mean change <b>${formatNumber(sum((row) => row.change) / rows.length)}</b></span>
    <span>Noise ${n.short} <b>${n.print(noise[0])} → ${n.print(noise[1])}</b></span>
  </p>
  <p class="note">
    Change: the share of the elements in clusters of either that are not in clusters of both, from 0,
    the same clusters, to 1, no label in common. A cluster is shared if it has the same labels in both.
    Gained labels are in a cluster of B alone, lost ones of A alone. In the matrices${' '}
    <${Keyed} color="white">clusters,<//>${' '}
    <${Keyed} color="yellow">noise;<//> choose one to see both in one order of labels.
  </p>`;
}

function Changed({row, pictures, corner}) {
  const {update, chosen} = useContext(Shared);
  const name = `${capital(chosen.stage.kind)} ${row.filter}`;
  const side = Math.max(1, Math.round(SIDE / corner)) * corner;
  const shown = side > 1.6 * SIDE ? SIDE : side;
  const [a, b] = row.labels.map((clusters) => clusters.length);
  const numbers = `change ${formatNumber(row.change)}, ${row.shared} of ${a} and ${b} clusters shared`;
  const named = (labels) => labels.map((label) => chosen.labels[label]).join(', ');
  const words = [
    `${name}, ${numbers}`,
    row.gained && `gained ${named(row.gained_labels)}`,
    row.lost && `lost ${named(row.lost_labels)}`,
  ].filter(Boolean);
  return html`<button
    type="button"
    class="changed"
    aria-label=${`${words.join('. ')}. Show the matrices`}
    aria-pressed=${chosen.filter === row.filter}
    data-filter=${row.filter}
    onClick=${() => update({filter: chosen.filter === row.filter ? null : row.filter})}
  >
    ${pictures.map(
      (one, i) => html`<span class="side-by-side">
        <${Thumbnail} thumbnail=${one.of(row.filter)} side=${shown} />
        <span class="quiet">${'AB'[i]} ·${' '}
          ${row.dead[i] ? 'dead' : html`<var>n</var> ${row.noise[i]}`}</span>
      </span>`,
    )}
    <span class="changed-words">
      <span>
        <b>${name}</b> <span class="quiet">change</span>${' '}
        <b>${formatNumber(row.change)}</b>
        <i class="amount"><i style=${{width: `${100 * row.change}%`}}></i></i>
      </span>
      <span class="quiet">${row.shared} shared of ${a} in A, ${b} in B</span>
      <${Line} sign="+" words="gained" labels=${row.gained_labels} />
      <${Line} sign="−" words="lost" labels=${row.lost_labels} />
    </span>
  </button>`;
}

function Line({sign, words, labels}) {
  const {chosen} = useContext(Shared);
  if (!labels.length) return null;
  const more = labels.length - NAMED;
  return html`<span class=${words}>
    <b>${sign}${labels.length}</b> ${labels
      .slice(0, NAMED)
      .map((label) => chosen.labels[label])
      .join(', ')}${more > 0 && ` and ${more} more`}
  </span>`;
}

function offerOf({rows, shown, both, chosen, corner, pictures, detail}) {
  const [a, b] = both;
  const {threshold} = chosen;
  const known = (row) =>
    pictures.every((one) => one.of(row.filter) && !one.of(row.filter).stale);
  const flat = rows.map(({noise, dead, labels, ...row}) => ({
    ...row,
    noise_a: noise[0],
    noise_b: noise[1],
    clusters_a: labels[0].length,
    clusters_b: labels[1].length,
    labels_a: labels[0],
    labels_b: labels[1],
    threshold,
  }));
  const headings = both.map((one) => describeChoice({...one, threshold}));
  const part = cornerName(corner, chosen.labels.length).toLowerCase();
  const picture = () =>
    compose(
      shown.flatMap((row) =>
        pictures.map((one, i) => ({
          title: `${'AB'[i]} ${row.filter}  n ${row.noise[i]}`,
          note: i ? `change ${formatNumber(row.change)}` : '',
          canvas: thumbnailPicture(one.of(row.filter), SIDE),
        })),
      ),
      {
        heading: `A: ${headings[0]}; B: ${headings[1]}; ${part}, clusters white, noise yellow`,
        columns: 8,
      },
    );
  return {
    name: `compare-${a.stage.stage}-step${a.step}-${b.stage.stage}-step${b.step}-t${threshold}`,
    table: () => ({columns: Object.keys(flat[0]), rows: flat}),
    json: () => ({a: a.parameters, b: b.parameters, threshold, rows: flat}),
    picture: detail !== undefined ? detail : shown.every(known) ? picture : null,
  };
}
