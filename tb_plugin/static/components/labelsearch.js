/** Choosing a label by name or number, with suggestions. */

import {html, useMemo, useState} from '../lib/html.js';
import {plural} from '../lib/format.js';

/** `value` is a label's number or null; `onChange` gets the new one; `kind` is what is searched. */
export function LabelSearch({labels, value, kind, onChange}) {
  const [typed, setTyped] = useState(null); // `null`: nothing is being typed.
  const names = useMemo(() => namesApart(labels), [labels]);
  const shown = typed ?? (value === null ? '' : names[value]);
  const wrong = shown.trim() !== '' && findLabel(names, shown) === null;
  // While typing only what is exactly a name filters; the rest waits for Enter.
  const type = (text) => {
    setTyped(text);
    const exact = names.indexOf(text);
    const next = exact >= 0 ? exact : null;
    if (next !== value) onChange(next);
  };
  const take = () => {
    if (typed === null) return;
    const found = findLabel(names, typed);
    if (names[value] !== typed && found !== value) onChange(found);
    if (!wrong) setTyped(null);
  };
  return html`<div class="inline label-search">
    <label for="label-filter">Label in a cluster</label>
    <input
      id="label-filter"
      type="search"
      list="label-names"
      autocomplete="off"
      placeholder="Any label"
      value=${shown}
      aria-invalid=${wrong}
      title=${`Only ${plural(kind)} with a cluster that holds this label. Type a name or a number, then Enter`}
      onInput=${(e) => type(e.currentTarget.value)}
      onChange=${take}
      onKeyDown=${(e) => e.key === 'Enter' && take()}
      onBlur=${() => {
        take();
        setTyped(null);
      }}
    />
    <datalist id="label-names">
      ${names.map((name, i) => html`<option key=${i} value=${name}>No. ${i}</option>`)}
    </datalist>
    ${wrong && html`<span class="note problem" role="status">No such label</span>`}
  </div>`;
}

/** The names, with their numbers where several labels have the same. */
function namesApart(labels) {
  const times = new Map();
  for (const name of labels) times.set(name, (times.get(name) ?? 0) + 1);
  return labels.map((name, i) => (times.get(name) > 1 ? `${name} (No. ${i})` : name));
}

/** A name exactly, else a number, else the first name that begins so or holds it; or null. */
function findLabel(labels, text) {
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
