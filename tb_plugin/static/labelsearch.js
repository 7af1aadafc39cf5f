/** Choosing a label by name or number, with suggestions. */

import {html, useEffect, useState} from './html.js';

/** `value` is a label's number or null; `onChange` is told the new one. */
export function LabelSearch({labels, value, onChange}) {
  const [typed, setTyped] = useState('');
  const shown = value === null ? '' : (labels[value] ?? '');
  useEffect(() => setTyped(shown), [shown]);
  const wrong = typed.trim() !== '' && typed !== shown;
  const type = (event) => {
    const text = event.currentTarget.value;
    setTyped(text);
    if (text.trim() === '') onChange(null);
    else {
      const exact = labels.indexOf(text);
      if (exact >= 0) onChange(exact);
    }
  };
  const take = () => {
    const found = findLabel(labels, typed);
    if (found !== null) onChange(found);
  };
  return html`<div class="inline label-search">
    <label for="label-filter">Label in a cluster</label>
    <input
      id="label-filter"
      type="search"
      list="label-names"
      autocomplete="off"
      placeholder="Any label"
      value=${typed}
      aria-invalid=${wrong && findLabel(labels, typed) === null}
      title="Only filters with a cluster that holds this label. Type a name or a number, then Enter"
      onInput=${type}
      onChange=${take}
      onKeyDown=${(e) => e.key === 'Enter' && take()}
    />
    <datalist id="label-names">
      ${labels.map((name, i) => html`<option key=${i} value=${name}>No. ${i}</option>`)}
    </datalist>
    ${wrong && findLabel(labels, typed) === null && html`<span class="note">No such label</span>`}
  </div>`;
}

/** A name exactly, else a number, else the first name that begins so or holds it; or null. */
export function findLabel(labels, text) {
  const sought = text.trim().toLowerCase();
  if (sought === '') return null;
  const names = labels.map((name) => name.toLowerCase());
  const exact = names.indexOf(sought);
  if (exact >= 0) return exact;
  if (/^\d+$/.test(sought) && Number(sought) < labels.length) return Number(sought);
  const begins = names.findIndex((name) => name.startsWith(sought));
  const found = begins >= 0 ? begins : names.findIndex((name) => name.includes(sought));
  return found >= 0 ? found : null;
}
