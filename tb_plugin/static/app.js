/** The tab: what is chosen on the left, one of the views on the right. */

import {Component, html, render, useContext, useEffect, useLayoutEffect, useMemo, useRef, useState} from './lib/html.js';
import {forgetAnswers, getJson} from './lib/api.js';
import {readColumns} from './lib/columns.js';
import {Controls} from './components/controls.js';
import {CopyLink} from './components/copylink.js';
import {ExportButtons} from './components/exportbuttons.js';
import {useNews} from './lib/follow.js';
import {Help} from './components/help.js';
import * as host from './lib/host.js';
import {Empty, EmptyLog, Failure, Notices} from './components/messages.js';
import {useResource} from './lib/resource.js';
import {VISITED, decode, encode, select} from './lib/state.js';
import {Shared} from './lib/shared.js';
import {ofKind} from './lib/words.js';
import {frameOfTab} from './skeleton.js';

/** Reads the address and draws the app of these views into an element. */
export async function start(element, views) {
  host.borrowFont();
  host.connect();
  const read = (address) => decode(address, views);
  const initial = read(await host.readAddress());
  element.replaceChildren();
  render(html`<${Guard}><${App} initial=${initial} read=${read} views=${views} /><//>`, element);
}

/** Shows an error of ours instead of an empty tab. */
class Guard extends Component {
  static getDerivedStateFromError(error) {
    return {error};
  }

  componentDidCatch(error) {
    console.error(error);
  }

  render() {
    const {error} = this.state;
    if (!error) return this.props.children;
    return html`<${Failure} error=${error} retry=${() => this.setState({error: null})} />`;
  }
}

function App({initial, read, views}) {
  const [state, setState] = useState(initial);
  const [version, setVersion] = useState(0);
  const [darkHost, setDarkHost] = useState(host.isDark);
  const update = useMemo(() => (patch) => setState((old) => ({...old, ...patch})), []);
  const theme = state.theme === 'auto' ? (darkHost ? 'dark' : 'light') : state.theme;

  useEffect(() => host.watchDarkMode(setDarkHost), []);
  useEffect(() => host.onAddressChange((address) => setState(read(address))), []);
  const readAgain = () => {
    forgetAnswers();
    setVersion((n) => n + 1);
  };
  useEffect(() => host.onReload(readAgain), []);
  // At once: after the next frame the user may have gone back already.
  useLayoutEffect(() => host.writeAddress(encode(state, views), VISITED), [state]);
  document.documentElement.dataset.theme = theme;

  const log = useResource(`runs ${version}`, (signal) => getJson('runs', {}, signal));
  useNews(log.busy ? undefined : log.error ? null : log.data.revision, readAgain);
  const columns = useResource('columns', async (signal) =>
    readColumns(await getJson('columns', {}, signal)),
  );
  const failed = [log, columns].find((resource) => resource.error);
  if (failed) return html`<${Failure} error=${failed.error} retry=${failed.retry} />`;
  if (!log.data || !columns.data) return html`<${Waiting} />`;
  const runs = log.data.runs.filter((run) => run.stages.length);
  const notices = log.data.notices ?? [];
  if (!runs.length)
    return html`<main class="alone"><${Notices} texts=${notices} /><${EmptyLog} /></main>`;
  const chosen = select(state, runs, views.find(({name}) => name === state.view));
  return html`<${Shared.Provider} value=${{state, update, theme, version, runs, chosen, notices, columns: columns.data[chosen.kind]}}>
    <div class="app">
      <${Controls} notices=${notices} />
      <${Main} views=${views} />
    </div>
  <//>`;
}

/** The frame that stands from the first moment on, until the log is read. */
function Waiting() {
  const box = useRef(null);
  useLayoutEffect(() => box.current.append(frameOfTab()), []);
  return html`<div ref=${box} role="status" aria-label="Reading the log"></div>`;
}

const hasMatrices = (stage) => stage.steps.length > 0;

/** The stages whose matrices a view shows. */
function stagesOf(view, {stage, compared}) {
  if (view === 'curves') return [];
  return view === 'stages' ? compared.flatMap((r) => r.stages) : [stage];
}

/** The notice about stages that a view cannot show. */
function NotKept({stages, alone}) {
  const names = [...new Set(stages.map((s) => s.stage))].join(', ');
  const text = html`The numbers are in the view “Training”. While a training runs matrices may still
    come; more are kept with a larger <code>--monitor_mb</code>, or${' '}
    <code>max_mb</code> of <code>FilterMonitor</code>.`;
  return alone
    ? html`<${Empty} title=${`The log keeps no matrices of ${names}`}><p>${text}</p><//>`
    : html`<p class="notice" role="status">The log keeps no matrices of ${names}. ${text}</p>`;
}

function Main({views: all}) {
  const {state, update, chosen} = useContext(Shared);
  // One that an address names is shown in any case.
  const views = all.filter(({name, suits}) => name === state.view || !suits || suits(chosen));
  const names = views.map((view) => view.name);
  const stages = stagesOf(state.view, chosen);
  const bare = stages.filter((s) => !hasMatrices(s));
  const alone = bare.length > 0 && bare.length === stages.length;
  const turn = (event) => {
    const by = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!by) return;
    const next = names[(names.indexOf(state.view) + by + names.length) % names.length];
    update({view: next});
    event.currentTarget.querySelector(`#tab-${next}`).focus();
  };
  const {Page} = views.find((view) => view.name === state.view);
  return html`<div class="main">
    <div class="bar">
      <div class="tabs" role="tablist" aria-label="Views" onKeyDown=${turn}>
        ${views.map(
          ({name, title}) => html`<button
            type="button"
            role="tab"
            key=${name}
            id=${`tab-${name}`}
            aria-selected=${name === state.view}
            aria-controls="view"
            tabindex=${name === state.view ? 0 : -1}
            onClick=${() => update({view: name})}
          >
            ${ofKind(title, chosen.stage.kind)}
          </button>`,
        )}
      </div>
      <div class="actions">
        <${CopyLink} views=${all} />
        <${ExportButtons} />
        <${Help} />
      </div>
    </div>
    <main
      id="view"
      role="tabpanel"
      aria-labelledby=${`tab-${state.view}`}
      class=${`view ${state.view}`}
    >
      ${bare.length > 0 && html`<${NotKept} stages=${bare} alone=${alone} />`}
      ${!alone && html`<${Guard} key=${state.view}><${Page} /><//>`}
    </main>
  </div>`;
}
