package transport

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

const (
	mediaJSON    = "application/json"
	mediaGraphQL = "application/graphql-response+json"
	mediaStream  = "text/event-stream"
)

// negotiate picks the representation of the answer: the one that the Accept
// header gives the highest quality, the first one named among equals, and
// application/json for wildcards and for clients that say nothing. It returns
// "" when the client accepts neither.
func negotiate(r *http.Request) string {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		return mediaJSON
	}
	best, bestQuality := "", 0.0
	for part := range strings.SplitSeq(accept, ",") {
		mediaType, quality := acceptPart(part)
		switch mediaType {
		case "*/*", "application/*":
			mediaType = mediaJSON
		case mediaJSON, mediaGraphQL:
		default:
			continue
		}
		if quality > bestQuality {
			best, bestQuality = mediaType, quality
		}
	}
	return best
}

// wantsStream reports whether the client asks for server-sent events by name; a
// wildcard does not.
func wantsStream(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		if mediaType, quality := acceptPart(part); mediaType == mediaStream && quality > 0 {
			return true
		}
	}
	return false
}

// acceptPart reads one media range with its quality (RFC 9110, section 12.5.1).
// One that cannot be read has quality 0.
func acceptPart(part string) (mediaType string, quality float64) {
	mediaType, params, err := mime.ParseMediaType(strings.TrimSpace(part))
	if err != nil {
		return "", 0
	}
	q, given := params["q"]
	if !given {
		return mediaType, 1
	}
	quality, err = strconv.ParseFloat(q, 64)
	if err != nil || !(quality >= 0 && quality <= 1) {
		return mediaType, 0
	}
	return mediaType, quality
}
