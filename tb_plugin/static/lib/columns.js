/** What the numbers are called, what they are and how they are printed: as the server says. */

import {errorOf} from './errorcolumns.js';
import {html} from './html.js';
import {capital, formatAs, formatError, labelName} from './format.js';
import {KINDS, ofKind} from './words.js';

/**
 * Our own text with its symbols typeset: `SNR_I`, `n`. Not for names that come with the log.
 *
 * A single letter is a variable, unless it is the article or the s of a genitive.
 */
export function symbols(text) {
  return text
    .split(/(?<!['’])\b(\w+_\w|[b-zA-Z])\b/)
    .map((part, i) => (i % 2 ? typeset(part) : part));
}

/**
 * The columns of the tab's tables, `{stages, filters, labels}`, from the route `columns`, by what
 * the filters that they speak of are.
 *
 * A column has what the route says of it, and `short`, its symbol typeset, or its title where it
 * has none; as text `name`, both, and `words`, the title; `print(value, row)`, a value as text;
 * `error(row)`, its standard error as text, empty where it is not known.
 */
export function readColumns(answer) {
  const tables = Object.entries(answer);
  const of = (kind) => tables.map(([table, columns]) => [table, columns.map(inWordsOf(kind))]);
  return Object.fromEntries(KINDS.map((kind) => [kind, Object.fromEntries(of(kind))]));
}

function inWordsOf(kind) {
  return ({title, heading, hint, symbol, ...column}) =>
    toColumn({
      ...column,
      symbol: kind !== 'filter' && symbol === 'N_f' ? '' : symbol,
      title: ofKind(title, kind),
      heading: ofKind(heading, kind),
      hint: ofKind(hint, kind),
    });
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
    error: (row) => formatError(errorOf(row, key), print(row[key])),
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
