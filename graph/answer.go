package graph

import (
	"net/http"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// answerPages serves the page of an invitation's personal link. GET and HEAD change nothing, since scanners of mail follow
// links; the buttons on the page post. The rest of the path is the token, so that a link that got longer on its way is
// answered like any other wrong one.
func answerPages(mux routes, cfg Config) {
	mux.HandleFunc("GET /i/{token...}", func(w http.ResponseWriter, r *http.Request) {
		answer, err := cfg.DB.Answer(r.Context(), r.PathValue("token"))
		showAnswer(w, r, cfg, http.StatusOK, answer, err)
	})
	mux.HandleFunc("POST /i/{token...}", func(w http.ResponseWriter, r *http.Request) {
		token := r.PathValue("token")
		pressed, refused := readButton(w, r, "answer", "accept", "decline")
		if refused == 0 {
			recorded, err := cfg.DB.RecordAnswer(r.Context(), token, pressed == "accept")
			if recorded != nil {
				redirectToPage(w, r, "/i/"+token)
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

// showAnswer shows the page of an invitation, or the page for a link that stands for none, or for an error.
func showAnswer(w http.ResponseWriter, r *http.Request, cfg Config, status int, answer *db.Answer, err error) {
	var page []byte
	if answer != nil && err == nil {
		page, err = pages.Answer(answer, editionCalendarURL(cfg.PublicURL, answer.Edition), pageLanguage(r, answer.Person), unclear(status))
	}
	showPage(w, r, cfg, status, page, err)
}
