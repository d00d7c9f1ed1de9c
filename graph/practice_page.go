package graph

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// maxCommentForm is the largest form of a comment in bytes: the longest text, each letter as up to 12.
const maxCommentForm = 64 << 10

// practicePages serves the public page of a practice, on which people who are signed in comment and rate.
func practicePages(mux routes, cfg Config, res resolver) {
	show := func(w http.ResponseWriter, r *http.Request, status int, me db.Actor, reader pages.PracticeReader, err error) {
		var page []byte
		if err == nil {
			reader.SignedIn = !me.Anonymous()
			page, err = practicePage(r, cfg, me, reader)
		}
		showPage(w, r, cfg, status, page, err)
	}
	mux.HandleFunc("GET /practices/{id}", func(w http.ResponseWriter, r *http.Request) {
		me, _, err := cookieActor(r, cfg)
		if err == nil && isReading(r) {
			if err := cfg.DB.CountPracticeView(r.Context(), db.ParseID(r.PathValue("id"))); err != nil {
				cfg.Log.WarnContext(r.Context(), "views cannot be counted", "error", err)
			}
		}
		show(w, r, http.StatusOK, me, pages.PracticeReader{}, err)
	})
	mux.HandleFunc("POST /practices/{id}", func(w http.ResponseWriter, r *http.Request) {
		pressed, refused := readForm(w, r, maxCommentForm, "do", "comment", "rate", "remove")
		me, ok, err := cookieActor(r, cfg)
		if err == nil && !ok {
			redirectToPage(w, r, "/sign-in")
			return
		}
		ctx, practice := withActor(r.Context(), me), db.ParseID(r.PathValue("id"))
		var reader pages.PracticeReader
		switch {
		case err != nil:
		case refused != 0:
			reader.News = pages.PracticeUnclear
		case pressed == "comment":
			reader.Typed = r.PostForm.Get("text")
			reader.News = pages.PracticeNotSaved
			if strings.TrimSpace(reader.Typed) == "" {
				reader.News = pages.PracticeTextMissing
			}
			if err = res.allow(ctx, comments, client(ctx)); err == nil {
				_, err = cfg.DB.CommentOnPractice(ctx, me, db.CommentOnPracticeInput{PracticeID: practice, Text: reader.Typed}, nil)
			}
		case pressed == "rate":
			reader.News = pages.PracticeStarsMissing
			stars, _ := strconv.Atoi(r.PostForm.Get("stars")) // no number is no rating
			if err = res.allow(ctx, ratings, client(ctx)); err == nil {
				_, err = cfg.DB.RatePractice(ctx, me, db.RatePracticeInput{PracticeID: practice, Stars: stars}, nil)
			}
		default:
			reader.News = pages.PracticeUnclear
			err = cfg.DB.RemovePracticeComment(ctx, me, db.ParseID(r.PostForm.Get("comment")))
		}
		_, expected := db.AsErrors(err)
		switch {
		case refused != 0:
			show(w, r, refused, me, reader, err)
		case retryAfter(w, err):
			reader.News = pages.PracticeTooOften
			show(w, r, http.StatusTooManyRequests, me, reader, nil)
		case expected:
			show(w, r, http.StatusUnprocessableEntity, me, reader, nil)
		case err != nil:
			show(w, r, 0, me, reader, err)
		default:
			redirectToPage(w, r, "/practices/"+practice.String())
		}
	})
}

// practicePage writes the page of a practice; nil when there is none that the actor may read.
func practicePage(r *http.Request, cfg Config, me db.Actor, reader pages.PracticeReader) ([]byte, error) {
	practice, err := cfg.DB.Practice(r.Context(), me, db.ParseID(r.PathValue("id")),
		db.Shape{"partnership": nil, "edition": nil, "partners": nil, "rating": nil, "ownRating": nil, "views": nil})
	if practice == nil || err != nil {
		return nil, err
	}
	first := db.MaxPage
	said, err := cfg.DB.CommentsOn(r.Context(), me, practice, db.Page{First: &first}, db.Shape{"organisation": nil})
	if err != nil {
		return nil, err
	}
	return pages.Practice(practice, said, reader, readerLanguage(r))
}

// machines are how programs that are no browsers call themselves.
var machines = regexp.MustCompile(`(?i)bot|crawl|spider|slurp|preview|monitor|scan|curl|wget|python|java/|go-http|node|axios|headless`)

// isReading reports whether a request seems to come from somebody who opens a page to read it: no program, nothing that a browser
// fetches in advance, and not the page itself in another language or after its form.
func isReading(r *http.Request) bool {
	agent, ahead := r.UserAgent(), r.Header.Get("Sec-Purpose")+r.Header.Get("Purpose")+r.Header.Get("X-Moz")
	if r.Method != http.MethodGet || agent == "" || machines.MatchString(agent) || strings.Contains(ahead, "prefetch") || strings.Contains(ahead, "prerender") {
		return false
	}
	from, err := url.Parse(r.Referer())
	return err != nil || from.Host != r.Host || from.Path != r.URL.Path
}
