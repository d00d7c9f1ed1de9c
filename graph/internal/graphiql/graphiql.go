// Package graphiql serves GraphiQL, the editor for GraphQL operations, without
// loading anything from another host.
//
// The page talks to the endpoint by POST, and by server-sent events for
// subscriptions. What is typed, tokens in the header editor included, stays in
// the browser's tab: it survives a reload and goes when the tab is closed.
package graphiql

import (
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
)

// Tab is an operation that stands ready when the page is opened.
type Tab struct {
	// Title says what the operation is for; it becomes a comment above it.
	Title string

	// Query is the document. GraphiQL names the tab after its operation.
	Query string

	// Variables are JSON, or empty.
	Variables string
}

//go:embed page.html page.js page.css vendored
var files embed.FS

// page gets the settings of [Handler] and the nonce of this response.
var page = template.Must(template.ParseFS(files, "page.html"))

// settings is what page.js reads from the page.
type settings struct {
	Endpoint string `json:"endpoint"`
	Headers  string `json:"headers"` // of a new tab
	Tabs     []tab  `json:"tabs"`
}

// tab is in the form that GraphiQL takes.
type tab struct {
	Query     string `json:"query"`
	Variables string `json:"variables"`
	Headers   string `json:"headers"`
}

// emptyHeaders shows where a token goes.
const emptyHeaders = "{\n  \"Authorization\": \"\"\n}"

// Handler serves the page at "/" and its files beside it, so it is mounted below
// a prefix that ends with a slash:
//
//	mux.Handle("/graphiql/", http.StripPrefix("/graphiql", graphiql.Handler("/graphql", tabs)))
//
// The endpoint is a path of the same origin; the page may connect nowhere else.
func Handler(endpoint string, tabs []Tab) http.Handler {
	s := settings{Endpoint: endpoint, Headers: emptyHeaders}
	for _, t := range tabs {
		s.Tabs = append(s.Tabs, tab{Query: "# " + t.Title + "\n" + t.Query, Variables: t.Variables, Headers: emptyHeaders})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { servePage(w, s) })
	serveFiles(mux)
	return mux
}

func servePage(w http.ResponseWriter, s settings) {
	nonce := rand.Text()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store") // the nonce is for this response
	h.Set("Content-Security-Policy", policy(nonce))
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	// A failed write means that the browser has gone.
	_ = page.Execute(w, struct {
		Settings settings
		Nonce    string
	}{s, nonce})
}

// policy allows the page its own files and its own origin's endpoint. The nonce
// is for the style element that GraphiQL's dialogs add; the fonts are inside its
// style sheet.
func policy(nonce string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + nonce + "'; font-src data:; img-src 'self' data:; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// serveFiles registers every embedded script and style sheet under its name.
func serveFiles(mux *http.ServeMux) {
	for _, pattern := range []string{"page.js", "page.css", "vendored/*.js", "vendored/*.css"} {
		names, err := fs.Glob(files, pattern)
		if err != nil {
			panic(err) // the pattern is a constant
		}
		for _, name := range names {
			content, err := files.ReadFile(name)
			if err != nil {
				panic(err) // it is embedded
			}
			tag := fmt.Sprintf(`"%x"`, sha256.Sum256(content))
			mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ETag", tag)
				w.Header().Set("Cache-Control", "no-cache") // ask whether the tag is still right
				w.Header().Set("X-Content-Type-Options", "nosniff")
				http.ServeFileFS(w, r, files, name)
			})
		}
	}
}
