/** What TensorBoard loads into the tab's frame: `render()` shows the app, or why it cannot. */

import {frameOfTab} from './skeleton.js';

const base = new URL('.', import.meta.url);
const STYLES = ['base', 'controls', 'views', 'tables', 'explanations', 'charts', 'gallery', 'filter', 'help', 'narrow'];

/** Draws the tab. The host swallows errors thrown here, so they are shown instead. */
export async function render() {
  try {
    document.body.replaceChildren(frameOfTab());
    // The first questions are on their way before the modules that ask them.
    for (const route of ['runs', 'columns'])
      preload(route, {rel: 'preload', as: 'fetch', crossOrigin: 'anonymous'});
    const styles = STYLES.map((name) => `styles/${name}.css`);
    const sheets = Promise.all(['vendor/uplot.css', ...styles].map(loadStyle));
    const {modules} = await fetch(new URL('modules', base)).then((answer) => answer.json());
    // Asked for at once: each would else wait for the one that imports it.
    modules.forEach((path) => preload(path, {rel: 'modulepreload'}));
    const pages = modules.filter((path) => path.startsWith('views/'));
    const [{start}, ...views] = await Promise.all(
      ['app.js', ...pages].map((path) => import(`./${path}`)),
    );
    const shown = views.map(({view}) => view).sort((a, b) => a.place - b.place);
    const own = shown.flatMap(({styles = []}) => styles);
    await Promise.all([sheets, ...own.map((name) => loadStyle(`styles/${name}.css`))]);
    await start(document.body, shown);
  } catch (error) {
    console.error(error);
    showFailure(error);
  }
}

function preload(path, attributes) {
  const link = document.createElement('link');
  Object.assign(link, attributes, {href: new URL(path, base).href});
  document.head.append(link);
}

function loadStyle(path) {
  return new Promise((resolve, reject) => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = new URL(path, base).href;
    link.onload = resolve;
    link.onerror = () => reject(new Error(`${path} could not be loaded`));
    document.head.append(link);
  });
}

function showFailure(error) {
  const box = document.createElement('pre');
  box.setAttribute('role', 'alert');
  box.style.cssText = 'margin:24px;white-space:pre-wrap;font:14px/1.5 Roboto,sans-serif';
  box.textContent =
    `The Clusters tab could not start.\n${error && error.message}\n\n` +
    'Reload the page; if that does not help, restart TensorBoard.';
  document.body.replaceChildren(box);
}
