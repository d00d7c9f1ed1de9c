// Subscribes with the clients that frontends use, graphql-ws and graphql-sse:
//
//	node clients.mjs http://127.0.0.1:8080/graphql 'subscription { ticks }' 3 [bearer]
//	node clients.mjs http://127.0.0.1:8080/graphql 'subscription { ticks }' all [bearer]
//
// Exits 1 unless each of them gets that many results without errors and then
// stops by its own wish, or gets results until the server says that there are no
// more. The WebSocket sends the bearer token when it connects.
import { createClient as createSSE } from 'graphql-sse';
import { createClient as createWS } from 'graphql-ws';
import WebSocket from 'ws';

const [url, query, count, bearer] = process.argv.slice(2);
if (!count) {
  console.error('usage: node clients.mjs URL SUBSCRIPTION COUNT|all [BEARER]');
  process.exit(2);
}

let closed;
const clients = {
  'graphql-ws': createWS({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: bearer && { Authorization: `Bearer ${bearer}` },
    retryAttempts: 0,
    on: { closed: (event) => (closed = event.code) },
  }),
  'graphql-sse': createSSE({
    url,
    headers: bearer && { Authorization: `Bearer ${bearer}` },
    retryAttempts: 0,
  }),
};

for (const [name, client] of Object.entries(clients)) {
  let got = 0;
  for await (const result of client.iterate({ query })) {
    if (result.errors) throw new Error(`${name}: ${JSON.stringify(result.errors)}`);
    console.log(name, JSON.stringify(result.data));
    if (++got === Number(count)) break;
  }
  if (got < (count === 'all' ? 1 : Number(count))) throw new Error(`${name}: ended after ${got} results`);
  await client.dispose();
}
if (closed !== undefined && closed !== 1000) throw new Error(`graphql-ws: closed with ${closed}`);
