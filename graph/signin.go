package graph

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// signInTakes is how long a request for a sign-in link takes at least, so that nobody can tell by the clock whether an address
// is known. It is far longer than the work.
const signInTakes = 250 * time.Millisecond

// requestSignIn asks for a link and answers after a fixed time. What is asked too often is refused, whether or not there is such an
// address.
func (r resolver) requestSignIn(ctx context.Context, email string) error {
	if err := r.allow(ctx, linksFromClient, network(ctx)); err != nil {
		return err
	}
	if err := r.allow(ctx, linksForAddress, strings.ToLower(strings.TrimSpace(email))); err != nil {
		return err
	}
	answer := time.NewTimer(signInTakes)
	defer answer.Stop()
	err := r.db.RequestSignIn(ctx, email)
	select {
	case <-answer.C:
	case <-ctx.Done():
	}
	return err
}

// RequestSignIn mails a sign-in link.
func (r mutationResolver) RequestSignIn(ctx context.Context, input model.RequestSignInInput) (*model.RequestSignInPayload, error) {
	problems, err := userErrors(r.requestSignIn(ctx, input.Email))
	payload := &model.RequestSignInPayload{UserErrors: problems}
	if len(problems) == 0 && err == nil {
		minutes := int(db.SignInLinkValid / time.Minute)
		payload.ValidMinutes = &minutes
	}
	return payload, err
}

// SignIn exchanges the token of a mailed link for a bearer token.
func (r mutationResolver) SignIn(ctx context.Context, input model.SignInInput) (*model.SignInPayload, error) {
	if err := r.allow(ctx, tokensTried, network(ctx)); err != nil {
		return nil, err
	}
	in, err := r.db.SignIn(ctx, input.Token, given(input.Device.Value()), shape(ctx).Of("person"))
	problems, err := userErrors(err)
	payload := &model.SignInPayload{UserErrors: problems}
	if in != nil {
		payload.Token, payload.SignIn, payload.Person = &in.Token, in.SignIn, in.Person
	}
	return payload, err
}

// SignOut ends a sign-in.
func (r mutationResolver) SignOut(ctx context.Context, input model.SignOutInput) (*model.SignOutPayload, error) {
	return r.signedOut(ctx, r.db.SignOut(ctx, actor(ctx), input.SignInID.Value()))
}

// SignOutEverywhere ends all of one's own sign-ins.
func (r mutationResolver) SignOutEverywhere(ctx context.Context) (*model.SignOutPayload, error) {
	return r.signedOut(ctx, r.db.SignOutEverywhere(ctx, actor(ctx)))
}

func (r mutationResolver) signedOut(ctx context.Context, err error) (*model.SignOutPayload, error) {
	problems, err := userErrors(err)
	if err != nil {
		return nil, err
	}
	left, err := r.db.SignIns(ctx, actor(ctx))
	return &model.SignOutPayload{SignIns: left, UserErrors: problems}, err
}

// SignIns lists where the viewer is signed in.
func (r viewerResolver) SignIns(ctx context.Context, _ *model.Viewer) ([]*db.AccessToken, error) {
	return r.db.SignIns(ctx, actor(ctx))
}

// signInCookie holds the bearer token of somebody who signed in on a page. Only pages read it; the API knows no cookies, so that
// no other site can make a browser use it.
const signInCookie = "vaktreffen"

// signInPages serves the pages of signing in by mail and of those who are signed in. A mailed link changes nothing on GET, since
// scanners of mail follow links: its page has a button that posts.
func signInPages(mux routes, cfg Config, res resolver) {
	show := func(w http.ResponseWriter, r *http.Request, status int, step pages.SignInStep, err error) {
		var page []byte
		if err == nil {
			page, err = pages.SignIn(step, cfg.OpenID.name(), readerLanguage(r))
		}
		showPage(w, r, cfg, status, page, err)
	}
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) { show(w, r, http.StatusOK, pages.AskAddress, nil) })
	mux.HandleFunc("POST /sign-in", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		err := res.requestSignIn(r.Context(), r.PostFormValue("email"))
		if retryAfter(w, err) {
			show(w, r, http.StatusTooManyRequests, pages.SignInLater, nil)
			return
		}
		if _, expected := db.AsErrors(err); expected {
			show(w, r, http.StatusUnprocessableEntity, pages.BadAddress, nil)
			return
		}
		show(w, r, http.StatusOK, pages.LinkSent, err)
	})
	mux.HandleFunc("GET /sign-in/{token...}", func(w http.ResponseWriter, r *http.Request) {
		works, err := cfg.DB.SignInLinkWorks(r.Context(), r.PathValue("token"))
		if works {
			show(w, r, http.StatusOK, pages.LinkOpened, err)
		} else {
			show(w, r, http.StatusNotFound, pages.LinkOver, err)
		}
	})
	mux.HandleFunc("POST /sign-in/{token...}", func(w http.ResponseWriter, r *http.Request) {
		if retryAfter(w, res.allow(r.Context(), tokensTried, network(r.Context()))) {
			show(w, r, http.StatusTooManyRequests, pages.SignInLater, nil)
			return
		}
		in, err := cfg.DB.SignIn(r.Context(), r.PathValue("token"), r.UserAgent(), nil)
		if _, expected := db.AsErrors(err); expected {
			show(w, r, http.StatusNotFound, pages.LinkOver, nil)
			return
		}
		if err != nil {
			show(w, r, 0, 0, err)
			return
		}
		enter(w, r, cfg, in)
	})
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		me, ok, err := cookieActor(r, cfg)
		if err == nil && !ok {
			redirectToPage(w, r, "/sign-in")
			return
		}
		var page []byte
		if err == nil {
			page, err = ownPage(r, cfg, me)
		}
		showPage(w, r, cfg, http.StatusOK, page, err)
	})
	mux.HandleFunc("POST /me/calendar", func(w http.ResponseWriter, r *http.Request) {
		_, refused := readButton(w, r, "calendar", "renew")
		me, ok, err := cookieActor(r, cfg)
		if err == nil && ok && refused == 0 {
			err = cfg.DB.RenewCalendar(r.Context(), me)
		}
		if err != nil {
			showPage(w, r, cfg, 0, nil, err)
			return
		}
		redirectToPage(w, r, "/me")
	})
	mux.HandleFunc("POST /me/sign-out", func(w http.ResponseWriter, r *http.Request) {
		where, refused := readButton(w, r, "where", "here", "everywhere")
		me, ok, err := cookieActor(r, cfg)
		switch {
		case err == nil && refused != 0:
			redirectToPage(w, r, "/me")
			return
		case err == nil && ok && where == "everywhere":
			err = cfg.DB.SignOutEverywhere(r.Context(), me)
		case err == nil && ok:
			err = cfg.DB.SignOut(r.Context(), me, nil)
		}
		if err != nil {
			showPage(w, r, cfg, 0, nil, err)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: signInCookie, Path: "/", MaxAge: -1})
		redirectToPage(w, r, "/sign-in")
	})
}

// enter leads somebody who has just signed in to the page that asked for it, else to the own page.
func enter(w http.ResponseWriter, r *http.Request, cfg Config, in *db.SignedIn) {
	http.SetCookie(w, &http.Cookie{
		Name: signInCookie, Value: in.Token, Path: "/", Expires: in.SignIn.ExpiresAt, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: cfg.Secure,
	})
	redirectToPage(w, r, cmp.Or(wayBack(w, r), "/me"))
}

// cookieActor returns who is signed in on the pages.
func cookieActor(r *http.Request, cfg Config) (db.Actor, bool, error) {
	cookie, err := r.Cookie(signInCookie)
	if errors.Is(err, http.ErrNoCookie) {
		return db.Actor{}, false, nil
	}
	return cfg.DB.Authenticate(r.Context(), cookie.Value)
}

func ownPage(r *http.Request, cfg Config, me db.Actor) ([]byte, error) {
	mine, err := cfg.DB.OwnPlaces(r.Context(), me)
	if err != nil {
		return nil, err
	}
	places := make([]pages.OwnPlace, len(mine.Registrations))
	for i, registration := range mine.Registrations {
		places[i] = pages.OwnPlace{Registration: registration, Path: "/r/" + mine.Tokens[i]}
	}
	calendar, err := personCalendarURL(r.Context(), cfg.DB, cfg.PublicURL, mine.Person.ID)
	if err != nil {
		return nil, err
	}
	doors := make([]pages.OwnDoor, len(mine.Doors))
	for i, door := range mine.Doors {
		doors[i] = pages.OwnDoor{Door: door, Path: checkInPath + door.SeatsID.String()}
	}
	return pages.Me(mine.Person, doors, places, mine.SignIns, calendar, pageLanguage(r, mine.Person))
}

// readerLanguage is the language that the reader chose on the page, else the one the browser asks for.
func readerLanguage(r *http.Request) db.Locale {
	if chosen, ok := pages.Language(r.URL.Query().Get("lang")); ok {
		return chosen
	}
	matcher := language.NewMatcher([]language.Tag{language.English, language.Dutch, language.German})
	tag, _ := language.MatchStrings(matcher, r.Header.Get("Accept-Language"))
	base, _ := tag.Base()
	if known, ok := pages.Language(base.String()); ok {
		return known
	}
	return db.English
}
