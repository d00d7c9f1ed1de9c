package graph

import (
	"context"
	"net/http"
	"slices"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// placePages serves the page of a registration's personal link, by the rules of answerPages.
func placePages(mux routes, cfg Config) {
	mux.HandleFunc("GET /r/{token...}", func(w http.ResponseWriter, r *http.Request) {
		place, err := findPlace(r.Context(), cfg, r.PathValue("token"))
		showPlace(w, r, cfg, http.StatusOK, place, nil, err)
	})
	mux.HandleFunc("POST /r/{token...}", func(w http.ResponseWriter, r *http.Request) {
		token := r.PathValue("token")
		place, err := findPlace(r.Context(), cfg, token)
		limit := int64(maxForm)
		if place != nil && place.CourseRun != nil {
			limit = maxIntakeForm
		}
		pressed, refused := readForm(w, r, limit, "action", string(db.PlaceAccept), string(db.PlaceCancel), string(db.PlaceAnswer), string(db.PlaceList))
		var typed *pages.Typed
		switch {
		case place == nil || err != nil || refused != 0:
		case pressed == string(db.PlaceList):
			listing := db.Listing(r.PostForm.Get("listing"))
			if !slices.Contains([]db.Listing{db.ListNobody, db.ListParticipants, db.ListEveryone}, listing) {
				refused = http.StatusBadRequest
				break
			}
			if place, err = cfg.DB.ListPlace(r.Context(), token, listing); place != nil {
				redirectToPage(w, r, "/r/"+token)
				return
			}
		case !place.Changeable:
			refused = http.StatusConflict
		case pressed == string(db.PlaceAnswer):
			answers, invoice := readIntake(r.PostForm, place)
			recorded, answerErr := cfg.DB.AnswerPlace(r.Context(), token, answers, invoice)
			if recorded != nil {
				redirectToPage(w, r, "/r/"+token)
				return
			}
			problems, expected := db.AsErrors(answerErr)
			if !expected {
				err = answerErr
				break
			}
			refused, typed = http.StatusUnprocessableEntity, &pages.Typed{Values: r.PostForm, Problems: problems}
		default:
			if place, err = cfg.DB.ChangePlace(r.Context(), token, db.PlaceAction(pressed)); place != nil {
				redirectToPage(w, r, "/r/"+token)
				return
			}
			if _, expected := db.AsErrors(err); !expected {
				break
			}
			refused = http.StatusConflict
			place, err = findPlace(r.Context(), cfg, token)
		}
		showPlace(w, r, cfg, refused, place, typed, err)
	})
}

// findPlace returns the registration that a token stands for; nil when it stands for none, or the meeting is no longer public.
func findPlace(ctx context.Context, cfg Config, token string) (*db.Registration, error) {
	r, err := cfg.DB.Place(ctx, token)
	if r == nil || err != nil || r.Edition == nil && r.Session == nil && r.CourseRun == nil {
		return nil, err
	}
	return r, nil
}

// showPlace shows the page of a registration, or the page for a link that stands for none, or for an error.
func showPlace(w http.ResponseWriter, r *http.Request, cfg Config, status int, place *db.Registration, typed *pages.Typed, err error) {
	var page []byte
	var own string
	if place != nil && err == nil {
		own, err = personCalendarURL(r.Context(), cfg.DB, cfg.PublicURL, place.PersonID)
	}
	if place != nil && err == nil {
		page, err = pages.Place(place, own, pageLanguage(r, place.Person), typed, unclear(status))
	}
	showPage(w, r, cfg, status, page, err)
}
