/** Which runs are shown together with the one chosen. */

import {html, useContext, useState} from '../lib/html.js';
import {seriesStyle} from '../lib/colors.js';
import {shortRunNames} from '../lib/format.js';
import {Shared} from '../lib/shared.js';

const FILTER_RUNS_ABOVE = 8;

/** A box to tick for each run, with its colour. */
export function CompareControl() {
  const {runs, chosen, theme, update} = useContext(Shared);
  const [search, setSearch] = useState('');
  if (runs.length < 2) return null;
  const short = shortRunNames(runs);
  const shown = runs.filter((run) => run.run.toLowerCase().includes(search.toLowerCase()));
  const toggle = (changed, on) =>
    update({
      compared: runs
        .filter((run) => (changed.includes(run) ? on : chosen.compared.includes(run)))
        .map((run) => run.run),
    });
  const button = (text, on, hint) => html`<button
    type="button"
    class="link"
    title=${hint}
    aria-label=${hint}
    onClick=${() => toggle(shown, on)}
  >
    ${text}
  </button>`;
  return html`<fieldset class="field compare">
    <legend>Shown together</legend>
    <p class="all-or-none">
      ${button('All', true, 'Show all listed runs together')}
      ${button('None', false, 'Show only the chosen run')}
    </p>
    ${runs.length > FILTER_RUNS_ABOVE &&
      html`<input
      type="search"
      aria-label="Filter runs by name"
      placeholder="Filter runs"
      value=${search}
      onInput=${(e) => setSearch(e.currentTarget.value)}
    />`}
    <div class="checks">
      ${shown.map((run) => {
        const {color, dash} = seriesStyle(runs.indexOf(run), theme);
        return html`<label key=${run.run} title=${run.run}>
          <input
            type="checkbox"
            checked=${chosen.compared.includes(run)}
            disabled=${run === chosen.run}
            onChange=${(e) => toggle([run], e.currentTarget.checked)}
          />
          <svg width="16" height="8" aria-hidden="true">
            <path d="M0 4H16" stroke=${color} stroke-width="3" stroke-dasharray=${dash.join(' ')} />
          </svg>
          <span>${short.get(run.run)}</span>
        </label>`;
      })}
      ${!shown.length && html`<p class="note">No run has “${search}” in its name.</p>`}
    </div>
  </fieldset>`;
}
