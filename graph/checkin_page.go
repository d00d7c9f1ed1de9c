package graph

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

const checkInPath = "/check-in/"

// maxCheckInForm is the largest form of a check-in in bytes: a name, an organisation and an address, each letter as up to 12 bytes.
const maxCheckInForm = 16 << 10

// checkInPages serves the page on which organisers and trainers check people in. It is for those who are signed in on the pages; whom it is not
// for, it does not exist.
func checkInPages(mux routes, cfg Config) {
	show := func(w http.ResponseWriter, r *http.Request, me db.Actor, status int, typed pages.TypedCheckIn) {
		query := r.URL.Query()
		seats := db.ParseID(r.PathValue("seats"))
		desk, err := cfg.DB.CheckInDesk(r.Context(), me, seats, query.Get("q"), db.ParseID(query.Get("done")))
		var page []byte
		if desk != nil && err == nil {
			typed.Text, typed.Action = query.Get("q"), checkInAddress(r, seats, "")
			page, err = pages.CheckIn(desk, typed, pageLanguage(r, desk.Reader))
		}
		showPage(w, r, cfg, status, page, err)
	}
	mux.HandleFunc("GET "+checkInPath+"{seats}", func(w http.ResponseWriter, r *http.Request) {
		me, ok, err := cookieActor(r, cfg)
		switch {
		case err != nil:
			showPage(w, r, cfg, 0, nil, err)
		case !ok:
			signInFirst(w, r, cfg)
		default:
			show(w, r, me, http.StatusOK, pages.TypedCheckIn{})
		}
	})
	mux.HandleFunc("POST "+checkInPath+"{seats}", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxCheckInForm)
		refused := r.ParseForm()
		me, ok, err := cookieActor(r, cfg)
		switch {
		case err != nil:
			showPage(w, r, cfg, 0, nil, err)
			return
		case !ok:
			signInFirst(w, r, cfg)
			return
		case refused != nil:
			show(w, r, me, http.StatusBadRequest, pages.TypedCheckIn{})
			return
		}
		seats := db.ParseID(r.PathValue("seats"))
		typed := pages.TypedCheckIn{
			Code: r.PostForm.Get("code"), Key: r.PostForm.Get("key"), Name: r.PostForm.Get("name"), Organisation: r.PostForm.Get("organisation"), Email: r.PostForm.Get("email"),
		}
		person, err := press(r, cfg, me, seats, typed)
		if problems, expected := db.AsErrors(err); expected {
			typed.Problems = problems
			show(w, r, me, http.StatusUnprocessableEntity, typed)
			return
		}
		if err != nil {
			showPage(w, r, cfg, 0, nil, err)
			return
		}
		setPageHeaders(w)
		http.Redirect(w, r, checkInAddress(r, seats, person), http.StatusSeeOther)
	})
}

// press does what the button says that was pressed, and returns whom it concerned.
func press(r *http.Request, cfg Config, me db.Actor, seats db.ID, typed pages.TypedCheckIn) (person string, err error) {
	var attendee *db.Attendee
	in := db.PresenceInput{SeatsID: &seats}
	switch do := r.PostForm.Get("do"); {
	case do == "code":
		in.Code = &typed.Code
		attendee, err = cfg.DB.CheckIn(r.Context(), me, in, nil)
	case do == "walk-in":
		attendee, err = cfg.DB.CheckInWalkIn(r.Context(), me, db.WalkInInput{
			IdempotencyKey: typed.Key, SeatsID: seats, Name: &typed.Name, Organisation: &typed.Organisation, Email: &typed.Email,
		}, nil)
	case r.PostForm.Has("in"):
		id := db.ParseID(r.PostForm.Get("in"))
		in.PersonID = &id
		attendee, err = cfg.DB.CheckIn(r.Context(), me, in, nil)
	default:
		id := db.ParseID(r.PostForm.Get("out"))
		in.PersonID = &id
		attendee, err = cfg.DB.UndoCheckIn(r.Context(), me, in, nil)
	}
	if attendee != nil {
		person = attendee.PersonID.String()
	}
	return person, err
}

// checkInAddress is the address of the page with what was searched for, in the language that the reader chose. It tells of the person who was
// checked in last; "" for nobody.
func checkInAddress(r *http.Request, seats db.ID, person string) string {
	query := url.Values{}
	for name, value := range map[string]string{"q": r.URL.Query().Get("q"), "done": person} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if language, ok := pages.Language(r.URL.Query().Get("lang")); ok {
		query.Set("lang", string(language))
	}
	return strings.TrimSuffix(checkInPath+seats.String()+"?"+query.Encode(), "?")
}

// backCookie holds the page that somebody wanted to see before signing in. The link that signs in is mailed, so that nothing else leads back.
const backCookie = "vaktreffen-back"

// signInFirst leads to the page for signing in, and from there back to the page for checking in.
func signInFirst(w http.ResponseWriter, r *http.Request, cfg Config) {
	http.SetCookie(w, &http.Cookie{
		Name: backCookie, Value: checkInPath + db.ParseID(r.PathValue("seats")).String(), Path: "/", MaxAge: int(time.Hour / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: cfg.Secure,
	})
	redirectToPage(w, r, "/sign-in")
}

// wayBack returns the page that signInFirst was called for, once; "" when it was not. It is a page of ours, whatever the cookie says.
func wayBack(w http.ResponseWriter, r *http.Request) string {
	cookie, err := r.Cookie(backCookie)
	if err != nil {
		return ""
	}
	http.SetCookie(w, &http.Cookie{Name: backCookie, Path: "/", MaxAge: -1})
	id, ok := strings.CutPrefix(cookie.Value, checkInPath)
	if seats := db.ParseID(id); ok && seats.Kind() == db.KindSeats {
		return checkInPath + seats.String()
	}
	return ""
}

// showCertificate serves the page on which anybody who has the code of a certificate checks it.
func showCertificate(cfg Config) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		code := r.PathValue("code") + r.URL.Query().Get("code")
		certificate, err := cfg.DB.Certificate(r.Context(), code)
		var page []byte
		status := http.StatusOK
		if err == nil {
			if certificate == nil && code != "" {
				status = http.StatusNotFound
			}
			page, err = pages.Certificate(certificate, code, readerLanguage(r))
		}
		showPage(w, r, cfg, status, page, err)
	}
}
