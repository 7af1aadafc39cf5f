/** The numbers of every step of stages as a table. */

import {html, useContext, useMemo} from '../lib/html.js';
import {withReferences} from '../lib/errorcolumns.js';
import {plural, shortRunNames} from '../lib/format.js';
import {Shared} from '../lib/shared.js';
import {toRun} from '../lib/state.js';
import {kindOfRow} from '../lib/words.js';
import {ErrorNotes, Reference} from './errornotes.js';
import {Explanations} from './explanations.js';
import {Table} from './table.js';

const HEIGHT = 420;

/**
 * Rows of the route `curves`, each with its `run`; a stage's name leads to its filters. `barsAt` is as
 * of `ErrorNotes`.
 */
export function StepTable({rows, barsAt}) {
  const {state, update, runs, chosen, columns} = useContext(Shared);
  const short = shortRunNames(runs);
  const many = rows.some((row) => row.run !== chosen.run.run);
  // The step says which row it is, so it stands in front.
  const shown = useMemo(() => {
    const isStep = ({key}) => key === 'step';
    return [...columns.stages.filter(isStep), ...columns.stages.filter((c) => !isStep(c))];
  }, [columns.stages]);
  const open = (row) => {
    const run = runs.find((r) => r.run === row.run);
    const {steps} = run.stages.find((s) => s.stage === row.stage);
    const step = row.step === steps.at(-1) ? null : row.step;
    update({...toRun(run, {state, chosen}), stage: row.stage, step, view: 'gallery'});
  };
  const lead = (row) => row.reference ? html`<${Reference} row=${row} />` : html`<button
    type="button"
    class="link stage"
    title=${`Show the ${plural(kindOfRow(runs, row))} of ${row.stage} of ${row.run} at step ${row.step}`}
    onClick=${() => open(row)}
  >
    <span>${row.stage}</span>${many && html`<small>${short.get(row.run)}</small>`}
  </button>`;
  return html`<${Table}
      caption=${`Every step at threshold ${chosen.threshold}`}
      columns=${shown}
      rows=${withReferences(rows)}
      lead=${lead}
      leadTitle="Stage"
      isChosen=${({run, stage, step}) =>
        run === chosen.run.run && stage === chosen.stage.stage && step === chosen.step}
      height=${rows.length > 15 ? HEIGHT : undefined}
    />
    <${ErrorNotes} ...${{rows, barsAt}} />
    <${Explanations} columns=${shown} />`;
}
