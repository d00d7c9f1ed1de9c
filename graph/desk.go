package graph

import (
	"net/http"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// maxDeskForm is the largest form of a delegation in bytes: some hundred ids and a few typed names.
const maxDeskForm = 64 << 10

// deskPages serves the page of a coordinator's link to a delegation, as answerPages does that of an invitation.
func deskPages(mux routes, cfg Config) {
	show := func(w http.ResponseWriter, r *http.Request, status int, typed pages.TypedDelegation) {
		desk, err := cfg.DB.Desk(r.Context(), r.PathValue("token"))
		var page []byte
		if desk != nil && err == nil {
			page, err = pages.Delegation(desk, typed, pageLanguage(r, desk.Coordinator))
		}
		showPage(w, r, cfg, status, page, err)
	}
	mux.HandleFunc("GET /d/{token...}", func(w http.ResponseWriter, r *http.Request) { show(w, r, http.StatusOK, pages.TypedDelegation{}) })
	mux.HandleFunc("POST /d/{token...}", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxDeskForm)
		if err := r.ParseForm(); err != nil {
			show(w, r, http.StatusBadRequest, pages.TypedDelegation{})
			return
		}
		in, typed := readDesk(r)
		named, err := cfg.DB.AnswerDesk(r.Context(), r.PathValue("token"), in, r.PostForm.Get("do") == "decline")
		if problems, expected := db.AsErrors(err); expected {
			typed.Problems = problems
			show(w, r, http.StatusUnprocessableEntity, typed)
			return
		}
		if err != nil {
			showPage(w, r, cfg, 0, nil, err)
			return
		}
		if named == nil {
			show(w, r, http.StatusNotFound, typed)
			return
		}
		redirectToPage(w, r, "/d/"+r.PathValue("token"))
	})
}

// readDesk reads the form. Rows in which nothing was typed count for nothing.
func readDesk(r *http.Request) (in db.NameDelegatesInput, typed pages.TypedDelegation) {
	for _, id := range r.PostForm["person"] {
		in.PersonIDs = append(in.PersonIDs, db.ParseID(id))
	}
	names, addresses := r.PostForm["name"], r.PostForm["email"]
	for i := range min(len(names), len(addresses)) {
		name, address := strings.TrimSpace(names[i]), strings.TrimSpace(addresses[i])
		if name != "" || address != "" {
			in.People = append(in.People, db.NewPersonInput{Name: name, Email: address})
			typed.Rows = append(typed.Rows, pages.TypedColleague{Name: name, Email: address})
		}
	}
	typed.Chosen = in.PersonIDs
	return in, typed
}
