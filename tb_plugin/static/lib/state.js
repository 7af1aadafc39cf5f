/** What the user has chosen, how it stands in the address, and what it means for a given log. */

import {labelName} from './format.js';
import {commonKind} from './words.js';

// How a value is read from the address; `undefined` where it makes no sense.
export const text = (value) => value;
export const integer = (value) =>
  /^\d{1,18}$/.test(value) && Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
export const oneOf =
  (...choices) =>
  (value) =>
    choices.includes(value) ? value : undefined;
export const flag = (value) => (value === '1' ? true : value === '0' ? false : undefined);

function fraction(value) {
  const number = value.trim() === '' ? NaN : Number(value);
  return number >= 0 && number < 1 ? number : undefined;
}

function names(value) {
  try {
    return value === '' ? [] : value.split(',').map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

// What several views share: [default, read from the address]. `null`: what suits the log. A view
// declares what it alone needs as its `fields`, and what of all fields it chose by itself as `named`.
const FIELDS = {
  run: [null, text],
  compared: [null, names],
  stage: [null, text],
  step: [null, integer],
  threshold: [null, fraction],
  filter: [null, integer],
  label: [null, integer],
  sort: ['strongest', text],
  descending: [false, flag],
  corner: ['auto', oneOf('auto', '16', '32', '64', '128')],
  size: ['m', oneOf('s', 'm', 'l')],
  log: [true, flag],
  theme: ['auto', oneOf('auto', 'light', 'dark')],
};

function fieldsOf(views) {
  const names = views.map((view) => view.name);
  // Addresses of earlier versions call the first view `layers`.
  const view = (value) => oneOf(...names)(value === 'layers' ? 'stages' : value);
  return Object.assign({view: ['stages', view]}, FIELDS, ...views.map(({fields}) => fields));
}

/** The state an address gives, of these views; what is missing or senseless takes its default. */
export function decode(address, views) {
  const state = {};
  for (const [key, [initial, read]] of Object.entries(fieldsOf(views))) {
    const found = Object.hasOwn(address, key) ? read(String(address[key])) : undefined;
    state[key] = found === undefined ? initial : found;
  }
  return state;
}

/** What the browser's Back undoes; all else only replaces the address. */
export const VISITED = ['view', 'filter'];

/** The texts for the address: only what differs from the defaults. */
export function encode(state, views) {
  const address = {};
  for (const [key, [initial]] of Object.entries(fieldsOf(views))) {
    const value = state[key];
    if (value === initial || value === null) continue;
    if (Array.isArray(value)) address[key] = value.map(encodeURIComponent).join(',');
    else address[key] = value === true ? '1' : value === false ? '0' : String(value);
  }
  return address;
}

const PHASES = ['final', 'heads', 'train'];

function rank(run) {
  const at = PHASES.indexOf(run.phase);
  return at < 0 ? PHASES.length : at;
}

/** The run shown where none is chosen: a final one if there is, else what has most stages. */
function defaultRun(runs) {
  return [...runs].sort((a, b) => rank(a) - rank(b) || b.stages.length - a.stages.length)[0];
}

/**
 * What the state means for a log: the records of run and stage, and concrete step and threshold.
 *
 * `following` says that the step is the newest there is. `step` is where the stage was measured;
 * `stagesStep` is what views of all stages ask for, `undefined` while following. `steps` are those
 * to choose from, of `stages` the steps of all runs shown together. `compared` has the run chosen
 * first. `labels` are names to be shown, `run.labels` those of the log. `kind` is what
 * the filters are that the view speaks of. `stages` are those of the run that the view can show:
 * where it cannot show the stage chosen, the nearest before it is.
 */
export function select(state, runs, view) {
  const run = runs.find((r) => r.run === state.run) ?? defaultRun(runs);
  // Matrices too large for the log are not there: the last stage that has some is shown first.
  const shown = run.stages.findLast((s) => s.steps.length) ?? run.stages.at(-1) ?? null;
  const asked = run.stages.find((s) => s.stage === state.stage) ?? shown;
  const suited = run.stages.filter((s) => view.suitsStage?.(s) ?? true);
  const stages = suited.length ? suited : run.stages;
  const stage = stages.includes(asked) ? asked : nearest(stages, run.stages.indexOf(asked), run);
  const filter = state.filter !== null && state.filter < stage?.filters ? state.filter : null;
  const label = state.label !== null && state.label < run.labels.length ? state.label : null;
  const together =
    state.compared === null
      ? (r) => r.phase === run.phase && runs.length <= 6
      : (r) => state.compared.includes(r.run);
  const compared = [run, ...runs.filter((r) => r !== run && together(r))];
  const wide = state.view === 'stages' || state.view === 'curves';
  // A step named for all that is shown together must not stop the others before their last.
  const steps = wide ? stepsOf(state.view === 'stages' ? compared : [run]) : (stage?.steps ?? []);
  const following = state.step === null;
  const latest = (list) =>
    (following ? list.at(-1) : (list.findLast((s) => s <= state.step) ?? list[0])) ?? null;
  return {
    run,
    stage,
    stages,
    kind: wide ? commonKind(compared.flatMap((r) => r.stages)) : stage.kind,
    steps,
    following,
    step: latest(stage?.steps ?? []),
    shownStep: latest(steps),
    stagesStep: following ? undefined : state.step,
    threshold: state.threshold ?? run.threshold ?? 0.3,
    compared,
    filter,
    label,
    labels: shownLabels(run),
    missing: [
      ['run', state.run, run.run],
      ['stage', state.stage, asked?.stage],
      ['filter', state.filter, filter],
      ['label', state.label, label],
    ]
      .filter(([, asked, found]) => asked !== null && asked !== found)
      .map(([what, name]) => ({what, name, patch: {[what]: null}})),
  };
}

/** The runs shown together, by name: what a view of several runs has for its `named`. */
export const comparedRuns = ({chosen}) => ({compared: chosen.compared.map(({run}) => run)});

/** The steps of all stages of some runs, ascending. */
function stepsOf(runs) {
  const all = runs.flatMap((run) => run.stages.flatMap((s) => s.steps));
  return [...new Set(all)].sort((a, b) => a - b);
}

/** The stage before a place in the network; where there is none, the next behind it. */
function nearest(stages, place, run) {
  const kept = stages.filter((s) => s.steps.length);
  const candidates = kept.length ? kept : stages;
  return candidates.findLast((s) => run.stages.indexOf(s) < place) ?? candidates[0];
}

const shown = new WeakMap(); // Made once a run, so that views see the same list.

function shownLabels(run) {
  if (!shown.has(run)) shown.set(run, run.labels.map(labelName));
  return shown.get(run);
}

/** The change of state that goes to another run, keeping of the choice what that run has. */
export function toRun(run, {state, chosen}) {
  const same = String(run.labels) === String(chosen.run.labels);
  return {
    run: run.run,
    stage: run.stages.some((s) => s.stage === state.stage) ? state.stage : null,
    filter: null,
    label: same ? state.label : null,
  };
}
