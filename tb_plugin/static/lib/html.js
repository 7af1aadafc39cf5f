/** The one place that knows which library draws the DOM: Preact, with htm instead of JSX. */

import {h} from '../vendor/preact.js';
import htm from '../vendor/htm.js';

export {Component, Fragment, createContext, render} from '../vendor/preact.js';
export {
  useCallback,
  useContext,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from '../vendor/preact-hooks.js';

/** Tagged template for elements. Values become text nodes or attributes, never markup. */
export const html = htm.bind(h);
