/** How wide an element is. */

import {useLayoutEffect, useRef, useState} from './html.js';

/** `[ref, width in pixels]`; 0 before it is measured, and what it last was while it is hidden. */
export function useWidth() {
  const box = useRef(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measure = () => box.current.clientWidth && setWidth(box.current.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return [box, width];
}
