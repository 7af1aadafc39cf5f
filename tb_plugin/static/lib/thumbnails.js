/** Thumbnails of the filters in sight, fetched a few at a time and kept while they hold. */

import {useEffect, useRef, useState} from './html.js';
import {getThumbnails} from './api.js';
import {BLACK, WHITE, YELLOW} from './colors.js';
import {fillElements, makePicture} from './picture.js';

const AT_ONCE = 40; // Filters a request.
const REQUESTS = 2; // Under way together.
const REST_MILLISECONDS = 50; // Scrolling has to rest so long.

/**
 * Gives `{of(filter) -> {meta, bits, size, stale} | undefined, error, retry}`.
 *
 * @param {object} parameters of the route `thumbnails`, without the filters.
 * @param {string} key all the pictures depend on.
 * @param {string} scope within which old pictures may stand in for new ones.
 * @param {number[]} wanted the filters in sight.
 */
export function useThumbnails(parameters, key, scope, wanted) {
  const store = useRef(null);
  const [tries, redraw] = useState(0);
  if (store.current?.key !== key) {
    const old = store.current;
    old?.controller.abort();
    store.current = {
      key,
      scope,
      known: new Map(),
      before: old?.scope === scope ? (old.known.size ? old.known : old.before) : new Map(),
      pending: new Set(),
      controller: new AbortController(),
      requests: 0,
      error: null,
    };
  }
  const now = store.current;
  now.wanted = wanted;

  useEffect(() => {
    const first = !now.known.size && !now.before.size;
    const timer = setTimeout(
      () => pump(now, parameters, () => redraw((n) => n + 1)),
      first ? 0 : REST_MILLISECONDS,
    );
    return () => clearTimeout(timer);
  }, [key, wanted.join(), now]);
  useEffect(() => () => store.current.controller.abort(), []);

  const of = (filter) => {
    const fresh = now.known.get(filter);
    if (fresh) return fresh;
    const old = now.before.get(filter);
    return old && {...old, stale: true};
  };
  const retry = () => {
    store.current = null;
    redraw(tries + 1);
  };
  return {of, error: now.error, retry};
}

async function pump(store, parameters, redraw) {
  const {signal} = store.controller;
  while (!signal.aborted && !store.error && store.requests < REQUESTS) {
    const missing = store.wanted.filter((f) => !store.known.has(f) && !store.pending.has(f));
    if (!missing.length) return;
    const filters = missing.slice(0, AT_ONCE);
    filters.forEach((f) => store.pending.add(f));
    store.requests += 1;
    getThumbnails({...parameters, filters: filters.join()}, signal)
      .then(({header, matrices}) => {
        header.filters.forEach((meta, i) =>
          store.known.set(meta.filter, {meta, bits: matrices[i], size: header.size}),
        );
      })
      .catch((error) => {
        if (error.name !== 'AbortError') store.error = error;
      })
      .finally(() => {
        filters.forEach((f) => store.pending.delete(f));
        store.requests -= 1;
        if (signal.aborted) return;
        redraw();
        pump(store, parameters, redraw);
      });
  }
}

/** Paints a permuted matrix: clusters white on the diagonal, noise yellow, the rest black. */
export function paintThumbnail(canvas, {meta, bits, size}) {
  const clusterOf = new Int16Array(size).fill(-1);
  let start = 0;
  meta.sizes.forEach((n, cluster) => {
    clusterOf.fill(cluster, Math.min(start, size), Math.min(start + n, size));
    start += n;
  });
  canvas.width = size;
  canvas.height = size;
  const image = new ImageData(size, size);
  const pixels = new Uint32Array(image.data.buffer);
  for (let row = 0, at = 0; row < size; row++) {
    for (let column = 0; column < size; column++, at++) {
      const together = clusterOf[row] >= 0 && clusterOf[row] === clusterOf[column];
      pixels[at] = bits[at] ? (together ? WHITE : YELLOW) : BLACK;
    }
  }
  canvas.getContext('2d').putImageData(image, 0, 0);
  canvas.draw = (pen) => fillElements(pen, size, size, (row, column) => pixels[row * size + column]);
}

/** A thumbnail as a canvas of so many pixels of the page, with a frame, for export. */
export function thumbnailPicture(thumbnail, side) {
  const small = document.createElement('canvas');
  paintThumbnail(small, thumbnail);
  const all = side * devicePixelRatio;
  return makePicture(all, all, (pen) => {
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, 0, 0, all, all);
    pen.strokeStyle = getComputedStyle(document.body).getPropertyValue('--edge');
    pen.lineWidth = 2;
    pen.strokeRect(0, 0, all, all);
  });
}
