/** The buttons that save what is shown. */

import {html, useEffect, useState} from '../lib/html.js';
import {save, watchOffer, whyNot} from '../lib/export.js';

const FORMATS = ['png', 'svg', 'csv', 'json'];

/** One button a format, disabled while the view has nothing for it; its title says why. */
export function ExportButtons() {
  const [problem, setProblem] = useState('');
  const [reasons, setReasons] = useState(() => FORMATS.map(whyNot));
  useEffect(() => {
    // The same list where nothing changed, so that a view that is drawn again does not draw these.
    const look = () =>
      setReasons((old) => {
        const now = FORMATS.map(whyNot);
        return String(now) === String(old) ? old : now;
      });
    look();
    return watchOffer(look);
  }, []);
  const run = (format) =>
    save(format).then(
      () => setProblem(''),
      (error) => setProblem(error.message),
    );
  return html`<div class="export" role="group" aria-label="Export what is shown">
    <span class="problem" role="status">${problem}</span>
    <span aria-hidden="true">Export</span>
    ${FORMATS.map(
      (format, i) => html`<button
        type="button"
        class="button small"
        aria-label=${`Export what is shown as ${format.toUpperCase()}`}
        title=${reasons[i]}
        aria-disabled=${reasons[i] !== null}
        onClick=${() => reasons[i] === null && run(format)}
      >
        ${format.toUpperCase()}
      </button>`,
    )}
  </div>`;
}
