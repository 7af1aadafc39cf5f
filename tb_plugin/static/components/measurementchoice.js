/** Choosing a measurement: a run, a stage of it, and a step. */

import {html} from '../lib/html.js';
import {describeStage, shortRunNames} from '../lib/format.js';
import {Select} from './widgets.js';

/** `value` is `{run, stage, step}`; `onChange` gets another one, with `null` for what is open. */
export function MeasurementChoice({name, runs, value, onChange}) {
  const {run, stage, step} = value;
  const short = shortRunNames(runs);
  const toRunNamed = (other) => {
    const next = runs.find((r) => r.run === other);
    onChange({run: next, stage: next.stages.find((s) => s.stage === stage.stage), step: null});
  };
  const toStage = (other) =>
    onChange({run, stage: run.stages.find((s) => s.stage === other), step: null});
  return html`<div class="measurement" role="group" aria-label=${name}>
    <b>${name}</b>
    <label class="inline">
      <span>Run</span>
      <${Select}
        value=${run.run}
        title=${run.run}
        choices=${runs.map((r) => [r.run, short.get(r.run)])}
        onChange=${toRunNamed}
      />
    </label>
    <label class="inline">
      <span>Stage</span>
      <${Select}
        value=${stage.stage}
        title=${describeStage(stage)}
        choices=${run.stages.map((s) => [s.stage, describeStage(s)])}
        onChange=${toStage}
      />
    </label>
    <label class="inline">
      <span>Step</span>
      <${Select}
        value=${String(step)}
        choices=${stage.steps.map((s) => [String(s), String(s)])}
        onChange=${(text) => onChange({run, stage, step: Number(text)})}
      />
    </label>
  </div>`;
}
