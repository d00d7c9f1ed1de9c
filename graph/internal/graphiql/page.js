'use strict';

const element = document.getElementById('settings');
const settings = JSON.parse(element.textContent);

// GraphiQL's dialogs add a style element, which the policy allows with the nonce.
window.__webpack_nonce__ = element.dataset.nonce;

// An empty Authorization header, as the header editor starts with, is not sent.
function request(accept, params, headers, signal) {
  const sent = { 'Content-Type': 'application/json', Accept: accept };
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value !== '') sent[name] = value;
  }
  return fetch(settings.endpoint, { method: 'POST', headers: sent, body: JSON.stringify(params), signal });
}

// events yields the data of each "next" event until "complete". A stream that
// ends without it was cut off.
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ''; ; ) {
    const { done, value } = await reader.read();
    if (done) throw new Error('The server closed the stream. Run the subscription again.');
    text += value;
    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
      const lines = text.slice(0, end).split('\n');
      if (lines.includes('event: complete')) return;
      const data = lines.find((line) => line.startsWith('data: '));
      if (data) yield JSON.parse(data.slice('data: '.length));
    }
  }
}

async function* stream(params, headers, signal) {
  try {
    const response = await request('text/event-stream', params, headers, signal);
    if (response.ok) yield* events(response.body);
    else yield await response.json();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

// subscribe returns an iterator whose return() hangs up at once; a generator's
// own waits for the next event first.
function subscribe(params, headers) {
  const abort = new AbortController();
  const results = stream(params, headers, abort.signal);
  return {
    [Symbol.asyncIterator]() { return this; },
    next: () => results.next(),
    return() {
      abort.abort();
      return results.return();
    },
  };
}

function isSubscription(params, document) {
  const operations = document?.definitions.filter((d) => d.kind === 'OperationDefinition') ?? [];
  const chosen = operations.find((d) => !params.operationName || d.name?.value === params.operationName);
  return chosen?.operation === 'subscription';
}

async function fetcher(params, options) {
  if (isSubscription(params, options?.documentAST)) return subscribe(params, options?.headers);
  const response = await request('application/graphql-response+json, application/json', params, options?.headers);
  return response.json();
}

// GraphiQL fills the editors of the first of its default tabs from these
// properties alone; after a reload it has everything in its storage.
const first = sessionStorage.getItem('graphiql:tabState') === null ? settings.tabs?.[0] : undefined;

ReactDOM.createRoot(document.getElementById('graphiql')).render(
  React.createElement(GraphiQL, {
    fetcher,
    ...first,
    defaultTabs: settings.tabs,
    defaultHeaders: settings.headers,
    defaultEditorToolsVisibility: true,
    shouldPersistHeaders: true,
    showPersistHeadersSettings: false,
    storage: sessionStorage,
  }),
);
