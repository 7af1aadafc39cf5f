/** View (c): one small cluster matrix a filter; only what is in sight is fetched and drawn. */

import {html, useContext, useLayoutEffect, useMemo, useRef, useState} from '../lib/html.js';
import {getJson} from '../lib/api.js';
import {Cell, LEAST_WIDTH, newest} from '../components/cell.js';
import {CellNote} from '../components/cellnote.js';
import {Explanations} from '../components/explanations.js';
import {mainCluster} from '../lib/clusters.js';
import {cornerChoices, cornerName, cornerOf} from '../lib/corner.js';
import {compose} from '../lib/export.js';
import {columnOf} from '../lib/columns.js';
import {useFilterList, useSorting} from '../lib/filterlist.js';
import {focusIsLost} from '../lib/focus.js';
import {capital, count, describeChoice, plural} from '../lib/format.js';
import {LabelSearch} from '../components/labelsearch.js';
import {MatrixLegend} from '../components/matrixlegend.js';
import {Await, Empty, Failure} from '../components/messages.js';
import {useLate} from '../lib/resource.js';
import {Shared, useOffer, useStageParameters} from '../lib/shared.js';
import {thumbnailPicture, useThumbnails} from '../lib/thumbnails.js';
import {Button, Select} from '../components/widgets.js';

const TARGETS = {s: 64, m: 108, l: 176}; // Pixels of a thumbnail, about.
const CAPTION = 37;
const GAP = 14;
const MARGIN_ROWS = 1;
const PATIENCE_MILLISECONDS = 350;
const PICTURED = 120; // Thumbnails of an exported picture.

export const view = {name: 'gallery', title: 'Filters', place: 3, Page: GalleryView};

/** Toolbar and grid. */
function GalleryView() {
  const {chosen, state} = useContext(Shared);
  const list = useFilterList();
  const awaited = list.data === null && !list.error && chosen.label === null;
  const key = `${chosen.run.run} ${chosen.stage.stage}`;
  if (useLate(awaited, PATIENCE_MILLISECONDS))
    return html`<${Toolbar} rows=${null} />
      <div class="fresh" aria-busy="true">
        <${Grid} rows=${byNumber(chosen.stage.filters)} key=${key} />
      </div>`;
  return html`<${Toolbar} rows=${list.data} />
    <${Await} resource=${list} what=${`Finding the clusters of every ${chosen.stage.kind}`}>
      ${(rows) =>
        rows.length
          ? html`<${Grid} rows=${rows} step=${list.step} key=${key} />`
          : html`<${Empty} title=${`No ${chosen.stage.kind} has this label in a cluster`}>
              <p>Lower the threshold, choose another stage, or clear the label.</p>
            <//>`}
    <//>`;
}

/** Stands in for a list that takes long: thumbnails come before the sorting. */
function byNumber(filters) {
  return Array.from({length: filters}, (_, filter) => ({filter, unknown: true}));
}

function Toolbar({rows}) {
  const {state, update, chosen, columns} = useContext(Shared);
  const {labels, stage} = chosen;
  const {sort, choices, column} = useSorting();
  return html`<div class="toolbar" role="group" aria-label="Gallery">
    <label class="inline">
      <span>Sort by</span>
      <${Select}
        value=${sort}
        title=${column.hint}
        choices=${[...choices].map(([key, {words}]) => [key, words])}
        onChange=${(sort) => update({sort})}
      />
    </label>
    <${Button} hint="Reverse the order" onClick=${() => update({descending: !state.descending})}>
      ${state.descending ? '↓ Descending' : '↑ Ascending'}
    <//>
    <${LabelSearch}
      labels=${labels}
      value=${chosen.label}
      kind=${stage.kind}
      onChange=${(label) => update({label})}
    />
    <label class="inline">
      <span>Show</span>
      <${Select}
        value=${state.corner}
        choices=${cornerChoices(labels.length, rows)}
        onChange=${(corner) => update({corner})}
      />
    </label>
    <label class="inline">
      <span>Size</span>
      <${Select}
        value=${state.size}
        choices=${[
          ['s', 'Small'],
          ['m', 'Medium'],
          ['l', 'Large'],
        ]}
        onChange=${(size) => update({size})}
      />
    </label>
    <span class="quiet count" role="status">${rows ? countText(rows, stage) : 'Sorting…'}</span>
    <${Explanations} columns=${columns.filters} />
    <${MatrixLegend} kind=${stage.kind} />
  </div>`;
}

function countText(rows, stage) {
  const part = rows.length === stage.filters ? '' : `${rows.length} of `;
  const dead = rows.filter((row) => row.dead).length;
  return `${part}${count(stage.filters, stage.kind)}${dead ? `, ${dead} dead` : ''}`;
}

/** `step` is where the rows were measured; left out while they are not known. */
function Grid({rows, step}) {
  const {state, update, chosen, columns: known} = useContext(Shared);
  const captioned = useCaptioned();
  const {parameters, key, scope} = useStageParameters();
  const box = useRef(null);
  const [place, setPlace] = useState({top: 0, width: 0, height: 0});
  // Coming back from a filter, the gallery goes on where that one stands. It is known by its number,
  // since a list that is sorted again has another filter in its place.
  const [stand, setStand] = useState({at: 0, filter: chosen.filter});
  const active = useMemo(() => {
    const at = rows.findIndex((row) => row.filter === stand.filter);
    return at >= 0 ? at : Math.min(stand.at, rows.length - 1);
  }, [rows, stand]);
  const setActive = (at) => setStand({at, filter: rows[at].filter});
  const [pointed, setPointed] = useState(null); // The number of a filter.
  const focusNext = useRef(focusIsLost());
  const started = useRef(active === 0);

  useLayoutEffect(() => {
    const element = box.current;
    const measure = () =>
      element.clientWidth &&
      setPlace({top: element.scrollTop, width: element.clientWidth, height: element.clientHeight});
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, {passive: true});
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);

  const corner = cornerOf(state.corner, chosen.labels.length, rows);
  const side = Math.max(1, Math.round(TARGETS[state.size] / corner)) * corner;
  const shown = side > 1.6 * TARGETS[state.size] ? TARGETS[state.size] : side;
  const least = Math.max(shown, LEAST_WIDTH) + GAP;
  const columns = Math.max(1, Math.floor((place.width - GAP) / least));
  // What is left of a line is shared out, so that the grid fills it.
  const cell = {
    width: Math.max(least, Math.floor((place.width - GAP) / columns)),
    height: shown + CAPTION + GAP,
  };
  const lines = Math.ceil(rows.length / columns);
  const first = Math.max(0, Math.floor(place.top / cell.height) - MARGIN_ROWS);
  const last = Math.min(lines, Math.ceil((place.top + place.height) / cell.height) + MARGIN_ROWS);
  const visible = place.width ? rows.slice(first * columns, last * columns) : [];
  const drawn = visible.map((row, i) => [row, first * columns + i]);
  // The cell that has the keyboard, or gets it, is kept even out of sight.
  if (place.width && rows[active] && !drawn.some(([, at]) => at === active))
    drawn[active < first * columns ? 'unshift' : 'push']([rows[active], active]);
  const request = {...parameters, corner: Math.max(4, corner)};
  const thumbnails = useThumbnails(
    request,
    JSON.stringify([key, request.corner]),
    scope,
    visible.map((row) => row.filter),
  );

  const held = box.current?.contains(document.activeElement);
  // Before the next key is handled; cells that moved in the document have lost it as well.
  useLayoutEffect(() => {
    if (!focusNext.current && !(held && focusIsLost())) return;
    const cell = box.current.querySelector(`[data-at="${active}"]`);
    if (!cell) return;
    focusNext.current = false;
    cell.focus({preventScroll: true});
  });
  useLayoutEffect(() => {
    if (started.current || !place.height) return;
    started.current = true;
    const above = Math.floor(place.height / cell.height / 3);
    box.current.scrollTop = (Math.floor(active / columns) - above) * cell.height;
  });

  const bringIntoSight = (at) => {
    const y = Math.floor(at / columns) * cell.height;
    const element = box.current;
    if (y < element.scrollTop) element.scrollTop = y;
    else if (y + cell.height + GAP > element.scrollTop + element.clientHeight)
      element.scrollTop = y + cell.height + GAP - element.clientHeight;
  };
  // The keyboard goes with its filter where that has another place.
  useLayoutEffect(() => {
    if (!held || active === stand.at) return;
    bringIntoSight(active);
    setActive(active);
  }, [rows]);

  const move = (event) => {
    if (event.key === 'Escape') setPointed(null);
    const page = columns * Math.max(1, Math.floor(place.height / cell.height));
    const by = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: columns,
      ArrowUp: -columns,
      PageDown: page,
      PageUp: -page,
    };
    const to = {Home: 0, End: rows.length - 1}[event.key] ?? active + (by[event.key] ?? NaN);
    if (Number.isNaN(to)) return;
    event.preventDefault();
    const next = Math.min(rows.length - 1, Math.max(0, to));
    bringIntoSight(next);
    focusNext.current = true;
    setActive(next);
  };

  const picture = () => {
    const part = cornerName(corner, chosen.labels.length).toLowerCase();
    const what = describeChoice({...chosen, step});
    const heading = `${what}, ${part}, clusters white, noise yellow`;
    const some = rows.slice(first * columns);
    return pictureOf(some, captioned, thumbnails, Math.max(shown, 64), columns, heading, chosen.labels);
  };
  const isDrawn = (row) => {
    const thumbnail = thumbnails.of(row.filter);
    return thumbnail && !thumbnail.stale;
  };
  const {threshold} = chosen;
  // The labels of all clusters are much, so they are asked for when they are saved.
  const withLabels = async () => {
    const found = await getJson('filters', {...parameters, step, labels: 1});
    const clusters = new Map(found.filters.map((filter, i) => [filter, found.labels[i]]));
    return rows.map((row) => ({...row, labels: clusters.get(row.filter)}));
  };
  useOffer(
    {
      name: `filters-${chosen.stage.stage}-t${threshold}`,
      table: async () => ({
        columns: [...known.filters.map(({key}) => key), 'labels', 'step', 'threshold'],
        rows: (await withLabels()).map((row) => ({...row, step, threshold})),
      }),
      json: async () => ({...parameters, step, label: chosen.label, rows: await withLabels()}),
      picture: thumbnails.error || visible.every(isDrawn) ? picture : null,
    },
    step !== undefined,
  );

  const noted = pointed === null ? -1 : rows.findIndex((row) => row.filter === pointed);
  return html`<div class="gallery-box" ref=${box} role="list" aria-label=${capital(plural(chosen.stage.kind))} onKeyDown=${move}>
    ${thumbnails.error && html`<${Failure} error=${thumbnails.error} retry=${thumbnails.retry} />`}
    <div class="gallery-sheet" style=${{height: `${lines * cell.height + GAP}px`}}>
      ${drawn.map(([row, at]) => {
        const left = GAP + (at % columns) * cell.width;
        const top = GAP + Math.floor(at / columns) * cell.height;
        const style = {transform: `translate(${left}px,${top}px)`};
        return html`<div
          role="listitem"
          aria-setsize=${rows.length}
          aria-posinset=${at + 1}
          key=${row.filter}
          class="cell-place"
          style=${style}
        >
          <${Cell}
            row=${newest(row, thumbnails.of(row.filter))}
            captioned=${captioned}
            at=${at}
            side=${shown}
            thumbnail=${thumbnails.of(row.filter)}
            reachable=${at === active}
            onFocus=${() => setActive(at)}
            onPoint=${(on) =>
              setPointed((old) => (on ? row.filter : old === row.filter ? null : old))}
            open=${() => update({view: 'filter', filter: row.filter})}
          />
        </div>`;
      })}
      ${rows[noted] &&
        html`<${CellNote}
        row=${newest(rows[noted], thumbnails.of(rows[noted].filter))}
        left=${GAP + (noted % columns) * cell.width}
        top=${GAP + Math.floor(noted / columns) * cell.height}
        height=${cell.height - GAP}
        place=${place}
      />`}
    </div>
  </div>`;
}

/** The columns a caption has room for: noise and clusters, or noise and what filters are sorted by. */
function useCaptioned() {
  const {columns} = useContext(Shared);
  const {column} = useSorting();
  const usual = ['noise', 'clusters'].map((key) => columnOf(columns.filters, key));
  if (['filter', 'strongest'].includes(column.key) || usual.includes(column)) return usual;
  return column.symbol ? [usual[0], column] : [column];
}

function pictureOf(rows, captioned, thumbnails, side, columns, heading, labels) {
  const parts = [];
  for (const row of rows.slice(0, PICTURED)) {
    const thumbnail = thumbnails.of(row.filter);
    if (!thumbnail || thumbnail.stale) continue;
    const numbers = newest(row, thumbnail);
    const [{key, symbol, print}] = captioned;
    const caption = numbers.dead ? 'dead' : `${symbol} ${print(numbers[key])}`.trim();
    parts.push({
      title: `${row.filter}  ${caption}`,
      canvas: thumbnailPicture(thumbnail, side),
      note: mainCluster(numbers).map((label) => labels[label]).join(', '),
    });
  }
  return compose(parts, {heading, columns});
}
