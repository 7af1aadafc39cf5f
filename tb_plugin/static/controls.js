/** The left side: runs, stage, step, threshold, theme. */

import {html, useContext, useEffect, useRef, useState} from './html.js';
import {seriesStyle} from './colors.js';
import {describeStage, shortRunNames} from './format.js';
import {Shared} from './shared.js';
import {Check, Select} from './widgets.js';

const DEBOUNCE_MILLISECONDS = 80;
const FILTER_RUNS_ABOVE = 8;

/** The whole side. */
export function Controls({notices}) {
  const {state, update, chosen} = useContext(Shared);
  const wide = state.view === 'layers' || state.view === 'curves';
  return html`<aside class="side" aria-label="What is shown">
    ${chosen.run.title && html`<p class="title" title=${chosen.run.title}>${chosen.run.title}</p>`}
    <${RunControl} />
    ${wide && html`<${CompareControl} />`}
    <${StageControl} />
    <${StepControl} />
    <${ThresholdControl} />
    <label class="field">
      <span>Theme</span>
      <${Select}
        value=${state.theme}
        choices=${[
          ['auto', 'As TensorBoard'],
          ['light', 'Light'],
          ['dark', 'Dark'],
        ]}
        onChange=${(value) => update({theme: value})}
      />
    </label>
    <${Notes} notices=${notices} />
  </aside>`;
}

function RunControl() {
  const {runs, chosen, update} = useContext(Shared);
  const short = shortRunNames(runs);
  return html`<label class="field">
    <span>Run</span>
    <${Select}
      value=${chosen.run.run}
      title=${chosen.run.run}
      choices=${runs.map((run) => [run.run, short.get(run.run)])}
      onChange=${(run) => update({run})}
    />
  </label>`;
}

function CompareControl() {
  const {runs, chosen, theme, update} = useContext(Shared);
  const [search, setSearch] = useState('');
  if (runs.length < 2) return null;
  const short = shortRunNames(runs);
  const shown = runs.filter((run) => run.run.toLowerCase().includes(search.toLowerCase()));
  const toggle = (run, on) =>
    update({
      compared: runs
        .filter((r) => (r === run ? on : chosen.compared.includes(r)))
        .map((r) => r.run),
    });
  return html`<fieldset class="field compare">
    <legend>Shown together</legend>
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
            onChange=${(e) => toggle(run, e.currentTarget.checked)}
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

function StageControl() {
  const {chosen, update} = useContext(Shared);
  return html`<label class="field">
    <span>Layer</span>
    <${Select}
      value=${chosen.stage.stage}
      title=${describeStage(chosen.stage)}
      choices=${chosen.run.stages.map((stage) => [stage.stage, describeStage(stage)])}
      onChange=${(stage) => update({stage, filter: null})}
    />
  </label>`;
}

function StepControl() {
  const {chosen, update} = useContext(Shared);
  const {steps, shownStep, following} = chosen;
  const [value, move] = useDebounced(steps.indexOf(shownStep), (at) => update({step: steps[at]}));
  const single = steps.length < 2;
  return html`<div class="field">
    <label for="step">
      <span>Step (epoch)</span>
      <output>${steps[value] ?? '–'}${steps.length > 1 ? ` of ${steps.at(-1)}` : ''}</output>
    </label>
    <input
      id="step"
      type="range"
      min="0"
      max=${Math.max(0, steps.length - 1)}
      step="1"
      value=${value}
      disabled=${single}
      aria-valuetext=${`Epoch ${steps[value]}`}
      onInput=${(e) => move(Number(e.currentTarget.value))}
    />
    <${Check}
      checked=${following}
      onChange=${(follow) => update({step: follow ? null : shownStep})}
    >
      Follow new data
    <//>
  </div>`;
}

function ThresholdControl() {
  const {chosen, update} = useContext(Shared);
  const usual = chosen.run.threshold ?? 0.3;
  const set = (number) => update({threshold: number === usual ? null : number});
  const [value, move] = useDebounced(chosen.threshold, set);
  const typed = (e) => {
    const number = Number(e.currentTarget.value);
    if (e.currentTarget.value !== '' && number >= 0 && number < 1) move(number);
  };
  return html`<div class="field">
    <label for="threshold"><span>Threshold</span></label>
    <div class="row">
      <input
        id="threshold"
        type="range"
        min="0"
        max="0.99"
        step="0.01"
        value=${value}
        onInput=${(e) => move(Number(e.currentTarget.value))}
      />
      <input
        type="number"
        aria-label="Threshold as a number"
        min="0"
        max="0.999"
        step="0.01"
        value=${value}
        onInput=${typed}
      />
    </div>
    <p class="note">
      Normalised fields above it count as one.${' '}
      ${value !== usual &&
        html`<button type="button" class="link" onClick=${() => move(usual)}>Back to ${usual}</button>`}
    </p>
  </div>`;
}

function Notes({notices}) {
  const {chosen, update} = useContext(Shared);
  return html`<div class="notes">
    ${chosen.missing !== null &&
      html`<p class="notice" role="status">
      The run “${chosen.missing}” of the address is not in this log.${' '}
      <button type="button" class="link" onClick=${() => update({run: null})}>Dismiss</button>
    </p>`}
    ${notices.map((text) => html`<p class="notice" role="status">${text}</p>`)}
    ${chosen.run.biases_left_out &&
      html`<p class="note">The head has biases; fields leave them out.</p>`}
  </div>`;
}

/** A value shown at once and handed on when it rests. */
function useDebounced(given, commit) {
  const [value, setValue] = useState(given);
  const timer = useRef(0);
  useEffect(() => setValue(given), [given]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const latest = useRef(commit);
  latest.current = commit;
  const move = (next) => {
    setValue(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => latest.current(next), DEBOUNCE_MILLISECONDS);
  };
  return [value, move];
}
