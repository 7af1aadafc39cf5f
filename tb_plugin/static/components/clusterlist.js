/** The clusters of a filter as lists of label names. */

import {html, useContext, useState} from '../lib/html.js';
import {Shared} from '../lib/shared.js';
import {plural} from '../lib/format.js';

const AT_FIRST = 40; // Names of a cluster, and clusters, before one asks for the rest.

/**
 * Each name leads to the filters that share the label; those pointed at are marked. `signOf` gives
 * what stands before a label.
 */
export function ClusterList({clusters, labels, cursor, dead, title, signOf}) {
  const {chosen} = useContext(Shared);
  const [all, setAll] = useState(false);
  const shown = all ? clusters : clusters.slice(0, AT_FIRST);
  const cut = !all && (clusters.length > AT_FIRST || clusters.some((c) => c.length > AT_FIRST));
  const heading = title ?? 'Clusters, in the order found';
  return html`<section class="clusters" aria-label=${heading}>
    <h3>${heading}</h3>
    ${!clusters.length &&
      html`<p class="note">
      ${dead
          ? `None: the ${chosen.stage.kind} is dead.`
          : 'None: no diagonal element is above the threshold. Lower it to see some.'
      }
    </p>`}
    <ol>
      ${shown.map(
        (cluster, c) => html`<li key=${c}>
          <span class="quiet">${cluster.length} ${cluster.length === 1 ? 'label' : 'labels'}</span>
          <${Names} names=${all ? cluster : cluster.slice(0, AT_FIRST)} ...${{labels, cursor, signOf}} />
          ${!all &&
            cluster.length > AT_FIRST &&
            html`<span class="quiet"> and ${cluster.length - AT_FIRST} more</span>`}
        </li>`,
      )}
    </ol>
    ${cut && html`<button type="button" class="link" onClick=${() => setAll(true)}>Show all</button>`}
  </section>`;
}

function Names({names, labels, cursor, signOf}) {
  const {update, chosen} = useContext(Shared);
  return names.map((label) => {
    const pointed = cursor && (cursor.row === label || cursor.column === label);
    return html`<button
      type="button"
      key=${label}
      class=${`chip ${pointed ? 'pointed-at' : ''}`}
      title=${`${labels[label]} (No. ${label}): show the ${plural(chosen.stage.kind)} that have it in a cluster`}
      onClick=${() => update({view: 'gallery', label})}
    >
      ${signOf?.(label)}${labels[label]}
    </button>`;
  });
}
