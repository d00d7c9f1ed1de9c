package graph

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// AskForFeedback asks those who came to an edition what they think of it.
func (r mutationResolver) AskForFeedback(ctx context.Context, input db.AskForFeedbackInput) (*model.AskForFeedbackPayload, error) {
	if err := r.allow(ctx, campaigns, client(ctx)); err != nil {
		return nil, err
	}
	read := shape(ctx)
	edition, campaign, err := r.db.AskForFeedback(ctx, actor(ctx), input, read.Of("edition"), read.Of("campaign"))
	problems, err := userErrors(err)
	return &model.AskForFeedbackPayload{Edition: edition, Campaign: campaign, UserErrors: problems}, err
}

// ChangeFeedbackDates changes when people give feedback on an edition.
func (r mutationResolver) ChangeFeedbackDates(ctx context.Context, input db.ChangeFeedbackDatesInput) (*model.ChangeFeedbackDatesPayload, error) {
	edition, err := r.db.ChangeFeedbackDates(ctx, actor(ctx), input, shape(ctx).Of("edition"))
	problems, err := userErrors(err)
	return &model.ChangeFeedbackDatesPayload{Edition: edition, UserErrors: problems}, err
}

// maxFeedbackForm is the largest form of a survey in bytes: some hundred ratings, and a remark whose letters take up to 12 bytes each.
const maxFeedbackForm = 64 << 10

// feedbackPages serves the page of a personal link to a survey, by the rules of answerPages. Nothing that is logged of a request
// leads to who sent it: the path holds the token, and only its pattern is ever written down.
func feedbackPages(mux routes, cfg Config) {
	mux.HandleFunc("GET /f/{token...}", func(w http.ResponseWriter, r *http.Request) {
		form, err := cfg.DB.FeedbackForm(r.Context(), r.PathValue("token"))
		showFeedback(w, r, cfg, http.StatusOK, form, nil, err)
	})
	mux.HandleFunc("POST /f/{token...}", func(w http.ResponseWriter, r *http.Request) {
		token := r.PathValue("token")
		_, refused := readForm(w, r, maxFeedbackForm, "action", "send")
		var typed *pages.TypedFeedback
		if refused == 0 {
			in := readFeedback(r.PostForm)
			given, err := cfg.DB.GiveFeedback(r.Context(), token, in)
			if given != nil {
				redirectToPage(w, r, "/f/"+token)
				return
			}
			problems, expected := db.AsErrors(err)
			if err != nil && !expected {
				showFeedback(w, r, cfg, http.StatusOK, nil, nil, err)
				return
			}
			refused, typed = http.StatusConflict, &pages.TypedFeedback{FeedbackInput: in, Problems: problems}
		}
		form, err := cfg.DB.FeedbackForm(r.Context(), token)
		if form != nil && form.Open() && refused == http.StatusConflict {
			refused = http.StatusUnprocessableEntity
		}
		showFeedback(w, r, cfg, refused, form, typed, err)
	})
}

// readFeedback reads the form: ratings of the edition and of sessions, each 1 to 5 or empty, and the remark. What is no number is
// refused as a rating that is none.
func readFeedback(form url.Values) db.FeedbackInput {
	in := db.FeedbackInput{Sessions: map[db.ID]int{}, Remark: form.Get("remark")}
	for name := range form {
		value := form.Get(name)
		session, ofSession := strings.CutPrefix(name, pages.RatingOf)
		if value == "" || !ofSession && name != pages.RatingOverall {
			continue
		}
		rating, err := strconv.Atoi(value)
		if err != nil {
			rating = 0
		}
		if ofSession {
			in.Sessions[db.ParseID(session)] = rating
		} else {
			in.Overall = &rating
		}
	}
	return in
}

// showFeedback shows the page of a survey, or the page for a link that stands for none, or for an error.
func showFeedback(w http.ResponseWriter, r *http.Request, cfg Config, status int, form *db.FeedbackForm, typed *pages.TypedFeedback, err error) {
	var page []byte
	if form != nil && err == nil {
		page, err = pages.Feedback(form, pageLanguage(r, form.Person), typed, unclear(status))
	}
	showPage(w, r, cfg, status, page, err)
}
