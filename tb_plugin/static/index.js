/** What TensorBoard loads into the tab's frame: `render()` shows the app, or why it cannot. */

const base = new URL('.', import.meta.url);
const STYLES = ['base', 'controls', 'views', 'tables', 'charts', 'gallery', 'filter'];

/** Draws the tab. The host swallows errors thrown here, so they are shown instead. */
export async function render() {
  try {
    const styles = STYLES.map((name) => `styles/${name}.css`);
    await Promise.all(['vendor/uplot.css', ...styles].map(loadStyle));
    const {start} = await import('./app.js');
    await start(document.body);
  } catch (error) {
    console.error(error);
    showFailure(error);
  }
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
