package graph

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// The largest form bodies in bytes. A button needs 15; an intake some of the longest answers, each letter as up to 12 bytes.
const (
	maxForm       = 4 << 10
	maxIntakeForm = 2 << 20
)

// readButton reads which button of a page was pressed; refused is 0, or the status that says what is wrong with the form.
func readButton(w http.ResponseWriter, r *http.Request, field string, values ...string) (pressed string, refused int) {
	return readForm(w, r, maxForm, field, values...)
}

// readForm reads a form of at most limit bytes, and which of its buttons was pressed, as readButton does.
func readForm(w http.ResponseWriter, r *http.Request, limit int64, field string, values ...string) (pressed string, refused int) {
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	if err := r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return "", http.StatusRequestEntityTooLarge
		}
		return "", http.StatusBadRequest
	}
	sent := r.PostForm[field]
	if len(sent) != 1 || !slices.Contains(values, sent[0]) {
		return "", http.StatusBadRequest
	}
	return sent[0], 0
}

// unclear reports whether a status is one that readButton refuses with.
func unclear(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge
}

// redirectToPage leads to the page itself, so that reloading it does not post again. The path needs no escaping: its token was
// accepted.
func redirectToPage(w http.ResponseWriter, r *http.Request, path string) {
	if language, ok := pages.Language(r.URL.Query().Get("lang")); ok {
		path += "?lang=" + string(language)
	}
	setPageHeaders(w)
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// pageLanguage is the language that the reader chose on the page, else that of the person.
func pageLanguage(r *http.Request, person *db.Person) db.Locale {
	if language, ok := pages.Language(r.URL.Query().Get("lang")); ok {
		return language
	}
	return person.Language
}

// showPage shows the page of a personal link; without one, the page for a link that stands for nothing, or for an error.
func showPage(w http.ResponseWriter, r *http.Request, cfg Config, status int, page []byte, err error) {
	switch {
	case err != nil:
		reference := rand.Text()[:10]
		if errors.Is(err, context.Canceled) {
			cfg.Log.DebugContext(r.Context(), "request cancelled", "reference", reference)
		} else {
			// The pattern and not the path: that holds the token.
			cfg.Log.ErrorContext(r.Context(), "unexpected error", "reference", reference, "page", r.Pattern, "error", err)
		}
		status, page = http.StatusInternalServerError, pages.Failure(reference)
	case page == nil:
		status, page = http.StatusNotFound, pages.Unknown()
	}
	setPageHeaders(w)
	w.WriteHeader(status)
	_, _ = w.Write(page)
}

func setPageHeaders(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pages.Policy())
	h.Set("Cache-Control", "no-store")
	// The address acts for the person, so no other site may learn it. Under no-referrer, browsers would post the form with
	// "Origin: null", which is taken for another site wherever Sec-Fetch-Site is missing: over plain HTTP, in older browsers.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
}

// encodeCookie writes what a cookie holds in characters that a cookie may have (RFC 6265).
func encodeCookie(value []byte) string { return base64.RawURLEncoding.EncodeToString(value) }

func decodeCookie(text string) ([]byte, bool) {
	value, err := base64.RawURLEncoding.DecodeString(text)
	return value, err == nil
}

// sameText compares in a time that tells nothing.
func sameText(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
