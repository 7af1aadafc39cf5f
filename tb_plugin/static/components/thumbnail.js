/** A small matrix, painted as soon as it is there. */

import {html, useEffect, useRef} from '../lib/html.js';
import {paintThumbnail} from '../lib/thumbnails.js';

/** `thumbnail` is what `useThumbnails` gives of a filter; `side` is in pixels. */
export function Thumbnail({thumbnail, side}) {
  const canvas = useRef(null);
  useEffect(() => {
    if (thumbnail) paintThumbnail(canvas.current, thumbnail);
  }, [thumbnail?.bits, thumbnail?.meta]);
  return html`<canvas
    ref=${canvas}
    width="1"
    height="1"
    class=${`thumbnail ${thumbnail ? '' : 'waiting'} ${thumbnail?.stale ? 'stale' : ''}`}
    style=${{width: `${side}px`, height: `${side}px`}}
    aria-hidden="true"
  ></canvas>`;
}
