/** What TensorBoard loads into the tab's frame: `render()` shows the app, or why it cannot. */

const base = new URL('.', import.meta.url);
// Asked for at once: each would else wait for the one that imports it.
const MODULES = [
  'api.js',
  'app.js',
  'axes.js',
  'cell.js',
  'chart.js',
  'clusterlist.js',
  'colors.js',
  'columns.js',
  'comparecontrol.js',
  'controls.js',
  'corner.js',
  'export.js',
  'exportbuttons.js',
  'filterlist.js',
  'filterparts.js',
  'focus.js',
  'format.js',
  'host.js',
  'html.js',
  'labelsearch.js',
  'matrix.js',
  'matrixpicture.js',
  'messages.js',
  'numberfield.js',
  'pace.js',
  'plot.js',
  'resource.js',
  'shared.js',
  'state.js',
  'table.js',
  'thumbnails.js',
  'vendor/htm.js',
  'vendor/preact-hooks.js',
  'vendor/preact.js',
  'vendor/uplot.js',
  'views/curves.js',
  'views/filter.js',
  'views/gallery.js',
  'views/labels.js',
  'views/layers.js',
  'widgets.js',
];
const STYLES = ['base', 'controls', 'views', 'tables', 'charts', 'gallery', 'filter', 'narrow'];

/** Draws the tab. The host swallows errors thrown here, so they are shown instead. */
export async function render() {
  try {
    // The first question to the log is on its way before the module that asks it.
    preload('runs', {rel: 'preload', as: 'fetch', crossOrigin: 'anonymous'});
    MODULES.forEach((path) => preload(path, {rel: 'modulepreload'}));
    const styles = STYLES.map((name) => `styles/${name}.css`);
    const sheets = Promise.all(['vendor/uplot.css', ...styles].map(loadStyle));
    const [{start}] = await Promise.all([import('./app.js'), sheets]);
    await start(document.body);
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
