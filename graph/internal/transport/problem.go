package transport

import (
	"net/http"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/99designs/gqlgen/graphql"
)

// The codes of problems with a request as HTTP, in extensions.code.
const (
	CodeBadRequest           = "BAD_REQUEST"
	CodeBadJSON              = "BAD_JSON"
	CodeBodyTooLarge         = "BODY_TOO_LARGE"
	CodeUnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE"
	CodeNotAcceptable        = "NOT_ACCEPTABLE"
	CodeMethodNotAllowed     = "METHOD_NOT_ALLOWED"
	CodePreflightRequired    = "PREFLIGHT_REQUIRED"
	CodeStreamRequired       = "STREAM_REQUIRED"
	CodeOriginRefused        = "ORIGIN_REFUSED"
	CodeUpgradeRefused       = "UPGRADE_REFUSED"
	CodeConnectionLimit      = "CONNECTION_LIMIT"
)

// problem is why a request gets no execution: a status, and what to do about it.
type problem struct {
	status  int
	code    string
	message string
	allow   string // the Allow header of a 405
}

func (p *problem) graphQLError() *gqlerror.Error {
	return &gqlerror.Error{Message: p.message, Extensions: map[string]any{"code": p.code}}
}

// refuse answers with the problem in the representation the client accepts.
func refuse(w http.ResponseWriter, mediaType string, p *problem) {
	if p.allow != "" {
		w.Header().Set("Allow", p.allow)
	}
	if p.status == http.StatusRequestEntityTooLarge {
		w.Header().Set("Connection", "close") // the rest of the body is not worth reading
	}
	write(w, mediaType, p.status, &graphql.Response{Errors: gqlerror.List{p.graphQLError()}})
}
