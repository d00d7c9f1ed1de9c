package worker_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jhillyerd/enmime/v2"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

// join registers new people on seats, one after another.
func (s *scene) join(t *testing.T, seats db.ID, names ...string) {
	t.Helper()
	s.know(t, "", names...)
	for _, name := range names {
		s.register(t, seats, name)
	}
}

// know adds people who work for an organisation, "" for none that is known.
func (s *scene) know(t *testing.T, organisation string, names ...string) {
	t.Helper()
	file := &programme.File{}
	for _, name := range names {
		file.People = append(file.People, programme.Person{Key: name, Name: name, Email: name + "@example.org", Organisation: organisation, Locale: "en"})
	}
	s.load(t, file)
}

func (s *scene) load(t *testing.T, file *programme.File) {
	t.Helper()
	if problems, err := s.db.Import(t.Context(), file, nil); err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
}

func (s *scene) register(t *testing.T, seats db.ID, name string) {
	t.Helper()
	if _, err := s.db.Register(t.Context(), s.organiser, db.RegisterInput{
		IdempotencyKey: name + seats.String(), SeatsID: seats, PersonID: s.person(t, name),
	}, nil); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) id(t *testing.T, statement string, args ...any) (id db.ID) {
	t.Helper()
	if err := s.sql.QueryRowContext(t.Context(), statement, args...).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// mail returns the mail of a kind to a person once it has arrived.
func (s *scene) mail(t *testing.T, kind db.MailKind, name string) *enmime.Envelope {
	t.Helper()
	var found *enmime.Envelope
	eventually(t, fmt.Sprintf("%s gets the mail %s", name, kind), func() bool {
		for _, m := range s.smtp.Messages() {
			if m.To[0] != name+"@example.org" || m.Header("X-Vaktreffen-Kind") != string(kind) {
				continue
			}
			var err error
			if found, err = enmime.ReadEnvelope(bytes.NewReader(m.Data)); err != nil {
				t.Fatal(err)
			}
			return true
		}
		return false
	})
	return found
}

// token returns that of the page of a place, which a mail links to and to no invitation.
func token(t *testing.T, mail *enmime.Envelope) string {
	t.Helper()
	if strings.Contains(mail.Text+mail.HTML, "/i/") {
		t.Fatalf("the mail links to an invitation:\n%s", mail.Text)
	}
	return found(t, mail, `https://meetings\.example\.org/r/([-_A-Za-z0-9]{48})`)
}

// An offer that nobody accepts passes on by itself, and everybody hears of it.
func TestOfferPassesOn(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		seats := s.id(t, "SELECT id FROM seats WHERE edition_id IS NOT NULL")
		one, policy := 1, db.PolicyOffer
		if _, err := s.db.ChangeSeats(t.Context(), s.organiser, db.ChangeSeatsInput{SeatsID: seats, Capacity: &one, Policy: &policy}); err != nil {
			t.Fatal(err)
		}
		s.join(t, seats, "anna", "bert", "cora", "dirk")
		s.work(t, 2)
		change := func(kind db.MailKind, name string, action db.PlaceAction) {
			t.Helper()
			if r, err := s.db.ChangePlace(t.Context(), token(t, s.mail(t, kind, name)), action); r == nil || err != nil {
				t.Fatal(r, err)
			}
		}
		change(db.MailConfirmed, "anna", db.PlaceCancel)
		s.mail(t, db.MailCancelled, "anna")

		offer := s.mail(t, db.MailOffered, "bert")
		place, err := s.db.Place(t.Context(), token(t, offer))
		if place == nil || err != nil {
			t.Fatal(place, err)
		}
		zone := amsterdam(t)
		until := place.OfferExpiresAt.In(zone)
		if day := until.Format("Monday 2 January 2006"); !strings.Contains(squeeze(offer.Text), day) || !strings.Contains(squeeze(offer.HTML), day) {
			t.Errorf("the offer ends on %s, and the mail says\n%s", day, offer.Text)
		}
		s.forward(5 * 24 * time.Hour) // two days and a weekend
		s.mail(t, db.MailOfferExpired, "bert")
		change(db.MailOffered, "cora", db.PlaceAccept)
		s.mail(t, db.MailConfirmed, "cora")

		s.forward(200 * 24 * time.Hour)
		s.mail(t, db.MailLineClosed, "dirk")
		for key, n := range copies(t, s.smtp.Messages()) {
			if n != 1 {
				t.Errorf("%s: %d mails, want 1", key, n)
			}
		}
	})
}

// Who has no invitation hears from the coordinator of the host about a session, with the session's own hours.
func TestPlaceInASession(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		s.join(t, s.id(t, "SELECT id FROM seats WHERE edition_id IS NOT NULL"), "anna")
		session, seats, begins := db.NewID(db.KindSession, time.Now()), db.NewID(db.KindSeats, time.Now()), time.Now().AddDate(0, 6, 0)
		day := begins.Format(time.DateOnly)
		s.exec(t, `INSERT INTO sessions (id, key, edition_id, kind, title, day, starts_local, ends_local, starts_at, ends_at, languages, position)
			VALUES ($1, 'dykes', $2, 'BREAKOUT', 'Dykes', $3, $4, $5, $6, $7, '["en"]', 1)`,
			session, s.edition, day, day+"T13:30", day+"T15:00", day+" 11:30:00+00:00", day+" 13:00:00+00:00")
		s.exec(t, `INSERT INTO seats (id, session_id, capacity, policy, line, offer_hours, taken, waiting, last_ticket)
			VALUES ($1, $2, 5, 'OFFER', 'FIRST_COME', 48, 0, 0, 0)`, seats, session)
		s.register(t, seats, "anna")
		s.work(t, 1)
		eventually(t, "both confirmations are sent", func() bool { return s.smtp.Count() == 2 })
		var mail *enmime.Envelope
		for _, m := range s.smtp.Messages() {
			if strings.Contains(m.Header("Subject"), "Dykes (The next meeting)") {
				mail, _ = enmime.ReadEnvelope(bytes.NewReader(m.Data))
			}
		}
		if mail == nil {
			t.Fatalf("no mail about the session: %v", s.states(t))
		}
		starts := time.Date(begins.Year(), begins.Month(), begins.Day(), 11, 30, 0, 0, time.UTC)
		hours := starts.In(amsterdam(t)).Format("15:04") + "–" + starts.Add(90*time.Minute).In(amsterdam(t)).Format("15:04")
		if !strings.Contains(mail.Text, hours) || !strings.Contains(mail.HTML, hours) || !strings.Contains(squeeze(mail.Text), "Yours sincerely, Olga --") {
			t.Errorf("the mail lacks %s or who signs:\n%s", hours, mail.Text)
		}
		entry := string(mail.Attachments[0].Content)
		for _, line := range []string{"SUMMARY:Dykes (The next meeting)\r\n", "DTSTART:" + starts.Format("20060102T150405Z") + "\r\n"} {
			if !strings.Contains(entry, line) {
				t.Errorf("the calendar entry lacks %q:\n%s", line, entry)
			}
		}
		token(t, mail)
	})
}

// Whoever leaves a meeting hears of its sessions in the same mail, and all of it leaves the calendar; whoever is taken off the
// waiting list by somebody else hears of that.
func TestCancelledTogether(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		edition := s.id(t, "SELECT id FROM seats WHERE edition_id IS NOT NULL")
		day, one := time.Now().AddDate(0, 6, 0), 1
		file := &programme.File{Editions: []programme.Edition{{
			Key: "next", Series: "meeting", Title: "The next meeting", Year: day.Year(), Status: "PUBLISHED", StartsOn: day.Format(time.DateOnly),
			EndsOn: day.Format(time.DateOnly), TimeZone: "Europe/Amsterdam", Languages: []string{"en"}, Host: "groningen",
		}}}
		for i, key := range []string{"dykes", "polders", "dunes"} {
			file.Editions[0].Sessions = append(file.Editions[0].Sessions, programme.Session{
				Key: key, Kind: "BREAKOUT", Title: "On " + key, Capacity: &one,
				Starts: day.Format(time.DateOnly) + fmt.Sprintf("T1%d:00", i), Ends: day.Format(time.DateOnly) + fmt.Sprintf("T1%d:30", i),
			})
		}
		s.load(t, file)
		seats := func(key string) db.ID {
			return s.id(t, "SELECT seats.id FROM seats JOIN sessions ON sessions.id = session_id WHERE key = $1", key)
		}
		s.join(t, edition, "anna", "bert")
		s.register(t, seats("dunes"), "anna")
		s.register(t, seats("dykes"), "anna")
		s.register(t, seats("polders"), "bert")
		s.register(t, seats("polders"), "anna")
		s.register(t, seats("dykes"), "bert")
		s.work(t, 1)
		eventually(t, "all are told", func() bool { return s.smtp.Count() == 7 })

		waiting := s.id(t, "SELECT r.id FROM registrations r JOIN people p ON p.id = r.person_id WHERE p.key = 'bert' AND r.status = 'WAITLISTED'")
		if _, err := s.db.CancelRegistration(t.Context(), s.organiser, waiting, nil); err != nil {
			t.Fatal(err)
		}
		removed := s.mail(t, db.MailCancelled, "bert")
		if len(removed.Attachments) > 0 || !strings.Contains(squeeze(removed.Text), "You are no longer on the waiting list") || strings.Contains(squeeze(removed.Text), "expect you") ||
			!strings.Contains(removed.GetHeader("Reply-To"), "olga@example.org") {
			t.Errorf("who was taken off the waiting list reads\n%s\nwith %d attachments, answering %q", removed.Text, len(removed.Attachments), removed.GetHeader("Reply-To"))
		}

		place := s.id(t, "SELECT r.id FROM registrations r JOIN people p ON p.id = r.person_id WHERE p.key = 'anna' AND r.seats_id = $1", edition)
		if _, err := s.db.CancelRegistration(t.Context(), s.organiser, place, nil); err != nil {
			t.Fatal(err)
		}
		left := s.mail(t, db.MailCancelled, "anna")
		if text := squeeze(left.Text); !strings.Contains(text, "– On dykes – On polders – On dunes") || !strings.Contains(text, "We no longer expect you.") {
			t.Errorf("who left reads\n%s", left.Text)
		}
		var struck []string
		for _, a := range left.Attachments {
			entry := string(a.Content)
			sequence := "SEQUENCE:1\r\n"
			if len(struck) == 0 {
				sequence = "SEQUENCE:2\r\n" // the import has given the meeting its hours
			}
			if !strings.Contains(entry, "METHOD:CANCEL\r\n") || !strings.Contains(entry, sequence) {
				t.Errorf("the entry is\n%s", entry)
			}
			_, summary, _ := strings.Cut(entry, "SUMMARY:")
			summary, _, _ = strings.Cut(summary, "\r\n")
			struck = append(struck, summary)
		}
		if got := strings.Join(struck, ", "); got != "The next meeting, On dykes (The next meeting), On dunes (The next meeting)" {
			t.Errorf("struck from the calendar: %s", got) // and not the polders, for which anna waited
		}
		eventually(t, "nothing is left to send", func() bool { return s.states(t)["QUEUED"]+s.states(t)["SENDING"] == 0 })
		if n := s.smtp.Count(); n != 9 {
			t.Errorf("%d mails, want 9", n)
		}
	})
}
