/** The server's routes: requests, binary answers, and a small memory of what was answered. */

import {begin, rest} from './pace.js';

const BASE = new URL('..', import.meta.url);
const CACHE_BYTES = 48 * 2 ** 20;
const TEXT_KEYS = new Set(['run', 'phase', 'title', 'stage', 'split', 'name', 'error']);

const cache = new Map(); // In order of use, the least recent first.
let cacheBytes = 0;
let era = 0; // Of the log.

/** Forgets all answers, also those under way: the log has changed. */
export function forgetAnswers() {
  era += 1;
  cache.clear();
  cacheBytes = 0;
}

function remember(url, answer, bytes) {
  cache.set(url, {answer, bytes});
  cacheBytes += bytes;
  for (const [oldest, entry] of cache) {
    if (cacheBytes <= CACHE_BYTES || oldest === url) break;
    cache.delete(oldest);
    cacheBytes -= entry.bytes;
  }
}

async function request(route, parameters, signal, read) {
  const url = new URL(route, BASE);
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null) url.searchParams.set(key, value);
  }
  const hit = cache.get(url.href);
  if (hit) {
    cache.delete(url.href);
    cache.set(url.href, hit);
    return hit.answer;
  }
  const kind = JSON.stringify([route, parameters.run, parameters.stage]);
  await rest(kind, signal);
  const asked = era;
  const done = begin(kind, signal);
  let response, body;
  try {
    response = await fetch(url, {signal});
    body = await response.arrayBuffer();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error('TensorBoard does not answer. Is it still running?');
  }
  done();
  if (!response.ok) throw new Error(errorLine(body, response));
  const answer = read(body);
  if (asked === era) remember(url.href, answer, body.byteLength);
  return answer;
}

function errorLine(body, response) {
  try {
    return String(JSON.parse(new TextDecoder().decode(body)).error);
  } catch {
    return `TensorBoard answered ${response.status} ${response.statusText}.`;
  }
}

/** Infinite numbers arrive as a text; a label may be called so too, but stands in a list. */
function revive(key, value) {
  if (value !== 'Infinity' || TEXT_KEYS.has(key) || /^\d+$/.test(key)) return value;
  return Infinity;
}

/** A route's JSON. */
export function getJson(route, parameters, signal) {
  return request(route, parameters, signal, (body) =>
    JSON.parse(new TextDecoder().decode(body), revive),
  );
}

/** What changes with the log; always asked, never remembered. */
export async function getRevision(signal) {
  const answer = await fetch(new URL('revision', BASE), {signal, cache: 'no-store'});
  if (!answer.ok) throw new Error(`TensorBoard answered ${answer.status}.`);
  return (await answer.json()).revision;
}

/** A route's header and what follows it, `{header, data: Uint8Array}`. */
function getBinary(route, parameters, signal) {
  return request(route, parameters, signal, (body) => {
    const length = new DataView(body).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 4, length)), revive);
    return {header, data: new Uint8Array(body, 4 + length)};
  });
}

/** Thumbnails of filters: `{header, matrices}`, each a Uint8Array of 0 and 1, row by row. */
export async function getThumbnails(parameters, signal) {
  const {header, data} = await getBinary('thumbnails', parameters, signal);
  const bytes = Math.ceil(header.size ** 2 / 8);
  const matrices = header.filters.map((_, at) =>
    unpackBits(data.subarray(at * bytes, (at + 1) * bytes), header.size ** 2),
  );
  return {header, matrices};
}

/** One filter: `{header, fields: Float32Array, boolean: Uint8Array}`, both (K, K). */
export async function getFilter(parameters, signal) {
  const {header, data} = await getBinary('filter', parameters, signal);
  const count = header.labels ** 2;
  return {
    header,
    fields: readFloats(data, count),
    boolean: unpackBits(data.subarray(4 * count), count),
  };
}

function readFloats(data, count) {
  const view = new DataView(data.buffer, data.byteOffset, 4 * count);
  const fields = new Float32Array(count);
  for (let at = 0; at < count; at++) fields[at] = view.getFloat32(4 * at, true);
  return fields;
}

/** `numpy.unpackbits`: the first element is in the highest bit. */
function unpackBits(packed, count) {
  const bits = new Uint8Array(count);
  for (let at = 0; at < count; at++) bits[at] = (packed[at >> 3] >> (7 - (at & 7))) & 1;
  return bits;
}
