/** The left side: runs, stage, step, threshold, theme. In a narrow window it folds away. */

import {html, useContext, useEffect, useRef, useState} from '../lib/html.js';
import {CompareControl} from './comparecontrol.js';
import {describeStage, shortRunNames} from '../lib/format.js';
import {NumberField} from './numberfield.js';
import {Shared} from '../lib/shared.js';
import {toRun} from '../lib/state.js';
import {Check, Select} from './widgets.js';

const DEBOUNCE_MILLISECONDS = 80;
const PLACES = {run: 'log', stage: 'run', filter: 'stage', label: 'run'};
const NARROW = '(max-width: 760px)'; // As in styles/narrow.css.

/** The whole side. */
export function Controls({notices}) {
  const {state, chosen} = useContext(Shared);
  const narrow = useMedia(NARROW);
  const wide = state.view === 'stages' || state.view === 'curves';
  const parts = html`
    <${RunControl} />
    ${wide && html`<${CompareControl} />`}
    <${StageControl} />
    <${StepControl} />
    <${ThresholdControl} />
    <${ThemeControl} />
    <${Notes} notices=${notices} />
  `;
  const {run, stage, shownStep, threshold} = chosen;
  const summary = `${stage.stage}, step ${shownStep ?? '–'}, threshold ${threshold}`;
  if (narrow)
    return html`<details class="side">
      <summary title=${run.run}>${summary}</summary>
      ${parts}
    </details>`;
  return html`<aside class="side" aria-label="What is shown">
    ${run.title && html`<p class="title" title=${run.title}>${run.title}</p>`}${parts}
  </aside>`;
}

function RunControl() {
  const shared = useContext(Shared);
  const {runs, chosen, update} = shared;
  const short = shortRunNames(runs);
  return html`<label class="field">
    <span>Run</span>
    <${Select}
      value=${chosen.run.run}
      title=${chosen.run.run}
      choices=${runs.map((run) => [run.run, short.get(run.run)])}
      onChange=${(name) => update(toRun(runs.find((run) => run.run === name), shared))}
    />
  </label>`;
}

function StageControl() {
  const {chosen, update} = useContext(Shared);
  return html`<label class="field">
    <span>Stage</span>
    <${Select}
      value=${chosen.stage.stage}
      title=${describeStage(chosen.stage)}
      choices=${chosen.stages.map((stage) => [stage.stage, describeStage(stage)])}
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
      aria-valuetext=${steps.length ? `Epoch ${steps[value]}` : 'None'}
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
      <${NumberField}
        label="Threshold as a number"
        range="From 0 to below 1"
        value=${value}
        step=${0.01}
        fits=${(number) => number >= 0 && number < 1}
        onChange=${move}
      />
    </div>
    <p class="note">
      A field above this share of the ${chosen.stage.kind}’s largest counts as one.${' '}
      ${value !== usual &&
        html`<button type="button" class="link" onClick=${() => move(usual)}>Back to ${usual}</button>`}
    </p>
  </div>`;
}

function ThemeControl() {
  const {state, update} = useContext(Shared);
  return html`<label class="field">
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
  </label>`;
}

function Notes({notices}) {
  const {chosen, update} = useContext(Shared);
  return html`<div class="notes">
    ${chosen.missing.map(
      ({what, name, patch}) => html`<p class="notice" role="status" key=${what}>
        The ${what} “${name}” of the address is not in this ${PLACES[what]}.${' '}
        <button type="button" class="link" onClick=${() => update(patch)}>Dismiss</button>
      </p>`,
    )}
    ${notices.map((text) => html`<p class="notice" role="status" key=${text}>${text}</p>`)}
    ${chosen.run.biases_left_out &&
      html`<p class="note">The head has biases; fields leave them out.</p>`}
  </div>`;
}

function useMedia(query) {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const change = () => setMatches(list.matches);
    list.addEventListener('change', change);
    return () => list.removeEventListener('change', change);
  }, [query]);
  return matches;
}

/** A value shown at once and handed on when it rests; until then no other takes its place. */
function useDebounced(given, commit) {
  const [moving, setMoving] = useState(null);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const latest = useRef(commit);
  latest.current = commit;
  const move = (next) => {
    setMoving({next});
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      latest.current(next);
      setMoving(null);
    }, DEBOUNCE_MILLISECONDS);
  };
  return [moving ? moving.next : given, move];
}
