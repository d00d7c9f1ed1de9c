// Does what the server has to refuse, with the clients that frontends use:
//
//	node refusals.mjs http://127.0.0.1:8080/graphql 'subscription { ticks }' bearer
//
// Exits 1 unless every breach of graphql-transport-ws ends the connection with
// the protocol's code for it, a wrong token is refused on every way in, and a
// subscription or @defer over a single response is refused. The subscription has
// to be one that does not end by itself.
import { createClient as createSSE } from 'graphql-sse';
import { createClient as createWS } from 'graphql-ws';
import WebSocket from 'ws';

const [url, query, bearer] = process.argv.slice(2);
if (!bearer) {
  console.error('usage: node refusals.mjs URL SUBSCRIPTION BEARER');
  process.exit(2);
}
const socketURL = url.replace(/^http/, 'ws');
let failed = 0;

function check(what, got, want) {
  if (got === want) return;
  failed++;
  console.error(`${what}: got ${got}, want ${want}`);
}

// The code with which the server closes after these messages.
function closing(...messages) {
  return new Promise((resolve) => {
    const socket = new WebSocket(socketURL, 'graphql-transport-ws');
    socket.on('open', () => messages.forEach((m) => socket.send(JSON.stringify(m))));
    socket.on('close', resolve);
  });
}

const init = { type: 'connection_init', payload: { Authorization: `Bearer ${bearer}` } };
const subscribe = { type: 'subscribe', id: '1', payload: { query } };
check('an unknown message', await closing({ type: 'nonsense' }), 4400);
check('subscribe before init', await closing(subscribe), 4401);
check('init twice', await closing(init, init), 4429);
check('one id twice', await closing(init, subscribe, subscribe), 4409);

// graphql-ws with a wrong token hears that it is forbidden.
const stranger = createWS({
  url: socketURL, webSocketImpl: WebSocket, connectionParams: { Authorization: 'Bearer wrong' }, retryAttempts: 0,
});
const event = await new Promise((resolve) => {
  stranger.subscribe({ query }, { next: () => resolve({ code: 'a result' }), error: resolve, complete: () => resolve({ code: 'complete' }) });
});
check('graphql-ws with a wrong token', event.code, 4403);

// graphql-sse with a wrong token gets the status.
const streaming = createSSE({ url, headers: { Authorization: 'Bearer wrong' }, retryAttempts: 0 });
const refusal = await new Promise((resolve) => {
  streaming.subscribe({ query }, { next: () => resolve('a result'), error: resolve, complete: () => resolve('complete') });
});
check('graphql-sse with a wrong token', refusal.response?.status, 401);

// A single response carries neither a subscription nor @defer.
async function post(document) {
  const response = await fetch(url, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query: document }),
  });
  const body = await response.json();
  check(`${document}: data`, 'data' in body, false);
  return `${response.status} ${body.errors[0].extensions.code}`;
}
check('a subscription by POST', await post(query), '406 STREAM_REQUIRED');
check('@defer by POST', await post('{ ... @defer { __typename } }'), '200 DEFER_UNSUPPORTED');
process.exit(failed === 0 ? 0 : 1);
