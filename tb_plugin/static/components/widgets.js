/** Small controls that several views use, each with its label. */

import {html} from '../lib/html.js';

/**
 * A button; `hint` names it where the text on it says too little. One that is disabled keeps the
 * keyboard, so that holding Enter on it does not lose the place.
 */
export function Button({hint, disabled, onClick, children}) {
  return html`<button
    type="button"
    class="button small"
    aria-label=${hint}
    title=${hint}
    aria-disabled=${Boolean(disabled)}
    onClick=${() => !disabled && onClick()}
  >
    ${children}
  </button>`;
}

/** A box to tick. */
export function Check({checked, onChange, children}) {
  return html`<label class="check">
    <input
      type="checkbox"
      checked=${checked}
      onChange=${(event) => onChange(event.currentTarget.checked)}
    />
    <span>${children}</span>
  </label>`;
}

/** One of a few: `choices` is a list of [value, text]. */
export function Radios({label, name, choices, value, onChange}) {
  return html`<div class="choice" role="radiogroup" aria-label=${label}>
    ${choices.map(
      ([choice, text]) => html`<label key=${choice}>
        <input
          type="radio"
          name=${name}
          checked=${choice === value}
          onChange=${() => onChange(choice)}
        />
        <span>${text}</span>
      </label>`,
    )}
  </div>`;
}

/** A list to choose from: `choices` is a list of [value, text]. */
export function Select({value, choices, title, onChange}) {
  return html`<select
    value=${value}
    title=${title}
    onChange=${(event) => onChange(event.currentTarget.value)}
  >
    ${choices.map(([choice, text]) => html`<option key=${choice} value=${choice}>${text}</option>`)}
  </select>`;
}

/** What a colour means in a sentence: the colour and the word on one line. */
export function Keyed({color, children}) {
  return html`<span class="keyed"><i class=${`key ${color}`}></i> ${children}</span>`;
}
