/**
 * The tab's frame before there is anything to put into it: grey where controls and charts will be.
 *
 * It stands before the styles and modules are there, so it brings its own style.
 */

const STYLE = `
  :root { --frame-page: #f5f5f5; --frame-card: #fff; --frame-line: #e0e0e0; --frame-ink: #5c5c5c }
  :root[data-theme='dark'] { --frame-page: #303030; --frame-card: #3a3a3a; --frame-line: #555;
    --frame-ink: #bdbdbd }
  html, body { height: 100%; margin: 0 }
  .frame-of-tab { display: grid; grid-template: 48px 1fr / 252px 1fr; height: 100vh;
    overflow: hidden; background: var(--frame-page); color: var(--frame-ink);
    font: 13px/1.45 Roboto, 'Helvetica Neue', Arial, sans-serif }
  .frame-of-tab > * { padding: 16px; background: var(--frame-card) }
  .frame-of-tab > .side-part { grid-row: 1 / 3; border-right: 1px solid var(--frame-line) }
  .frame-of-tab > .bar-part { padding: 18px 16px; border-bottom: 1px solid var(--frame-line) }
  .frame-of-tab > .main-part { margin: 12px 16px; border: 1px solid var(--frame-line);
    border-radius: 4px }
  .frame-of-tab i { display: block; height: 12px; margin-bottom: 10px; border-radius: 3px;
    background: var(--frame-line); opacity: .7 }
  .frame-of-tab .side-part i:nth-child(even) { height: 24px; margin-bottom: 22px }
  .frame-of-tab .bar-part i { display: inline-block; width: 64px; margin: 0 20px 0 0 }
  .frame-of-tab .main-part i { margin: 16px 0 }
  @media (max-width: 760px) {
    .frame-of-tab { grid-template: 40px 76px 1fr / 1fr }
    .frame-of-tab > .side-part { grid-row: auto; padding: 14px 16px; overflow: hidden;
      border: 0; border-bottom: 1px solid var(--frame-line) }
    .frame-of-tab > .main-part { margin: 10px }
  }
`;

/** The element, with its style; says that the log is being read. */
export function frameOfTab() {
  document.documentElement.dataset.theme ??= firstTheme();
  const part = (name, count, ...before) => {
    const box = document.createElement('div');
    box.className = name;
    box.append(...before, ...Array.from({length: count}, () => document.createElement('i')));
    return box;
  };
  const style = document.createElement('style');
  style.textContent = STYLE;
  const frame = part('frame-of-tab', 0);
  frame.append(part('side-part', 8), part('bar-part', 5), part('main-part', 6, 'Reading the log…'));
  const whole = document.createElement('div');
  whole.append(style, frame);
  return whole;
}

/** `dark` or `light`: as the address says, else as TensorBoard is. */
function firstTheme() {
  try {
    const {location, document: outer} = window.parent;
    const asked = location.hash.match(/\bp\.clusters\.theme=(dark|light)\b/)?.[1];
    return asked ?? (outer.body.classList.contains('dark-mode') ? 'dark' : 'light');
  } catch {
    return 'light'; // The frame around may not be looked at.
  }
}
