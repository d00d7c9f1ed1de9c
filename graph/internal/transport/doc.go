// Package transport carries GraphQL operations between HTTP and a gqlgen
// server: GET and POST for answers, server-sent events and WebSockets for
// streams.
//
//	POST  application/json          queries and mutations
//	GET   ?query=&variables=        queries
//	both  Accept: text/event-stream any operation, as graphql-sse's distinct connections
//	      Upgrade: websocket        any operation, as graphql-transport-ws
//
// The answers follow the GraphQL over HTTP specification (the draft of
// graphql/graphql-over-http): a client that accepts
// application/graphql-response+json reads the outcome from the status code,
// one that accepts application/json reads it from the body and always gets 200
// once its request was well formed. A request that never reaches execution has
// no "data" entry in its answer.
//
// Answers by GET that are the same for everybody have an ETag, may be kept, and
// are asked for again each time they are used; all others are kept nowhere.
//
// Problems of the request itself (broken JSON, a wrong media type, a body that
// is too large) are 4xx in either representation. Their messages never repeat
// any part of the request, and every one of them has an extensions.code.
//
// Browsers cannot be made to send an operation from another site: POST wants a
// JSON content type and a GET that carries cookies wants a header, so both cost
// a preflight; a WebSocket wants a known Origin.
package transport
