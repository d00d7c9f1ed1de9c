package transport

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
)

func contentType(mediaType string) string { return mediaType + "; charset=utf-8" }

// write sends one response. The bytes of Data go out as the executor made them,
// neither copied nor checked again, which large answers would feel.
func write(w http.ResponseWriter, mediaType string, status int, resp *graphql.Response) {
	head := responseHead(resp)
	h := w.Header()
	h.Set("Content-Type", contentType(mediaType))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(head)+len(resp.Data)+len(responseTail)))
	w.WriteHeader(status)
	writeResponse(w, head, resp.Data)
}

// responseTail closes what responseHead opened.
const responseTail = "}"

// responseHead returns a GraphQL response up to the bytes of Data. Errors come
// first, as the specification advises, and there is no "data" entry without
// Data (GraphQL, section 7.1).
func responseHead(resp *graphql.Response) []byte {
	head := []byte{'{'}
	key := func(name string) {
		if len(head) > 1 {
			head = append(head, ',')
		}
		head = append(append(append(head, '"'), name...), '"', ':')
	}
	if len(resp.Errors) > 0 {
		key("errors")
		head = append(head, mustMarshal(resp.Errors)...)
	}
	if len(resp.Extensions) > 0 {
		key("extensions")
		head = append(head, mustMarshal(resp.Extensions)...)
	}
	if resp.Data != nil {
		key("data")
	}
	return head
}

// mustMarshal encodes errors and extensions, which the program makes of plain
// values itself; one that cannot be encoded is a bug for the server's recovery.
func mustMarshal(value any) []byte {
	b, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return b
}

// writeResponse returns nothing: when a write fails the client has gone, and
// nobody is left to tell.
func writeResponse(w io.Writer, head, data []byte) {
	for _, part := range [][]byte{head, data, []byte(responseTail)} {
		if _, err := w.Write(part); err != nil {
			return
		}
	}
}
