/** The button that copies the address of what is shown. */

import {html, useContext, useEffect, useRef, useState} from '../lib/html.js';
import {linkTo} from '../lib/host.js';
import {Shared} from '../lib/shared.js';
import {encode} from '../lib/state.js';

const SAID_MILLISECONDS = 2500;

/**
 * Copies an address that names run, stage, step, threshold and view even where they are as the tab
 * chooses, and what the view names itself: opened later, beside a log that has grown, it shows the
 * same.
 */
export function CopyLink({views}) {
  const shared = useContext(Shared);
  const {state, chosen} = shared;
  const [said, setSaid] = useState('');
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    const named = {
      run: chosen.run.run,
      stage: chosen.stage.stage,
      step: chosen.shownStep,
      threshold: chosen.threshold,
      ...views.find(({name}) => name === state.view).named?.(shared),
    };
    const values = {...encode({...state, ...named}, views), view: state.view};
    setSaid((await copied(linkTo(values))) ? 'Copied' : 'Copy it from the browser’s address');
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setSaid(''), SAID_MILLISECONDS);
  };
  return html`<span class="copy-link">
    <button
      type="button"
      class="button small"
      title="Copy an address that shows this run, stage, step, threshold and view"
      onClick=${copy}
    >
      Copy link
    </button>
    <span class="said" role="status">${said}</span>
  </span>`;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text);
  }
}

/** The way of pages that were not loaded over HTTPS, which have no clipboard. */
function copiedByHand(text) {
  const before = document.activeElement;
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'unseen';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  before?.focus();
  return done;
}
