/** View (d): one filter as in the papers' Figure 1, and its clusters by name. */

import {html, useContext, useEffect, useMemo, useRef, useState} from '../lib/html.js';
import {getFilter} from '../lib/api.js';
import {gutterOf} from '../lib/axes.js';
import {ClusterList} from '../components/clusterlist.js';
import {BLACK, WHITE, YELLOW, fieldColor} from '../lib/colors.js';
import {Explanations} from '../components/explanations.js';
import {compose} from '../lib/export.js';
import {useFilterList} from '../lib/filterlist.js';
import {ColorScale, Facts, Pointed} from '../components/filterparts.js';
import {focusIsLost} from '../lib/focus.js';
import {capital, describeChoice, plural} from '../lib/format.js';
import {Matrix, zoomView} from '../components/matrix.js';
import {matrixPicture} from '../lib/matrixpicture.js';
import {Await, Empty, Failure, Loading} from '../components/messages.js';
import {useResource} from '../lib/resource.js';
import {Shared, useOffer, useStageParameters} from '../lib/shared.js';
import {useWidth} from '../lib/width.js';
import {Button, Keyed} from '../components/widgets.js';

const LARGE = 40; // From so many labels on the corner is enlarged too.
const GAP = 20;
const SMALL_CORNER = 210; // Pixels of the corner where it stands below.
const PAINT = [BLACK, YELLOW, WHITE];
const clipColor = (value) => (value ? WHITE : BLACK);
const clusterColor = (value) => PAINT[value];

export const view = {name: 'filter', title: 'Filter', place: 4, Page: FilterView};

/** The filter chosen, else the first in the gallery's order. */
function FilterView() {
  const {chosen, update} = useContext(Shared);
  const {parameters, key, scope} = useStageParameters();
  const {kind} = chosen.stage;
  const list = useFilterList();
  const heading = useRef(null);
  const filter = chosen.filter ?? list.data?.[0]?.filter ?? null;
  const detail = useResource(
    filter === null ? null : JSON.stringify([key, filter]),
    async (signal) => prepare(await getFilter({...parameters, filter}, signal)),
    JSON.stringify([scope, filter]),
  );
  const at = list.data ? list.data.findIndex((row) => row.filter === filter) : -1;
  const go = (by) => {
    const next = list.data?.[at < 0 ? 0 : at + by];
    if (next) update({filter: next.filter});
  };
  const back = () => update({view: 'gallery', filter});
  useEffect(() => {
    if (focusIsLost()) heading.current.focus();
  }, []);
  return html`<div class="toolbar" role="group" aria-label=${capital(kind)}>
      <${Button} onClick=${back}>← All ${plural(kind)}<//>
      <h2 class="filter-title" tabindex="-1" ref=${heading}>
        ${capital(kind)} ${filter ?? '…'} <span class="quiet">of ${chosen.stage.stage}</span>
      </h2>
      <${Button}
        hint=${`Previous ${kind} in the gallery’s order`}
        disabled=${at <= 0}
        onClick=${() => go(-1)}
      >
        ‹ Previous
      <//>
      <label class="inline">
        <span>Number</span>
        <input
          type="number"
          min="0"
          max=${chosen.stage.filters - 1}
          value=${filter}
          onChange=${(e) => {
            const number = Number(e.currentTarget.value);
            if (Number.isInteger(number) && number >= 0 && number < chosen.stage.filters)
              update({filter: number});
            else e.currentTarget.value = filter;
          }}
        />
      </label>
      <${Button}
        hint=${`Next ${kind} in the gallery’s order`}
        disabled=${!list.data || at === list.data.length - 1}
        onClick=${() => go(1)}
      >
        Next ›
      <//>
      <span class="quiet">of ${chosen.stage.filters}</span>
    </div>
    ${filter === null
        ? html`<${NoFilter} list=${list} />`
        : html`<${Await} resource=${detail} what=${`Computing the ${kind}’s fields`}>
          ${(data) => html`<${Detail} key=${data.header.filter} ...${data} />`}
        <//>`
    }`;
}

/** What stands where the list has no filter: not yet, or none that has the label. */
function NoFilter({list}) {
  const {chosen, update} = useContext(Shared);
  const {kind} = chosen.stage;
  if (list.error) return html`<${Failure} error=${list.error} retry=${list.retry} />`;
  if (list.busy || chosen.label === null)
    return html`<${Loading} what=${`Finding the clusters of every ${kind}`} />`;
  return html`<${Empty} title=${`No ${kind} has “${chosen.labels[chosen.label]}” in a cluster`}>
    <p>Lower the threshold, choose another stage, or${' '}
      <button type="button" class="link" onClick=${() => update({label: null})}>clear the label</button>.
    </p>
  <//>`;
}

/** The three matrices as numbers to be painted, in the order shown. */
function prepare({header, fields, boolean}) {
  const size = header.labels;
  const {order} = header;
  const normalized = new Float32Array(size * size);
  const maximum = Math.fround(header.maximum);
  if (!header.dead) for (let i = 0; i < fields.length; i++) normalized[i] = fields[i] / maximum;
  const clusterOf = new Int32Array(size).fill(-1);
  header.clusters.forEach((labels, c) => labels.forEach((label) => (clusterOf[label] = c)));
  const permuted = new Uint8Array(size * size);
  for (let row = 0, at = 0; row < size; row++) {
    const [label, cluster] = [order[row], clusterOf[order[row]]];
    for (let column = 0; column < size; column++, at++) {
      if (!boolean[label * size + order[column]]) continue;
      permuted[at] = cluster >= 0 && cluster === clusterOf[order[column]] ? 2 : 1;
    }
  }
  return {header, fields, boolean, normalized, permuted, clusterOf, size};
}

function Detail({header, fields, boolean, normalized, permuted, clusterOf, size}) {
  const {chosen, theme, columns} = useContext(Shared);
  const gutter = useMemo(() => gutterOf(chosen.labels), [chosen.labels]);
  const whole = {x: 0, y: 0, n: size};
  const [view, setView] = useState(whole);
  const [other, setOther] = useState(whole);
  const [cursor, setCursor] = useState(null);
  const [box, width] = useWidth();
  const clustered = header.clusters.reduce((sum, labels) => sum + labels.length, 0);
  const corner = size >= LARGE && clustered ? Math.min(size, 64, Math.max(10, clustered + 3)) : 0;
  const cornerGutter = useMemo(() => gutterOf(chosen.labels, corner), [chosen.labels, corner]);
  const across = width >= 720 ? 3 : width >= 460 ? 2 : 1;
  const each = (width - (across - 1) * GAP) / across - gutter.room;
  const side = crisp(Math.min(600, Math.max(140, each)), size);
  const panels = useMemo(
    () => [
      {title: 'Fields, normalised', values: normalized, colorOf: fieldColor, foot: 'scale'},
      {title: 'Above the threshold', values: boolean, colorOf: clipColor, foot: 'clip'},
      {
        title: 'Permuted: clusters and noise',
        values: permuted,
        colorOf: clusterColor,
        order: header.order,
        foot: 'clusters',
      },
    ],
    [normalized, boolean, permuted],
  );
  const zoom = (factor) => {
    setView((v) => zoomView(v, factor, size));
    setOther((v) => zoomView(v, factor, size));
  };
  useOffer(offerOf({header, fields, panels, size, corner, chosen}));
  const shared = {size, side, cursor, onCursor: setCursor, gutter, theme};
  return html`<section class="card" aria-label=${`${capital(chosen.stage.kind)} ${header.filter}`}>
    <div class="card-head">
      <${Facts} header=${header} />
      <div class="zoom" role="group" aria-label="Zoom">
        <${Button} hint="Zoom in" onClick=${() => zoom(0.7)}>+<//>
        <${Button} hint="Zoom out" onClick=${() => zoom(1 / 0.7)}>−<//>
        <${Button} hint="Show the whole matrices" onClick=${() => zoom(Infinity)}>Whole<//>
      </div>
      <${Explanations} columns=${columns.filters} />
    </div>
    <${Pointed}
      ...${{cursor, header, fields, normalized, boolean, clusterOf, size}}
      labels=${chosen.labels}
    />
    <div ref=${box} class="matrices" style=${{gap: `${GAP}px`, '--gutter': `${gutter.room}px`}}>
      ${width > 0 &&
        html`<${Matrix} ...${panels[0]} ...${shared} view=${view} onView=${setView}>
          <${ColorScale} threshold=${header.threshold} />
        <//>
        <${Matrix} ...${panels[1]} ...${shared} view=${view} onView=${setView}>
          <p class="note">White: above ${header.threshold}. Labels in their own order.</p>
        <//>
        <${Matrix} ...${panels[2]} ...${shared} view=${other} onView=${setOther} frame=${corner}>
          <p class="note">
            <${Keyed} color="white">clusters<//> <${Keyed} color="yellow">noise<//>${' '}
            ${corner > 0 && html`<${Keyed} color="red">enlarged<//>`}
          </p>
        <//>
        ${corner > 0 &&
          html`<${Matrix}
          title=${`Corner: the first ${corner} labels`}
          ...${{...shared, values: permuted, colorOf: clusterColor, order: header.order}}
          side=${crisp(Math.min(side, SMALL_CORNER), corner)}
          gutter=${cornerGutter}
          cursor=${inCorner(cursor, header.order, corner)}
          view=${{x: 0, y: 0, n: corner}}
        />`}
        <${ClusterList}
          clusters=${header.clusters}
          labels=${chosen.labels}
          cursor=${cursor}
          dead=${header.dead}
        />`}
    </div>
  </section>`;
}

/** Whole device pixels an element, where that leaves the matrix large enough. */
function crisp(side, size) {
  const ratio = window.devicePixelRatio || 1;
  const each = Math.floor((side * ratio) / size);
  return each >= 1 && each * size >= 0.8 * side * ratio ? (each * size) / ratio : Math.floor(side);
}

function inCorner(cursor, order, corner) {
  const inside = (label) => order.indexOf(label) < corner;
  return cursor && inside(cursor.row) && inside(cursor.column) ? cursor : null;
}

function offerOf({header, fields, panels, size, corner, chosen}) {
  const number = (value) => Number(value.toPrecision(9)); // All a float32 holds.
  const names = chosen.run.labels; // As in the log, with any characters in them.
  const rows = () =>
    Array.from({length: size}, (_, i) =>
      Array.from(fields.subarray(i * size, (i + 1) * size), number),
    );
  return {
    name: `${chosen.stage.stage}-filter${header.filter}-t${header.threshold}`,
    table: () => ({
      lines: [['', ...names], ...rows().map((row, i) => [names[i], ...row])],
    }),
    json: () => ({
      run: chosen.run.run,
      stage: chosen.stage.stage,
      ...header,
      labels: names,
      clusters_by_name: header.clusters.map((labels) => labels.map((label) => names[label])),
      fields: rows(),
    }),
    picture: () => {
      const given = {size, labels: chosen.labels, threshold: header.threshold};
      const draw = (panel, title, n) => ({
        title,
        canvas: matrixPicture(panel, {...given, n, foot: panel.foot}),
      });
      const parts = panels.map((panel) => draw(panel, panel.title, size));
      if (corner) parts.push(draw(panels[2], `First ${corner} labels`, corner));
      const {filter, step, threshold} = header;
      const heading = `${describeChoice({...chosen, step, threshold})}, ${chosen.stage.kind} ${filter}`;
      return compose(parts, {heading, columns: corner ? 2 : 3});
    },
  };
}
