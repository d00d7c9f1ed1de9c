package transport

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
)

// writeCacheable answers a GET that anybody may keep. Caches ask again each time
// (no-cache), so that nobody ever sees what has changed since, and what has not
// changed costs no transfer: the answer to a matching If-None-Match is 304
// without a body (RFC 9110, sections 13.1.2 and 15.4.5).
func writeCacheable(w http.ResponseWriter, r *http.Request, mediaType string, resp *graphql.Response) {
	tag := entityTag(mediaType, resp)
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "public, no-cache")
	if matches(r.Header.Values("If-None-Match"), tag) {
		h.Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	write(w, mediaType, http.StatusOK, resp)
}

// entityTag is a strong one: it is made of the bytes that are sent.
func entityTag(mediaType string, resp *graphql.Response) string {
	hash := sha256.New()
	for _, part := range [][]byte{[]byte(mediaType), responseHead(resp), resp.Data} {
		hash.Write(part)
	}
	return `"` + hex.EncodeToString(hash.Sum(nil)[:16]) + `"`
}

// matches compares weakly, as If-None-Match wants. Our tags hold no comma.
func matches(ifNoneMatch []string, tag string) bool {
	for candidate := range strings.SplitSeq(strings.Join(ifNoneMatch, ","), ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}
