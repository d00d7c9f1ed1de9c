package graph

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// exportRegistrations serves who is registered on seats as a file for spreadsheets: GET /registrations/{seatsId}.csv, restricted
// by the parameters status and organisation. It needs a bearer token.
func exportRegistrations(cfg Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, isCSV := strings.CutSuffix(r.PathValue("file"), ".csv")
		filter, ok := readFilter(r)
		switch {
		case !isCSV:
			refuse(w, http.StatusNotFound, string(db.CodeNotFound), "Ask for the id of seats followed by .csv.")
			return
		case !ok:
			refuse(w, http.StatusBadRequest, string(db.CodeInvalid), "The parameter status is a status of registrations, and organisation the id of one.")
			return
		}
		list, err := cfg.DB.RegistrationList(r.Context(), actor(r.Context()), db.ParseID(id), filter)
		if err != nil {
			refuseList(w, r, cfg, err)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
		h.Set("Content-Disposition", `attachment; filename="registrations-`+list.Name+`.csv"`)
		h.Set("Access-Control-Expose-Headers", "Content-Disposition")
		h.Set("Content-Language", string(list.Language))
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Robots-Tag", "noindex")
		if r.Method == http.MethodHead {
			return
		}
		if err := writeRegistrations(r.Context(), w, list); err != nil {
			if !errors.Is(err, context.Canceled) {
				cfg.Log.ErrorContext(r.Context(), "list of registrations broke off", "error", err)
			}
			panic(http.ErrAbortHandler) // the status has left; a connection that breaks is all that tells of a list cut short
		}
	})
}

// readFilter reads the parameters of a list of registrations; ok is false when they are none.
func readFilter(r *http.Request) (filter db.RegistrationFilter, ok bool) {
	query := r.URL.Query()
	if status := db.RegistrationStatus(query.Get("status")); status != "" {
		if exportWords(db.English).status[status] == "" {
			return filter, false
		}
		filter.Status = &status
	}
	if text := query.Get("organisation"); text != "" {
		id := db.ParseID(text)
		if kind := id.Kind(); kind != db.KindMunicipality && kind != db.KindInstitution {
			return filter, false
		}
		filter.OrganisationID = &id
	}
	return filter, true
}

func refuseList(w http.ResponseWriter, r *http.Request, cfg Config, err error) {
	problem, expected := errors.AsType[*db.Error](err)
	if !expected {
		cfg.Log.ErrorContext(r.Context(), "list of registrations", "error", err)
		refuse(w, http.StatusInternalServerError, "INTERNAL", "Something went wrong here; try again.")
		return
	}
	status := http.StatusNotFound
	switch problem.Code {
	case db.CodeNotSignedIn:
		w.Header().Set("WWW-Authenticate", "Bearer")
		status = http.StatusUnauthorized
	case db.CodeForbidden:
		status = http.StatusForbidden
	}
	refuse(w, status, string(problem.Code), problem.Message)
}

// column is one of a list of registrations.
type column struct {
	title string
	cell  func(*db.Registration) string
}

func columns(l *db.RegistrationList) []column {
	words := exportWords(l.Language)
	return []column{
		{words.person, func(r *db.Registration) string { return r.Person.Name }},
		{words.organisation, (*db.Registration).WorksFor},
		{words.address, func(r *db.Registration) string {
			if address := r.Person.Email(); address != nil {
				return *address
			}
			return ""
		}},
		{words.standing, func(r *db.Registration) string { return words.status[r.Status] }},
		{words.position, func(r *db.Registration) string {
			if r.Position == nil {
				return ""
			}
			return strconv.Itoa(*r.Position)
		}},
		{words.registeredAt, func(r *db.Registration) string { return wallTime(r.RegisteredAt, l.Zone) }},
		{words.registeredBy, func(r *db.Registration) string { return r.By.Name }},
		{words.attended, func(r *db.Registration) string {
			switch {
			case r.CheckedInAt != nil:
				return wallTime(*r.CheckedInAt, l.Zone)
			case l.Over && (r.Status == db.Confirmed || r.Status == db.Held):
				return words.noShow
			}
			return ""
		}},
	}
}

// wallTime writes an instant as the clocks at the meeting show it, with the name of their time, so that sorting text sorts times.
func wallTime(at time.Time, zone *time.Location) string {
	return at.In(zone).Format("2006-01-02 15:04 MST")
}

// writeRegistrations writes the list as CSV (RFC 4180) in UTF-8. It begins with a byte order mark, without which Excel reads
// another encoding, and separates by what Excel expects in the reader's language.
func writeRegistrations(ctx context.Context, w io.Writer, list *db.RegistrationList) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	file := csv.NewWriter(w)
	file.UseCRLF, file.Comma = true, exportWords(list.Language).separator
	columns := columns(list)
	line := make([]string, len(columns))
	for i, c := range columns {
		line[i] = c.title
	}
	if err := file.Write(line); err != nil {
		return err
	}
	for page, err := range list.Pages(ctx) {
		if err != nil {
			return err
		}
		for _, r := range page {
			for i, c := range columns {
				line[i] = defused(c.cell(r))
			}
			if err := file.Write(line); err != nil {
				return err
			}
		}
		if file.Flush(); file.Error() != nil {
			return file.Error()
		}
	}
	return file.Error()
}

// formula finds what a spreadsheet could take for the beginning of a formula (OWASP, CSV Injection): at the beginning of a
// cell, or behind what separates cells wherever another separator is in use.
var formula = regexp.MustCompile(`(^|[,;\t\r\n])([\s"']*)([=+\-@\t\r＝＋－＠])`)

// defused makes plain text of what a spreadsheet could take for a formula.
func defused(cell string) string { return formula.ReplaceAllString(cell, "$1$2'$3") }

// words are those of a list of registrations in one language.
type words struct {
	separator                                                                     rune
	person, organisation, address, standing, position, registeredAt, registeredBy string
	attended, noShow                                                              string
	status                                                                        map[db.RegistrationStatus]string
}

// exportWords returns the words of a language, English ones for one that has none.
func exportWords(language db.Locale) words {
	switch language {
	case db.Dutch:
		return words{
			';', "Naam", "Organisatie", "E-mailadres", "Stand", "Plaats op de wachtlijst", "Aangemeld op", "Aangemeld door", "Aanwezig", "Niet gekomen",
			map[db.RegistrationStatus]string{db.Confirmed: "Bevestigd", db.Held: "Intake open", db.Waitlisted: "Wachtlijst", db.Offered: "Plaats aangeboden", db.Expired: "Vervallen", db.Cancelled: "Geannuleerd"},
		}
	case db.German:
		return words{
			';', "Name", "Organisation", "E-Mail-Adresse", "Stand", "Platz auf der Warteliste", "Angemeldet am", "Angemeldet von", "Anwesend", "Nicht erschienen",
			map[db.RegistrationStatus]string{db.Confirmed: "Bestätigt", db.Held: "Vorab-Fragen offen", db.Waitlisted: "Warteliste", db.Offered: "Platz angeboten", db.Expired: "Verfallen", db.Cancelled: "Storniert"},
		}
	}
	return words{
		',', "Name", "Organisation", "E-mail address", "Status", "Position on the waiting list", "Registered at", "Registered by", "Attended", "Did not come",
		map[db.RegistrationStatus]string{db.Confirmed: "Confirmed", db.Held: "Intake open", db.Waitlisted: "Waiting list", db.Offered: "Place offered", db.Expired: "Lapsed", db.Cancelled: "Cancelled"},
	}
}
