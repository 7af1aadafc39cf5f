/** A number typed by hand: what is typed stays until it is taken, and only numbers are. */

import {html, useEffect, useRef, useState} from '../lib/html.js';

const REST_MILLISECONDS = 500;
const DECIMAL = /^(\d+[.,]?\d*|[.,]\d+)(e-?\d+)?$/i;

/**
 * @param {object} props
 * @param {string} props.label names it for screen readers; `range` says what may be typed.
 * @param {number} props.value what holds.
 * @param {number} props.step what the up and down keys add.
 * @param {function(number): boolean} props.fits
 * @param {function(number)} props.onChange gets the number on Enter, on leaving, and after a rest.
 */
export function NumberField({label, range, value, step, fits, onChange}) {
  const [typed, setTyped] = useState(null); // `null`: nothing is being typed.
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const number = typed === null ? value : read(typed, fits);

  const take = (text) => {
    clearTimeout(timer.current);
    const found = text === null ? null : read(text, fits);
    if (found !== null && found !== value) onChange(found);
  };
  const type = (text) => {
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => take(text), REST_MILLISECONDS);
  };
  const key = (event) => {
    if (event.key === 'Enter') {
      take(typed);
      if (number !== null) setTyped(null);
    }
    if (event.key === 'Escape') {
      clearTimeout(timer.current);
      setTyped(null);
    }
    const by = {ArrowUp: step, ArrowDown: -step}[event.key];
    if (!by) return;
    event.preventDefault();
    const next = Number(((number ?? value) + by).toFixed(6));
    if (!fits(next)) return;
    setTyped(null);
    clearTimeout(timer.current);
    onChange(next);
  };
  return html`<input
      type="text"
      inputmode="decimal"
      autocomplete="off"
      class="number-field"
      aria-label=${label}
      aria-invalid=${number === null}
      value=${typed ?? String(value)}
      onInput=${(event) => type(event.currentTarget.value)}
      onKeyDown=${key}
      onBlur=${() => {
        take(typed);
        setTyped(null);
      }}
    />
    ${number === null &&
      html`<span class="problem note" role="status">${range}; ${value} still holds.</span>`}`;
}

/** The number a text is, or `null`. */
function read(text, fits) {
  const plain = text.trim();
  const number = DECIMAL.test(plain) ? Number(plain.replace(',', '.')) : NaN;
  return fits(number) ? number : null;
}
