package graph_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

// line is a meeting half a year ahead with one place, one session with one place, and people who want them.
type line struct {
	*meeting
	ahead   atomic.Int64 // of the database's clock, in nanoseconds
	begins  time.Time    // midnight in Groningen
	seats   db.ID        // of the edition
	session db.ID        // the seats of the session
}

func eachLine(t *testing.T, test func(l *line)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		address := dbtest.Migrated.SQLite(t)
		test(newLine(t, address, "sqlite", strings.TrimPrefix(address, "sqlite:")+"?_pragma=busy_timeout(5000)"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		address := dbtest.Migrated.Postgres(t)
		test(newLine(t, address, "pgx", address))
	})
}

func newLine(t *testing.T, address, driver, source string) *line {
	t.Helper()
	l := &line{meeting: &meeting{t: t}}
	l.open(address, driver, source, func() time.Time { return time.Now().Add(time.Duration(l.ahead.Load())) })
	l.fill()
	return l
}

func (l *line) fill() {
	l.t.Helper()
	day := time.Now().AddDate(0, 6, 0)
	l.begins = time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, groningen(l.t))
	on := day.Format(time.DateOnly)
	one := 1
	file := &programme.File{
		Organisations: []programme.Organisation{{Key: "groningen", Kind: "MUNICIPALITY", Name: "Groningen", Country: "NL"}},
		Partnerships: []programme.Partnership{{Key: "cities", Name: "Cities", Kind: "CROSS_BORDER", Members: []programme.Member{
			{Organisation: "groningen", Role: "LEAD", Coordinators: []string{"olga"}}}}},
		Series: []programme.Series{{Key: "meeting", Partnership: "cities", Name: "Meeting", Cadence: "YEARLY"}},
		Editions: []programme.Edition{{
			Key: "next", Series: "meeting", Title: "Water in the city", Year: day.Year(), Status: "PUBLISHED", Host: "groningen",
			Summary: "One day on water.", StartsOn: on, EndsOn: on, TimeZone: "Europe/Amsterdam", Languages: []string{"de", "en"}, Capacity: &one,
			Venue: &programme.Venue{Name: "Provinciehuis", Address: "Martinikerkhof 12", City: "Groningen", Country: "NL"},
			Sessions: []programme.Session{{Key: "dykes", Kind: "BREAKOUT", Title: "Dykes", Abstract: "How high is high enough?",
				Starts: on + "T13:30", Ends: on + "T15:00", Languages: []string{"nl"}, Capacity: &one}},
		}},
	}
	for key, locale := range map[string]string{"olga": "nl", "anna": "nl", "bert": "de", "cora": "en"} {
		file.People = append(file.People, programme.Person{Key: key, Name: strings.ToUpper(key[:1]) + key[1:] + " Smit",
			Email: key + "@example.org", Organisation: "groningen", Locale: locale})
	}
	if problems := programme.Check(file); len(problems) > 0 {
		l.t.Fatal(problems)
	}
	if problems, err := l.db.Import(l.t.Context(), file, nil); err != nil || len(problems) > 0 {
		l.t.Fatal(problems, err)
	}
	token, err := l.db.IssueToken(l.t.Context(), "olga@example.org", 1000*time.Hour)
	if err != nil {
		l.t.Fatal(err)
	}
	var ok bool
	if l.actor, ok, err = l.db.Authenticate(l.t.Context(), token); err != nil || !ok {
		l.t.Fatal(ok, err)
	}
	l.seats = l.one("SELECT id FROM seats WHERE edition_id IS NOT NULL")
	l.edition = l.one("SELECT id FROM editions")
	l.session = l.one("SELECT id FROM seats WHERE session_id IS NOT NULL")
}

func groningen(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// one returns the one id that a statement selects.
func (l *line) one(statement string, args ...any) (id db.ID) {
	l.t.Helper()
	if err := l.raw.QueryRowContext(l.t.Context(), statement, args...).Scan(&id); err != nil {
		l.t.Fatalf("%s: %v", statement, err)
	}
	return id
}

// offers makes places that come free be offered.
func (l *line) offers() {
	l.t.Helper()
	policy := db.PolicyOffer
	if _, err := l.db.ChangeSeats(l.t.Context(), l.actor, db.ChangeSeatsInput{SeatsID: l.seats, Policy: &policy}); err != nil {
		l.t.Fatal(err)
	}
}

// register puts a person on seats and returns the path of the page.
func (l *line) register(person string, seats db.ID) string {
	l.t.Helper()
	id := l.one("SELECT id FROM people WHERE key = $1", person)
	r, err := l.db.Register(l.t.Context(), l.actor, db.RegisterInput{IdempotencyKey: person + seats.String(), SeatsID: seats, PersonID: &id}, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	token, err := l.db.RegistrationToken(l.t.Context(), r.ID)
	if err != nil {
		l.t.Fatal(err)
	}
	return "/r/" + token
}

// act presses a button of the page and follows the redirect back to it.
func (l *line) act(path, action string) page {
	l.t.Helper()
	posted := l.send(http.MethodPost, path, "action="+action, "Sec-Fetch-Site", "same-origin", "Origin", l.site)
	if posted.StatusCode != http.StatusSeeOther || posted.Header.Get("Location") != path {
		l.t.Fatalf("after pressing %s: %s to %q, not 303 to %s\n%s", action, posted.Status, posted.Header.Get("Location"), path, posted.main())
	}
	return l.get(path)
}

// instant writes a time as both databases read it.
func instant(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05-07:00") }

const giveUp = `value="cancel"`

func TestAPlaceIsOfferedAndAccepted(t *testing.T) {
	eachLine(t, func(l *line) {
		l.offers()
		anna, bert, cora := l.register("anna", l.seats), l.register("bert", l.seats), l.register("cora", l.seats)
		l.same(func() {
			holds := l.get(anna)
			l.expect(holds, http.StatusOK, `<html lang="nl">`, "Aanmelding van Anna Smit", "Water in the city", "U komt.", giveUp, "Mijn plaats opgeven")
			l.hides(holds, accept, "Bert", "Olga", "@example.org")
			waits := l.get(cora)
			l.expect(waits, http.StatusOK, "You are at position 2 on the waiting list.", "goes to whoever has waited longest.",
				"an e-mail that says until when you can accept the place", giveUp, "Leave the waiting list")
			l.hides(waits, accept)
		})
		gone := l.act(anna, "cancel")
		l.expect(gone, http.StatusOK, "Uw aanmelding is geannuleerd.")
		l.hides(gone, "<form", "U komt.")
		l.expect(l.act(anna, "cancel"), http.StatusOK, "Uw aanmelding is geannuleerd.") // pressing twice is no mistake

		l.exec("UPDATE registrations SET offer_expires_at = '" + instant(l.begins.AddDate(0, 0, -3).Add(12*time.Hour+34*time.Minute)) + "' WHERE status = 'OFFERED'")
		l.same(func() {
			for language, texts := range map[string][]string{
				"nl": {"Er is een plaats voor u vrij.", " om 12.34 uur (Nederlandse tijd).", "Neemt u de plaats aan?", "Duits en Engels"},
				"de": {"Ein Platz ist für Sie frei.", ", 12:34 Uhr (niederländische Zeit)", "Nehmen Sie den Platz an?", "Deutsch und Englisch"},
				"en": {"A place is available for you.", " at 12:34 (Dutch time).", "Do you accept the place?", "German and English"},
			} {
				offered := l.get(bert + "?lang=" + language)
				l.expect(offered, http.StatusOK, append(texts, accept, giveUp, "One day on water.", "Provinciehuis, Martinikerkhof 12, Groningen")...)
				if n := strings.Count(offered.source, texts[1]); n != 2 {
					t.Errorf("the end of the offer stands %d times on the page", n)
				}
			}
			l.expect(l.get(bert+"?action=accept"), http.StatusOK, `<html lang="de">`, accept)
			if head := l.send(http.MethodHead, bert, ""); head.StatusCode != http.StatusOK || head.source != "" {
				t.Errorf("HEAD: %s with %d bytes", head.Status, len(head.source))
			}
		})
		taken := l.act(bert, "accept")
		l.expect(taken, http.StatusOK, "Sie nehmen teil.", giveUp)
		l.hides(taken, accept)
		l.same(func() {
			refused := l.send(http.MethodPost, cora, "action=accept")
			l.expect(refused, http.StatusConflict, "You are at position 1 on the waiting list.")
		})
		l.expect(l.act(bert+"?lang=en", "cancel"), http.StatusOK, "Your registration has been cancelled.")
		l.expect(l.get(cora), http.StatusOK, "A place is available for you.")
		l.expect(l.act(cora, "cancel"), http.StatusOK, "Your registration has been cancelled.")
	})
}

func TestAnOfferThatIsOverGoesToTheNext(t *testing.T) {
	eachLine(t, func(l *line) {
		l.offers()
		anna, bert, cora := l.register("anna", l.seats), l.register("bert", l.seats), l.register("cora", l.seats)
		l.act(anna, "cancel")
		l.expect(l.get(bert), http.StatusOK, "Ein Platz ist für Sie frei.")
		l.ahead.Store(int64(5 * 24 * time.Hour)) // 48 hours and a weekend
		over := l.send(http.MethodPost, bert, "action=accept")
		l.expect(over, http.StatusConflict, "Das Angebot eines Platzes ist abgelaufen.")
		l.hides(over, "<form", "Ein Platz ist für Sie frei.")
		l.expect(l.get(bert), http.StatusOK, "Das Angebot eines Platzes ist abgelaufen.") // nobody had to write it down
		if _, err := l.db.SweepLines(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.expect(l.get(bert), http.StatusOK, "Das Angebot eines Platzes ist abgelaufen.")
		l.expect(l.get(cora), http.StatusOK, "A place is available for you.", accept)

		// Nor does it become another reason when registration closes after it.
		l.exec("UPDATE seats SET closes_at = '" + instant(time.Now()) + "'")
		l.expect(l.get(bert), http.StatusOK, "Das Angebot eines Platzes ist abgelaufen.")
	})
}

func TestAPlaceThatIsGivenUpGoesToTheNext(t *testing.T) {
	eachLine(t, func(l *line) {
		anna, bert, cora := l.register("anna", l.seats), l.register("bert", l.seats), l.register("cora", l.seats)
		l.expect(l.get(cora), http.StatusOK, "you will get the place and an e-mail about it")
		l.expect(l.act(bert, "cancel"), http.StatusOK, "Ihre Anmeldung ist storniert.")
		l.expect(l.get(cora), http.StatusOK, "You are at position 1 on the waiting list.")
		l.act(anna, "cancel")
		l.expect(l.get(cora), http.StatusOK, "You are coming.")
	})
}

func TestTheInvitationTellsOfAnOffer(t *testing.T) {
	eachLine(t, func(l *line) {
		l.offers()
		anna := l.register("anna", l.seats)
		dirk := "/i/" + l.invite(db.SendInvitationsInput{}, "Dirk Prins,dirk@example.org,en")[0]
		waits := l.press(dirk, "accept")
		l.expect(waits, http.StatusOK, "You are at position 1 on the waiting list.", "an e-mail that says until when")
		l.hides(waits, accept)
		l.act(anna, "cancel")
		l.expect(l.get(dirk), http.StatusOK, "A place is available for you.", accept, decline)
		l.expect(l.press(dirk, "accept"), http.StatusOK, "You are coming.")
	})
}

func TestThePageTellsTheRulesOfTheLine(t *testing.T) {
	eachLine(t, func(l *line) {
		l.register("anna", l.seats)
		cora := l.register("cora", l.seats)
		balanced, three := db.Balanced, 3
		if _, err := l.db.ChangeSeats(t.Context(), l.actor, db.ChangeSeatsInput{SeatsID: l.seats, Line: &balanced, MaxPerOrganisation: &three}); err != nil {
			t.Fatal(err)
		}
		l.expect(l.get(cora), http.StatusOK, "goes to the waiting organisation with the fewest places", "Each organisation gets at most 3 places.")
	})
}

func TestAPlaceInASession(t *testing.T) {
	eachLine(t, func(l *line) {
		cora := l.register("cora", l.seats)
		session := l.register("cora", l.session)
		shown := l.get(session)
		l.expect(shown, http.StatusOK, "Dykes (Water in the city)", ", 13:30–15:00 (Dutch time)", "How high is high enough?", `<dd dir="auto">Dutch</dd>`,
			"Provinciehuis", giveUp)
		l.hides(shown, "One day on water.")
		l.act(cora, "cancel")
		l.expect(l.get(session), http.StatusOK, "Your registration has been cancelled.")
	})
}

func TestAPlaceCannotBeChanged(t *testing.T) {
	yesterday := time.Now().AddDate(0, 0, -2).Format(time.DateOnly)
	for name, c := range map[string]struct{ close, holds, waits string }{
		"of a cancelled meeting":      {"UPDATE editions SET status = 'CANCELLED'", "Deze bijeenkomst gaat niet door.", "Diese Veranstaltung findet nicht statt."},
		"of a meeting that has begun": {"UPDATE editions SET starts_on = '" + yesterday + "'", "Uw aanmelding kan niet meer worden gewijzigd.", "Die Warteliste ist geschlossen."},
	} {
		t.Run(name, func(t *testing.T) {
			eachLine(t, func(l *line) {
				anna, bert := l.register("anna", l.seats), l.register("bert", l.seats)
				l.exec(c.close)
				l.same(func() {
					for path, text := range map[string]string{anna: c.holds, bert: c.waits} {
						for _, shown := range []page{l.get(path), l.send(http.MethodPost, path, "action="), l.send(http.MethodPost, path, "")} {
							l.hides(shown, giveUp, `value="accept"`)
							if !shown.shows(text) {
								l.t.Errorf("the page does not show %q:\n%s", text, shown.main())
							}
						}
						l.expect(l.get(path), http.StatusOK)
						l.expect(l.send(http.MethodPost, path, "action=cancel"), http.StatusConflict, text)
						l.expect(l.send(http.MethodPost, path, "action=accept"), http.StatusConflict, text)
					}
				})
			})
		})
	}
}

func TestTheLineClosesWithRegistration(t *testing.T) {
	eachLine(t, func(l *line) {
		anna, bert := l.register("anna", l.seats), l.register("bert", l.seats)
		l.exec("UPDATE seats SET closes_at = '" + instant(time.Now().Add(-time.Minute)) + "'")
		closed := l.get(bert)
		l.expect(closed, http.StatusOK, "Die Warteliste ist geschlossen.", "Sie haben leider keinen Platz.")
		l.hides(closed, "<form")
		if _, err := l.db.SweepLines(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.expect(l.get(bert), http.StatusOK, "Die Warteliste ist geschlossen.")
		l.expect(l.get(anna), http.StatusOK, "U komt.", giveUp)
	})
}

func TestALinkToNoPlace(t *testing.T) {
	eachLine(t, func(l *line) {
		place := l.register("anna", l.seats)
		altered := []byte(place)
		altered[30] ^= 1
		stranger, err := l.db.RegistrationToken(t.Context(), db.NewID(db.KindRegistration, time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		invitation, err := l.db.AnswerToken(t.Context(), l.one("SELECT id FROM registrations"))
		if err != nil {
			t.Fatal(err)
		}
		l.same(func() {
			for name, wrong := range map[string]string{
				"nonsense": "/r/nonsense", "none": "/r/", "cut": place[:len(place)-1], "longer": place + "A", "altered": string(altered),
				"of no registration": "/r/" + stranger, "of an invitation": "/r/" + invitation, "with a path": place + "/more",
				"as an invitation": strings.Replace(place, "/r/", "/i/", 1),
			} {
				for _, got := range []page{l.get(wrong), l.send(http.MethodPost, wrong, "action=cancel"), l.send(http.MethodPost, wrong, "")} {
					if got.StatusCode != http.StatusNotFound {
						l.t.Errorf("%s: %s", name, got.Status)
					}
					l.expect(got, http.StatusNotFound, "Deze link werkt niet", "Dieser Link funktioniert nicht", "This link does not work")
				}
			}
		})
		l.exec("UPDATE editions SET status = 'DRAFT'")
		l.expect(l.get(place), http.StatusNotFound)
		l.expect(l.send(http.MethodPost, place, "action=cancel"), http.StatusNotFound)
	})
}

func TestWhoMaySeeTheNameIsSaidOnThePage(t *testing.T) {
	eachLine(t, func(l *line) {
		place := l.register("cora", l.seats)
		for _, language := range []struct{ tag, question string }{{"nl", "Wie mag zien dat u meedoet?"}, {"de", "Wer darf sehen, dass Sie teilnehmen?"}, {"en", "Who may see that you take part?"}} {
			l.expect(l.get(place+"?lang="+language.tag), http.StatusOK, language.question, `value="NOBODY" checked`, `value="PARTICIPANTS"`, `value="EVERYONE"`)
		}
		for _, listing := range []string{"EVERYONE", "PARTICIPANTS", "NOBODY"} {
			if got := l.act(place, "list&listing="+listing); strings.Count(got.source, " checked") != 1 || !strings.Contains(got.source, `value="`+listing+`" checked`) {
				l.t.Errorf("%s was not kept:\n%s", listing, got.main())
			}
		}
		l.same(func() {
			for _, body := range []string{"action=list", "action=list&listing=ALL", "listing=EVERYONE"} {
				l.expect(l.send(http.MethodPost, place, body), http.StatusBadRequest)
			}
		})
		session := l.register("cora", l.session)
		if got := l.get(session); strings.Contains(got.source, `name="listing"`) {
			l.t.Error("sessions have no list of participants")
		}
		if got := l.act(place, "cancel"); strings.Contains(got.source, `name="listing"`) {
			l.t.Error("who gave up the place stands in no list, and is asked nevertheless")
		}
	})
}

func TestThePageOfAPlaceGuardsItself(t *testing.T) {
	eachLine(t, func(l *line) {
		place := l.register("cora", l.seats)
		l.same(func() {
			for body, status := range map[string]int{
				"": http.StatusBadRequest, "action=maybe": http.StatusBadRequest, "action=accept&action=cancel": http.StatusBadRequest,
				"answer=accept": http.StatusBadRequest, "action=%zz": http.StatusBadRequest,
				"action=cancel&more=" + strings.Repeat("x", 4<<10): http.StatusRequestEntityTooLarge,
			} {
				l.expect(l.send(http.MethodPost, place, body), status, "Your answer did not arrive. Choose one of the buttons.", giveUp)
			}
			l.expect(l.send(http.MethodPost, place+"?action=cancel", ""), http.StatusBadRequest)
			refused := l.send(http.MethodPost, place, "action=cancel", "Sec-Fetch-Site", "cross-site", "Origin", "https://other.example")
			l.expect(refused, http.StatusForbidden)
		})
		const hostile = `</title></style><script>alert(1)</script>"'><img src=x onerror=alert(1)>`
		l.exec("UPDATE editions SET title = $1, summary = $1, venue_name = $1", hostile)
		l.exec("UPDATE people SET name = $1 WHERE key = 'cora'", hostile)
		for name, got := range map[string]page{"page": l.get(place), "redirect": l.send(http.MethodPost, place, "action=cancel"), "cancelled": l.get(place)} {
			if name != "redirect" && !got.shows(hostile) {
				l.t.Errorf("%s: the page does not show the title:\n%s", name, got.main())
			}
			if strings.Contains(got.source, "<script") || strings.Contains(got.source, "<img") || strings.Count(got.source, "</title>") > 1 {
				l.t.Errorf("%s: words became markup:\n%s", name, got.main())
			}
			policy := got.Header.Get("Content-Security-Policy")
			if got.Header.Get("Referrer-Policy") != "same-origin" || got.Header.Get("Cache-Control") != "no-store" ||
				!strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "form-action 'self'") || strings.Contains(policy, "unsafe") {
				l.t.Errorf("%s: headers %v", name, got.Header)
			}
		}
		l.db.Close()
		failed := l.send(http.MethodPost, place, "action=cancel")
		l.expect(failed, http.StatusInternalServerError, "Something went wrong here")
		if log := l.log.String(); strings.Contains(log, strings.TrimPrefix(place, "/r/")) || !strings.Contains(log, "unexpected error") {
			l.t.Errorf("the log:\n%s", log)
		}
	})
}
