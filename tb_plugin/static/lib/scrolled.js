/** Whether there is more of a scrolled box to the left or to the right of what is in sight. */

import {useEffect, useState} from './html.js';

const SLACK = 1; // Pixels: places of a scrolled box may be fractions.

/**
 * Gives `{sides, lead}`: a class for each side that has more, `more-left` and `more-right`, and the
 * pixels of a first column that stays in place.
 */
export function useMoreBeside(box) {
  const [beside, setBeside] = useState({sides: '', lead: 0});
  useEffect(() => {
    const element = box.current;
    const look = () => {
      const {scrollLeft, clientWidth, scrollWidth} = element;
      const left = scrollLeft > SLACK ? 'more-left' : '';
      const right = scrollLeft + clientWidth < scrollWidth - SLACK ? 'more-right' : '';
      const sides = `${left} ${right}`.trim();
      const lead = element.querySelector('tbody .lead')?.offsetWidth ?? 0;
      setBeside((old) => (old.sides === sides && old.lead === lead ? old : {sides, lead}));
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    observer.observe(element.firstElementChild);
    element.addEventListener('scroll', look, {passive: true});
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, []);
  return beside;
}
