package graph

import (
	"context"
	"net/http"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// maxActionForm is the largest form of an action in bytes: the longest note, each letter as up to 12.
const maxActionForm = 32 << 10

// actionPages serves the page of an owner's link to the own actions, as answerPages does that of an invitation.
func actionPages(mux routes, cfg Config) {
	show := func(w http.ResponseWriter, r *http.Request, status int, own *db.OwnActions, typed pages.TypedAction, err error) {
		var page []byte
		if own != nil && err == nil {
			page, err = pages.Actions(own, typed, pageLanguage(r, own.Person))
		}
		showPage(w, r, cfg, status, page, err)
	}
	mux.HandleFunc("GET /a/{token...}", func(w http.ResponseWriter, r *http.Request) {
		own, err := cfg.DB.OwnActions(r.Context(), r.PathValue("token"))
		show(w, r, http.StatusOK, own, pages.TypedAction{}, err)
	})
	mux.HandleFunc("POST /a/{token...}", func(w http.ResponseWriter, r *http.Request) {
		pressed, refused := readForm(w, r, maxActionForm, "do", "done", "save", "open")
		if refused != 0 {
			own, err := cfg.DB.OwnActions(r.Context(), r.PathValue("token"))
			show(w, r, refused, own, pages.TypedAction{}, err)
			return
		}
		in, typed := readAction(r, pressed)
		own, err := cfg.DB.AnswerAction(r.Context(), r.PathValue("token"), in)
		problems, expected := db.AsErrors(err)
		switch {
		case expected:
			typed.Problems = problems
			show(w, r, http.StatusUnprocessableEntity, own, typed, nil)
		case err != nil || own == nil:
			show(w, r, http.StatusNotFound, nil, typed, err)
		default:
			redirectToPage(w, r, "/a/"+r.PathValue("token"))
		}
	})
}

// readAction reads the form of one action. What was typed counts whichever button was pressed.
func readAction(r *http.Request, pressed string) (in db.ChangeReportActionInput, typed pages.TypedAction) {
	in.ActionID = db.ParseID(r.PostForm.Get("action"))
	typed = pages.TypedAction{Action: in.ActionID, DueOn: r.PostForm.Get("due"), Note: r.PostForm.Get("note")}
	if pressed == "open" {
		status := db.ActionOpen
		in.Status = &status
		return in, typed
	}
	if pressed == "done" {
		status := db.ActionDone
		in.Status = &status
	}
	if day, err := db.ParseDate(strings.TrimSpace(typed.DueOn)); err == nil {
		in.DueOn = &day
	}
	in.Note = &typed.Note
	return in, typed
}

// Actions lists what the viewer has agreed to do and has not done yet.
func (r viewerResolver) Actions(ctx context.Context, _ *model.Viewer) ([]*db.ReportAction, error) {
	return r.db.OpenActionsOf(ctx, actor(ctx), shape(ctx))
}
