package graph

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/calendar"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
)

// The addresses of calendars: of editions and partnerships for everybody, of a person for whoever has the token.
const (
	editionCalendar     = "/calendar/edition/"
	partnershipCalendar = "/calendar/partnership/"
	personCalendar      = "/calendar/"
	calendarFile        = ".ics"
)

// calendarFeeds serves calendars to subscribe to. What is not there, not published, renewed or erased is answered alike.
func calendarFeeds(mux routes, cfg Config) {
	public := func(path string, find func(context.Context, db.ID) (*db.Calendar, error)) {
		mux.HandleFunc("GET "+path+"{file}", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=300")
			serveCalendar(w, r, cfg, func(ctx context.Context, name string) (*db.Calendar, error) { return find(ctx, db.ParseID(name)) })
		})
	}
	public(editionCalendar, cfg.DB.EditionCalendar)
	public(partnershipCalendar, cfg.DB.PartnershipCalendar)
	mux.HandleFunc("GET "+personCalendar+"{file}", func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "private, no-cache")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Robots-Tag", "noindex")
		serveCalendar(w, r, cfg, cfg.DB.PersonCalendar)
	})
}

func serveCalendar(w http.ResponseWriter, r *http.Request, cfg Config, find func(context.Context, string) (*db.Calendar, error)) {
	var found *db.Calendar
	var err error
	name, named := strings.CutSuffix(r.PathValue("file"), calendarFile)
	if named {
		found, err = find(r.Context(), name)
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	switch {
	case err != nil && r.Context().Err() != nil: // nobody waits for it any more
	case err != nil:
		// The pattern and not the path: that may hold a token.
		cfg.Log.ErrorContext(r.Context(), "calendar", "page", r.Pattern, "error", err)
		h.Set("Cache-Control", "no-store")
		http.Error(w, "Something went wrong here; try again.", http.StatusInternalServerError)
	case found == nil:
		h.Set("Cache-Control", "no-store")
		http.Error(w, "There is no such calendar.", http.StatusNotFound)
	default:
		text := calendar.FeedOf(found).Bytes()
		sum := sha256.Sum256(text)
		h.Set("ETag", `"`+base64.RawURLEncoding.EncodeToString(sum[:])+`"`)
		h.Set("Content-Type", "text/calendar; charset=utf-8")
		h.Set("Content-Disposition", `inline; filename="vaktreffen.ics"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
	}
}

// editionCalendarURL returns where everybody can subscribe to an edition; "" when it is a draft.
func editionCalendarURL(origin string, e *db.Edition) string {
	if e == nil || e.Status == db.EditionDraft {
		return ""
	}
	return origin + editionCalendar + e.ID.String() + calendarFile
}

// personCalendarURL returns where a person's calendar is.
func personCalendarURL(ctx context.Context, d *db.DB, origin string, person db.ID) (string, error) {
	token, err := d.CalendarToken(ctx, person)
	return origin + personCalendar + token + calendarFile, err
}

// CalendarURL returns where everybody can subscribe to an edition.
func (r editionResolver) CalendarURL(_ context.Context, of *db.Edition) (*string, error) {
	if address := editionCalendarURL(r.origin, of); address != "" {
		return &address, nil
	}
	return nil, nil
}

// CalendarURL returns where everybody can subscribe to the editions of a partnership.
func (r partnershipResolver) CalendarURL(_ context.Context, of *db.Partnership) (string, error) {
	return r.origin + partnershipCalendar + of.ID.String() + calendarFile, nil
}

// CalendarURL returns where the viewer's own calendar is.
func (r viewerResolver) CalendarURL(ctx context.Context, _ *model.Viewer) (string, error) {
	return personCalendarURL(ctx, r.db, r.origin, actor(ctx).PersonID)
}

// RenewCalendarURL gives the viewer's own calendar another address.
func (r mutationResolver) RenewCalendarURL(ctx context.Context) (*model.RenewCalendarURLPayload, error) {
	problems, err := userErrors(r.db.RenewCalendar(ctx, actor(ctx)))
	payload := &model.RenewCalendarURLPayload{UserErrors: problems}
	if err != nil || len(problems) > 0 {
		return payload, err
	}
	payload.Viewer, err = r.viewer(ctx, shape(ctx).Of("viewer"))
	return payload, err
}
