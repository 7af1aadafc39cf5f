/** What TensorBoard loads into the tab's frame: `render()` shows the app, or why it cannot. */

const base = new URL('.', import.meta.url);
// Asked for at once: each would else wait for the one that imports it.
const MODULES = [
  'app.js',
  'components/cell.js',
  'components/chart.js',
  'components/clusterlist.js',
  'components/comparecontrol.js',
  'components/controls.js',
  'components/explanations.js',
  'components/exportbuttons.js',
  'components/filterparts.js',
  'components/labelsearch.js',
  'components/matrix.js',
  'components/messages.js',
  'components/numberfield.js',
  'components/table.js',
  'components/widgets.js',
  'lib/api.js',
  'lib/axes.js',
  'lib/colors.js',
  'lib/columns.js',
  'lib/corner.js',
  'lib/export.js',
  'lib/filterlist.js',
  'lib/focus.js',
  'lib/format.js',
  'lib/host.js',
  'lib/html.js',
  'lib/matrixpicture.js',
  'lib/pace.js',
  'lib/plot.js',
  'lib/resource.js',
  'lib/shared.js',
  'lib/state.js',
  'lib/thumbnails.js',
  'vendor/htm.js',
  'vendor/preact-hooks.js',
  'vendor/preact.js',
  'vendor/uplot.js',
  'views/curves.js',
  'views/filter.js',
  'views/gallery.js',
  'views/labels.js',
  'views/stages.js',
];
const STYLES = ['base', 'controls', 'views', 'tables', 'explanations', 'charts', 'gallery', 'filter', 'narrow'];

/** Draws the tab. The host swallows errors thrown here, so they are shown instead. */
export async function render() {
  try {
    // The first questions are on their way before the modules that ask them.
    for (const route of ['runs', 'columns'])
      preload(route, {rel: 'preload', as: 'fetch', crossOrigin: 'anonymous'});
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
