package transport

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/99designs/gqlgen/graphql"
)

// readParams takes the operation out of a request of any method.
func readParams(w http.ResponseWriter, r *http.Request, bodyLimit func(*http.Request) int64) (*graphql.RawParams, *problem) {
	start := graphql.Now()
	var params *graphql.RawParams
	var p *problem
	switch r.Method {
	case http.MethodPost:
		params, p = readPost(w, r, bodyLimit(r))
	case http.MethodGet, http.MethodHead:
		params, p = readGet(r)
	default:
		p = &problem{
			status:  http.StatusMethodNotAllowed,
			code:    CodeMethodNotAllowed,
			message: "Send an operation by POST, or a query by GET.",
			allow:   "GET, HEAD, POST",
		}
	}
	if p != nil {
		return nil, p
	}
	if nothingToRun(params) {
		return nil, missingQuery()
	}
	params.Headers = r.Header
	params.ReadTime = graphql.TraceTiming{Start: start, End: graphql.Now()}
	return params, nil
}

// nothingToRun reports whether params neither have a document nor name one.
func nothingToRun(params *graphql.RawParams) bool {
	return strings.TrimSpace(params.Query) == "" && params.Extensions[DocumentID] == nil && params.Extensions[PersistedQuery] == nil
}

func missingQuery() *problem {
	return badRequest("The request has no query: send the document as the parameter \"query\", or its id as \"documentId\".")
}

func badRequest(message string) *problem {
	return &problem{status: http.StatusBadRequest, code: CodeBadRequest, message: message}
}

// readPost accepts JSON alone: it is what an HTML form of another site cannot send.
func readPost(w http.ResponseWriter, r *http.Request, limit int64) (*graphql.RawParams, *problem) {
	mediaType, mediaParams, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, given := mediaParams["charset"]
	if err != nil || mediaType != mediaJSON || given && !strings.EqualFold(charset, "utf-8") {
		return nil, &problem{
			status:  http.StatusUnsupportedMediaType,
			code:    CodeUnsupportedMediaType,
			message: "Send the operation as application/json in UTF-8.",
		}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, &problem{
			status:  http.StatusUnsupportedMediaType,
			code:    CodeUnsupportedMediaType,
			message: "Send the operation without a Content-Encoding.",
		}
	}
	tooLarge := &problem{
		status:  http.StatusRequestEntityTooLarge,
		code:    CodeBodyTooLarge,
		message: fmt.Sprintf("The request body may have at most %d bytes.", limit),
	}
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if exceeded := (*http.MaxBytesError)(nil); errors.As(err, &exceeded) {
		return nil, tooLarge
	}
	if err != nil {
		return nil, badRequest("The request body ended early: send it again.")
	}
	value, err := decodeJSON(body)
	if err != nil {
		return nil, badJSON("The request body", err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, badRequest("The request body must be one JSON object; batches are not supported.")
	}
	return paramsFrom(object)
}

// The entries of [graphql.RawParams.Extensions] that name a document in place of
// its text: DocumentID holds the parameter documentId of the request, which
// RawParams has no place for; PersistedQuery is Apollo's extension.
const (
	DocumentID     = "documentId"
	PersistedQuery = "persistedQuery"
)

// paramsFrom ignores entries it does not know, as the specification requires.
func paramsFrom(object map[string]any) (*graphql.RawParams, *problem) {
	var params graphql.RawParams
	var documentID string
	for name, target := range map[string]*string{
		"query": &params.Query, "operationName": &params.OperationName, "documentId": &documentID,
	} {
		if value := object[name]; value != nil {
			text, ok := value.(string)
			if !ok {
				return nil, badRequest(fmt.Sprintf("The parameter %q must be a string.", name))
			}
			*target = text
		}
	}
	for name, target := range map[string]*map[string]any{"variables": &params.Variables, "extensions": &params.Extensions} {
		if value := object[name]; value != nil {
			entries, ok := value.(map[string]any)
			if !ok {
				return nil, badRequest(fmt.Sprintf("The parameter %q must be a JSON object.", name))
			}
			*target = entries
		}
	}
	delete(params.Extensions, DocumentID) // an extension of this name is unknown
	if documentID != "" {
		if params.Extensions == nil {
			params.Extensions = map[string]any{}
		}
		params.Extensions[DocumentID] = documentID
	}
	return &params, nil
}

func readGet(r *http.Request) (*graphql.RawParams, *problem) {
	if p := requirePreflight(r); p != nil {
		return nil, p
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest("The query string is not correctly URL-encoded.")
	}
	object := map[string]any{}
	for _, name := range []string{"query", "documentId", "operationName", "variables", "extensions"} {
		if len(values[name]) > 1 {
			return nil, badRequest(fmt.Sprintf("The parameter %q is given more than once.", name))
		}
		text := values.Get(name)
		switch {
		case text == "":
		case name == "variables" || name == "extensions":
			if object[name], err = decodeJSON([]byte(text)); err != nil {
				return nil, badJSON(fmt.Sprintf("The parameter %q", name), err)
			}
		default:
			object[name] = text
		}
	}
	return paramsFrom(object)
}

// requirePreflight refuses a GET that a browser may have sent with its cookies
// on behalf of another site. It follows Apollo Server's rule, a header that
// costs a preflight, for requests that carry cookies; without cookies there is
// nothing to borrow, and a site may fetch public data without a preflight.
func requirePreflight(r *http.Request) *problem {
	if r.Header.Get("Cookie") == "" {
		return nil
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none": // the browser vouches: this site's page, or the address bar
		return nil
	}
	for _, name := range []string{"Apollo-Require-Preflight", "X-Apollo-Operation-Name"} {
		if r.Header.Get(name) != "" {
			return nil
		}
	}
	switch mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType {
	case "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data":
	default:
		return nil
	}
	return &problem{
		status:  http.StatusForbidden,
		code:    CodePreflightRequired,
		message: "A GET with cookies needs the header Apollo-Require-Preflight: 1, or send the operation by POST.",
	}
}
