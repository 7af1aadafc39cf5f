/**
 * TensorBoard around the tab: its address, its reloads, its dark mode and its font.
 *
 * Reads go through TensorBoard's plugin message protocol (`experimental.*`); it has none for
 * writing the address, so that is done on the parent frame, which is of the same origin.
 */

const PLUGIN = 'clusters';
const PREFIX = `p.${PLUGIN}.`;
const ANSWER_MILLISECONDS = 500;

const listeners = new Map();
const waiting = new Map();
let port = null;
let lastId = 0;

/** Opens the message channel. Safe where there is no TensorBoard around. */
export function connect() {
  if (window.parent === window) return;
  const channel = new MessageChannel();
  port = channel.port1;
  port.onmessage = receive;
  window.parent.postMessage('experimental.bootstrap', '*', [channel.port2]);
}

function receive(event) {
  const message = JSON.parse(event.data);
  if (message.isReply) {
    waiting.get(message.id)?.(message.payload);
    waiting.delete(message.id);
    return;
  }
  const {type, id} = message;
  listeners.get(type)?.(message.payload);
  // The host waits for an answer to each of its messages.
  port.postMessage(JSON.stringify({type, id, payload: null, error: null, isReply: true}));
}

function ask(type) {
  if (!port) return Promise.resolve(null);
  return new Promise((resolve) => {
    const id = lastId++;
    waiting.set(id, resolve);
    port.postMessage(JSON.stringify({type, id, payload: null, error: null, isReply: false}));
    setTimeout(() => resolve(null), ANSWER_MILLISECONDS);
  });
}

/** Calls back whenever TensorBoard has read new data. */
export function onReload(callback) {
  listeners.set('experimental.DataReloaded', callback);
}

/** The frame whose address the user sees, or our own where that may not be touched. */
function outerWindow() {
  try {
    void window.parent.location.hash;
    return window.parent;
  } catch {
    return window;
  }
}

/** What the address says about this tab: an object of texts. */
export async function readAddress() {
  const answer = await ask('experimental.GetURLPluginData');
  return answer && Object.keys(answer).length ? answer : parseHash();
}

function parseHash() {
  const found = {};
  for (const item of hashItems()) {
    const [key, value] = splitItem(item);
    if (key.startsWith(PREFIX)) found[key.slice(PREFIX.length)] = value;
  }
  return found;
}

function hashItems() {
  return outerWindow().location.hash.replace(/^#/, '').split('&').filter(Boolean);
}

function splitItem(item) {
  const at = item.indexOf('=');
  try {
    return [decodeURIComponent(item.slice(0, at)), decodeURIComponent(item.slice(at + 1))];
  } catch {
    return ['', ''];
  }
}

/**
 * Puts an object of texts into the address, leaving what other tabs keep there.
 *
 * @param {Object<string, string>} values
 * @param {string[]} visited keys whose change the browser's Back undoes.
 */
export function writeAddress(values, visited) {
  const outer = outerWindow();
  const before = parseHash();
  const further = visited.some((key) => before[key] !== values[key]);
  const others = hashItems().filter((item) => !splitItem(item)[0].startsWith(PREFIX));
  const hash = '#' + [...others, ...ownItems(values)].join('&');
  if (hash === (outer.location.hash || '#')) return;
  outer.history[further ? 'pushState' : 'replaceState'](outer.history.state, '', hash);
}

/** The address of the tab with an object of texts, as `writeAddress` would put them into it. */
export function linkTo(values) {
  const address = new URL(outerWindow().location.href);
  address.hash = [PLUGIN, ...ownItems(values)].join('&');
  return address.href;
}

function ownItems(values) {
  return Object.entries(values).map(
    ([key, value]) => `${PREFIX}${key}=${encodeURIComponent(value)}`,
  );
}

/** Calls back with the tab's part of the address when a user changes it or goes back. */
export function onAddressChange(callback) {
  const outer = outerWindow();
  const listener = () => {
    // Going to another tab also changes the address: only what names ours is for us.
    if (hashItems().includes(PLUGIN)) callback(parseHash());
  };
  outer.addEventListener('hashchange', listener);
  return () => outer.removeEventListener('hashchange', listener);
}

/** The body that carries TensorBoard's dark mode, or our own where that may not be touched. */
function outerBody() {
  try {
    return window.parent.document.body;
  } catch {
    return document.body;
  }
}

/** Whether TensorBoard is dark now. */
export function isDark() {
  return outerBody().classList.contains('dark-mode');
}

/** Calls back with whether TensorBoard is dark, now and at every change. */
export function watchDarkMode(callback) {
  const report = () => callback(isDark());
  const observer = new MutationObserver(report);
  observer.observe(outerBody(), {attributes: true, attributeFilter: ['class']});
  report();
  return () => observer.disconnect();
}

/** Declares TensorBoard's own font here too: fonts do not reach into frames. */
export function borrowFont() {
  try {
    const faces = [];
    for (const sheet of window.parent.document.styleSheets) {
      const base = sheet.href || window.parent.location.href;
      for (const rule of sheet.cssRules) {
        if (!(rule.constructor.name === 'CSSFontFaceRule') || !/Roboto/.test(rule.cssText))
          continue;
        faces.push(
          rule.cssText.replace(/url\("?([^")]+)"?\)/g, (_, url) =>
            url.startsWith('data:') ? `url("${url}")` : `url("${new URL(url, base).href}")`,
          ),
        );
      }
    }
    const style = document.createElement('style');
    style.textContent = faces.join('\n');
    document.head.append(style);
  } catch {
    // Another font will do.
  }
}
