/** What stands beside numbers with errors. */

import {html, useContext} from '../lib/html.js';
import {known} from '../lib/errorcolumns.js';
import {Shared} from '../lib/shared.js';

/**
 * What ± is, or where errors are known if that is at other thresholds.
 *
 * @param {object} props
 * @param {object[]} props.rows of the routes `stages` or `curves`.
 * @param {number[]} props.barsAt thresholds at which errors are known.
 */
export function ErrorNotes({rows, barsAt}) {
  const {update} = useContext(Shared);
  const {images, heads, shuffled, runs} = known(rows);
  if (images || heads || shuffled || runs)
    return html`<p class="note">
      ${
        runs > 0 &&
        'Several runs: mean ± standard deviation over runs whose stages have the same names and sizes, and as many labels. '
      }
      ${images && '±: standard error over the images. '}
      ${heads > 0 && 'Several heads: mean ± standard deviation over heads of other first weights. '}
      ${shuffled && 'Shuffled labels: a head trained on labels put in random order; what it shows is chance.'}
    </p>`;
  if (!barsAt.length) return null;
  return html`<p class="note">
    Error bars are not shown: they are known at threshold ${barsAt.join(' and ')} alone.${' '}
    <button type="button" class="link" onClick=${() => update({threshold: barsAt.at(-1)})}>
      Show threshold ${barsAt.at(-1)}
    </button>
  </p>`;
}

/** The name of a row of other heads, in the first column. */
export function Reference({row}) {
  return html`<small class="reference-name">${row.reference}</small>`;
}
