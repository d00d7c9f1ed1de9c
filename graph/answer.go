package graph

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// maxAnswer is the largest form body in bytes; the two buttons need 15.
const maxAnswer = 4 << 10

// answerPages serves the page of an invitation's personal link. GET and HEAD change nothing, since scanners of mail follow
// links; the buttons on the page post. The rest of the path is the token, so that a link that got longer on its way is
// answered like any other wrong one.
func answerPages(mux *http.ServeMux, cfg Config) {
	mux.HandleFunc("GET /i/{token...}", func(w http.ResponseWriter, r *http.Request) {
		answer, err := cfg.DB.Answer(r.Context(), r.PathValue("token"))
		showAnswer(w, r, cfg, http.StatusOK, answer, err)
	})
	mux.HandleFunc("POST /i/{token...}", func(w http.ResponseWriter, r *http.Request) {
		token := r.PathValue("token")
		accept, refused := readAnswer(w, r)
		if refused == 0 {
			recorded, err := cfg.DB.RecordAnswer(r.Context(), token, accept)
			if recorded != nil {
				redirectToAnswer(w, r, token)
				return
			}
			if _, expected := db.AsErrors(err); !expected {
				showAnswer(w, r, cfg, http.StatusOK, nil, err)
				return
			}
			refused = http.StatusConflict // too late or off: the page says which
		}
		answer, err := cfg.DB.Answer(r.Context(), token)
		showAnswer(w, r, cfg, refused, answer, err)
	})
}

// readAnswer reads the button that was pressed; refused is 0, or the status that says what is wrong with the form.
func readAnswer(w http.ResponseWriter, r *http.Request) (accept bool, refused int) {
	r.Body = http.MaxBytesReader(w, r.Body, maxAnswer)
	if err := r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return false, http.StatusRequestEntityTooLarge
		}
		return false, http.StatusBadRequest
	}
	answers := r.PostForm["answer"]
	if len(answers) != 1 || answers[0] != "accept" && answers[0] != "decline" {
		return false, http.StatusBadRequest
	}
	return answers[0] == "accept", 0
}

// redirectToAnswer leads to the page itself, so that reloading it does not answer again.
func redirectToAnswer(w http.ResponseWriter, r *http.Request, token string) {
	address := "/i/" + token // a token that was accepted needs no escaping
	if language, ok := pages.Language(r.URL.Query().Get("lang")); ok {
		address += "?lang=" + string(language)
	}
	setPageHeaders(w)
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// showAnswer shows the page of an invitation, or the page for a link that stands for none, or for an error.
func showAnswer(w http.ResponseWriter, r *http.Request, cfg Config, status int, answer *db.Answer, err error) {
	var page []byte
	switch {
	case err != nil:
	case answer == nil:
		status, page = http.StatusNotFound, pages.Unknown()
	default:
		language, ok := pages.Language(r.URL.Query().Get("lang"))
		if !ok {
			language = answer.Person.Language
		}
		unclear := status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge
		page, err = pages.Answer(answer, language, unclear)
	}
	if err != nil {
		reference := rand.Text()[:10]
		if errors.Is(err, context.Canceled) {
			cfg.Log.DebugContext(r.Context(), "request cancelled", "reference", reference)
		} else {
			// Without the path: it is the token.
			cfg.Log.ErrorContext(r.Context(), "unexpected error", "reference", reference, "page", "answer", "error", err)
		}
		status, page = http.StatusInternalServerError, pages.Failure(reference)
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
	// The address answers for the person, so no other site may learn it. Under no-referrer, browsers would post the form with
	// "Origin: null", which is taken for another site wherever Sec-Fetch-Site is missing: over plain HTTP, in older browsers.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
}
