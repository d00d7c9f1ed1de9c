package graph

import (
	"errors"
	"mime"
	"net/http"
	"slices"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// unsubscribePath is the page on which somebody says to want no more invitations. Mail programs post to it for their readers
// (RFC 8058): without cookies, and some of them from pages of their own. The token alone says for whom, so there is nothing
// that another site could make a browser add.
const unsubscribePath = "POST /unsubscribe/{token...}"

// unsubscribePages serves that page. GET and HEAD change nothing; the button on the page posts, and so does a mail program.
func unsubscribePages(mux routes, cfg Config) {
	mux.HandleFunc("GET /unsubscribe/{token...}", func(w http.ResponseWriter, r *http.Request) {
		mails, err := cfg.DB.InvitationMails(r.Context(), r.PathValue("token"))
		showInvitationMails(w, r, cfg, http.StatusOK, mails, err)
	})
	mux.HandleFunc(unsubscribePath, func(w http.ResponseWriter, r *http.Request) {
		token := r.PathValue("token")
		oneClick, pressed, refused := readUnsubscribe(w, r)
		switch {
		case oneClick:
			mails, err := cfg.DB.ChooseInvitationMails(r.Context(), token, false, db.OptOutOneClick)
			showInvitationMails(w, r, cfg, http.StatusOK, mails, err) // no redirect, which RFC 8058 section 3.1 forbids
		case refused != 0:
			mails, err := cfg.DB.InvitationMails(r.Context(), token)
			showInvitationMails(w, r, cfg, refused, mails, err)
		default:
			mails, err := cfg.DB.ChooseInvitationMails(r.Context(), token, pressed == "in", db.OptOutPage)
			if mails == nil || err != nil {
				showInvitationMails(w, r, cfg, http.StatusOK, mails, err)
				return
			}
			redirectToPage(w, r, "/unsubscribe/"+token)
		}
	})
}

// readUnsubscribe reads which button was pressed, or that a mail program asks for its reader. It posts one of the two kinds of
// form that RFC 8058 section 3.1 knows.
func readUnsubscribe(w http.ResponseWriter, r *http.Request) (oneClick bool, pressed string, refused int) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	parse := r.ParseForm
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		parse = func() error { return r.ParseMultipartForm(maxForm) }
	}
	if err := parse(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return false, "", http.StatusRequestEntityTooLarge
		}
		return false, "", http.StatusBadRequest
	}
	if slices.Equal(r.PostForm["List-Unsubscribe"], []string{"One-Click"}) {
		return true, "", 0
	}
	pressed, refused = readButton(w, r, "invitations", "out", "in")
	return false, pressed, refused
}

// showInvitationMails shows the page, or the page for a link that stands for nobody, or for an error.
func showInvitationMails(w http.ResponseWriter, r *http.Request, cfg Config, status int, mails *db.InvitationMails, err error) {
	var page []byte
	if mails != nil && err == nil {
		page, err = pages.InvitationMails(mails, pageLanguage(r, mails.Person), unclear(status))
	}
	showPage(w, r, cfg, status, page, err)
}
