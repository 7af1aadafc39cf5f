/** The numbers of two measurements' stages, with their errors, one below the other. */

import {html, useContext} from '../lib/html.js';
import {getJson} from '../lib/api.js';
import {rowsOfRuns, withReferences} from '../lib/errorcolumns.js';
import {useResource} from '../lib/resource.js';
import {Shared} from '../lib/shared.js';
import {ErrorNotes, Reference} from './errornotes.js';
import {Await, Failure} from './messages.js';
import {Table} from './table.js';

/** `both` are the parameters of A and B: run, stage, step and threshold. */
export function StageNumbers({both}) {
  const {columns, version} = useContext(Shared);
  const found = useResource(
    JSON.stringify(['numbers', both, version]),
    async (signal) => {
      const answers = await Promise.all(both.map((one) => getJson('stages', one, signal)));
      const named = answers.map((answer, i) => ({
        ...answer,
        rows: answer.rows.map((row) => ({...row, letter: 'AB'[i]})),
      }));
      return rowsOfRuns(named, both);
    },
    JSON.stringify(both.map(({run, stage}) => [run, stage])),
  );
  if (found.error) return html`<${Failure} error=${found.error} retry=${found.retry} />`;
  // Of runs without errors the numbers are in the view of stages.
  if (!found.data?.barsAt.length) return null;
  return html`<section class="card" aria-label="The stages of A and B">
    <${Await} resource=${found} what="Computing the numbers of both stages">
      ${({rows, barsAt}) => html`<${Table}
          caption="Stages of A and B"
          columns=${columns.stages}
          rows=${withReferences(rows)}
          lead=${(row) => (row.reference ? html`<${Reference} row=${row} />` : row.letter)}
          leadTitle="Stage"
        />
        <${ErrorNotes} ...${{rows, barsAt}} />`}
    <//>
  </section>`;
}
