/** What the numbers are called, what they are and how they are printed: as the server says. */

import {html} from './html.js';
import {capital, formatAs, labelName} from './format.js';

/**
 * Our own text with its symbols typeset: `SNR_I`, `n`. Not for names that come with the log.
 *
 * A single letter is a variable, unless it is the article.
 */
export function symbols(text) {
  return text.split(/\b(\w+_\w|[b-zA-Z])\b/).map((part, i) => (i % 2 ? typeset(part) : part));
}

/**
 * The columns of the tab's tables, `{stages, filters, labels}`, from the route `columns`.
 *
 * A column has what the route says of it, and `short`, its symbol typeset, or its title where it
 * has none; as text `name`, both, and `words`, the title; `print(value, row)`, a value as text.
 */
export function readColumns(answer) {
  return Object.fromEntries(
    Object.entries(answer).map(([table, columns]) => [table, columns.map(toColumn)]),
  );
}

function toColumn(column) {
  const {key, symbol, title, heading, format} = column;
  const print = (value) => formatAs(value, format);
  return {
    ...column,
    short: symbol ? symbols(symbol) : capital(title),
    words: capital(title),
    name: heading.startsWith(title) ? capital(heading) : heading,
    print: key === 'name' ? (value, row) => labelName(value, row.label) : print,
  };
}

/** The column of a key. */
export function columnOf(columns, key) {
  return columns.find((column) => column.key === key);
}

function typeset(symbol) {
  const [letters, index] = symbol.split('_');
  return html`<var>${letters}</var>${index && html`<sub>${index}</sub>`}`;
}
