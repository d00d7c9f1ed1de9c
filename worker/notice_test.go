package worker_test

import (
	"bytes"
	"fmt"
	"mime"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/jhillyerd/enmime/v2"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/calendar"
)

// entry is a calendar entry as it was received.
type entry struct{ method, uid, sequence, summary, starts string }

// received reads the calendar entries of a mail: first the one that is an alternative of its text, then those attached besides.
func received(t *testing.T, mail *enmime.Envelope) (entries []entry) {
	t.Helper()
	for _, part := range append(mail.OtherParts, mail.Attachments...) {
		if part.ContentType != "text/calendar" && !strings.HasPrefix(part.FileName, "entry-") {
			continue
		}
		e := readEntry(t, part.Content)
		if _, parameters, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); part.ContentType == "text/calendar" && e.method != parameters["method"] {
			t.Errorf("the part says method %q, the entry %q", parameters["method"], e.method)
		}
		entries = append(entries, e)
	}
	return entries
}

// published reads the calendar entry that asks for nothing.
func published(t *testing.T, mail *enmime.Envelope) entry {
	t.Helper()
	if len(mail.Attachments) != 1 || mail.Attachments[0].FileName != "meeting.ics" || mail.Attachments[0].ContentType != "application/ics" {
		t.Fatalf("%d attachments", len(mail.Attachments))
	}
	return readEntry(t, mail.Attachments[0].Content)
}

func readEntry(t *testing.T, text []byte) entry {
	t.Helper()
	calendar, err := ics.ParseCalendar(bytes.NewReader(text))
	if err != nil || len(calendar.Events()) != 1 {
		t.Fatalf("%v in\n%s", err, text)
	}
	event := calendar.Events()[0]
	value := func(property ics.ComponentProperty) string { return event.GetProperty(property).Value }
	e := entry{uid: event.Id(), sequence: value(ics.ComponentPropertySequence), summary: value(ics.ComponentPropertySummary), starts: value(ics.ComponentPropertyDtStart)}
	for _, p := range calendar.CalendarProperties {
		if p.IANAToken == string(ics.PropertyMethod) {
			e.method = p.Value
		}
	}
	return e
}

// subscribed returns the entries of a person's own calendar, as the program that subscribed reads them.
func (s *scene) subscribed(t *testing.T, person db.ID) string {
	t.Helper()
	token, err := s.db.CalendarToken(t.Context(), person)
	if err != nil {
		t.Fatal(err)
	}
	own, err := s.db.PersonCalendar(t.Context(), token)
	if own == nil || err != nil {
		t.Fatal(own, err)
	}
	feed, err := ics.ParseCalendar(bytes.NewReader(calendar.FeedOf(own).Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var entries []string
	for _, event := range feed.Events() {
		value := func(property ics.ComponentProperty) string { return event.GetProperty(property).Value }
		entries = append(entries, event.Id()+" "+value(ics.ComponentPropertySequence)+" "+value(ics.ComponentPropertyStatus))
	}
	return strings.Join(entries, ", ")
}

// latest returns the mail of a kind to a person that came last, once there are n of them.
func (s *scene) latest(t *testing.T, kind, name string, n int) (last *enmime.Envelope) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s gets mail %d of the kind %s", name, n, kind), func() bool {
		count := 0
		for _, m := range s.smtp.Messages() {
			if m.To[0] == name+"@example.org" && m.Header("X-Vaktreffen-Kind") == kind {
				var err error
				if last, err = enmime.ReadEnvelope(bytes.NewReader(m.Data)); err != nil {
					t.Fatal(err)
				}
				count++
			}
		}
		return count == n
	})
	return last
}

// What moves replaces the entry in people's calendars, what is called off strikes it out, and what is on after all puts it back.
func TestChangesReachTheCalendar(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		seats := s.id(t, "SELECT id FROM seats WHERE edition_id IS NOT NULL")
		s.exec(t, "UPDATE seats SET capacity = 1")
		s.join(t, seats, "anna", "bert")
		anna := s.id(t, "SELECT id FROM people WHERE key = 'anna'")
		s.invite(t, 1)
		begins := time.Now().AddDate(0, 6, 0)
		day := begins.Format(time.DateOnly)
		session, places := db.NewID(db.KindSession, time.Now()), db.NewID(db.KindSeats, time.Now())
		s.exec(t, `INSERT INTO sessions (id, key, edition_id, kind, title, day, starts_local, ends_local, starts_at, ends_at, languages, position)
			VALUES ($1, 'dykes', $2, 'BREAKOUT', 'Dykes', $3, $4, $5, $6, $7, '["en"]', 0)`,
			session, s.edition, day, day+"T13:30", day+"T15:00", day+" 11:30:00+00:00", day+" 13:00:00+00:00")
		s.exec(t, `INSERT INTO seats (id, session_id, capacity, policy, line, offer_hours, taken, waiting, last_ticket)
			VALUES ($1, $2, 5, 'OFFER', 'FIRST_COME', 48, 0, 0, 0)`, places, session)
		s.register(t, places, "anna")
		s.work(t, 2)
		invitation := s.latest(t, "invitation", "guest1", 1)
		s.latest(t, "registration_waitlisted", "bert", 1)
		s.latest(t, "registration_confirmed", "anna", 2)
		var uid, sessionUID string
		for _, m := range s.smtp.Messages() {
			if m.Header("X-Vaktreffen-Kind") != "registration_confirmed" {
				continue
			}
			mail, err := enmime.ReadEnvelope(bytes.NewReader(m.Data))
			if err != nil {
				t.Fatal(err)
			}
			if e := received(t, mail)[0]; strings.HasPrefix(e.summary, "Dykes") {
				sessionUID = e.uid
			} else {
				uid = e.uid
			}
		}
		if got := published(t, invitation); got.method != "PUBLISH" || got.uid != uid || got.sequence != "0" || got.summary != "The next meeting" {
			t.Errorf("the invitation carries the entry %+v of %s", got, uid)
		}
		if text := string(invitation.Attachments[0].Content); strings.Contains(text, "ATTENDEE") || !strings.Contains(text, "TRANSP:TRANSPARENT") || len(received(t, invitation)) > 0 {
			t.Errorf("the invitation asks for an answer to its entry:\n%s", text)
		}
		check := func(mail *enmime.Envelope, want ...entry) {
			t.Helper()
			got := received(t, mail)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("entries\n%+v\nwant\n%+v", got, want)
			}
		}
		says := func(mail *enmime.Envelope, words ...string) {
			t.Helper()
			for _, word := range words {
				if !strings.Contains(squeeze(mail.Text), word) {
					t.Errorf("the mail lacks %q:\n%s", word, mail.Text)
				}
				if seen, _, _ := read(t, mail.HTML); !strings.Contains(seen, word) {
					t.Errorf("the HTML lacks %q:\n%s", word, seen)
				}
			}
		}

		moved := begins.AddDate(0, 0, 7)
		first := db.Date(moved.Format(time.DateOnly))
		if _, err := s.db.ChangeEdition(t.Context(), s.organiser, db.ChangeEditionInput{
			EditionID: s.edition, Title: new("The moved meeting"), StartsOn: &first, Venue: &db.VenueInput{Name: "Castle", City: "Emden"},
		}, nil); err != nil {
			t.Fatal(err)
		}
		starts, _ := time.ParseInLocation("2006-01-02T15:04", string(first)+"T13:30", amsterdam(t))
		at := starts.UTC().Format("20060102T150405Z")
		mail := s.latest(t, "meeting_changed", "anna", 1)
		check(mail, entry{"REQUEST", uid, "1", "The moved meeting", at}, entry{"REQUEST", sessionUID, "1", "Dykes (The moved meeting)", at})
		says(mail, "The moved meeting previously: The next meeting", moved.Format("Monday 2 January 2006"), "previously: "+begins.Format("Monday 2 January 2006"),
			"Castle, Emden", "The attachment updates your calendar.")
		token(t, mail)
		mail = s.latest(t, "meeting_changed", "bert", 1)
		check(mail)
		says(mail, "Your registration stays as it is.")
		mail = s.latest(t, "meeting_changed", "guest1", 1)
		check(mail)
		if got, want := published(t, mail), (entry{"PUBLISH", uid, "1", "The moved meeting", at}); got != want {
			t.Errorf("the invited person gets the entry\n%+v\nwant\n%+v", got, want)
		}
		says(mail, "You have not answered your invitation yet.", "previously: "+begins.Format("Monday 2 January 2006"))
		if !strings.Contains(mail.Text, "https://meetings.example.org/i/") || !strings.Contains(mail.HTML, "https://meetings.example.org/i/") {
			t.Errorf("the invited person finds no link:\n%s", mail.Text)
		}

		if _, err := s.db.CancelSession(t.Context(), s.organiser, session, nil); err != nil {
			t.Fatal(err)
		}
		// With its only session off, the meeting has no hours any more.
		mail = s.latest(t, "meeting_changed", "anna", 2)
		check(mail, entry{"REQUEST", uid, "2", "The moved meeting", moved.Format("20060102")}, entry{"CANCEL", sessionUID, "2", "Dykes (The moved meeting)", at})
		says(mail, "Dykes", "cancelled")
		if got, want := s.subscribed(t, anna), uid+" 2 CONFIRMED, "+sessionUID+" 2 CANCELLED"; got != want {
			t.Errorf("Anna's own calendar has\n%s\nand the mails\n%s", got, want)
		}

		if _, err := s.db.CancelEdition(t.Context(), s.organiser, s.edition, nil); err != nil {
			t.Fatal(err)
		}
		mail = s.latest(t, "meeting_cancelled", "anna", 1)
		check(mail, entry{"CANCEL", uid, "3", "The moved meeting", moved.Format("20060102")})
		says(mail, "has been cancelled and does not take place.", "The attachment removes it from your calendar.")
		check(s.latest(t, "meeting_cancelled", "bert", 1))
		mail = s.latest(t, "meeting_cancelled", "guest1", 1)
		check(mail)
		if text := string(mail.Attachments[0].Content); published(t, mail).sequence != "3" || !strings.Contains(text, "STATUS:CANCELLED") {
			t.Errorf("the invited person gets the entry\n%s", text)
		}

		if _, err := s.db.ReopenEdition(t.Context(), s.organiser, s.edition, nil); err != nil {
			t.Fatal(err)
		}
		mail = s.latest(t, "meeting_changed", "anna", 3)
		check(mail, entry{"REQUEST", uid, "4", "The moved meeting", moved.Format("20060102")})
		says(mail, "was cancelled, but takes place after all.")

		if _, _, err := s.db.PrepareSession(t.Context(), s.organiser, db.PrepareSessionInput{EditionID: s.edition, Kind: "SOCIAL", Title: "Evening by the sea", Day: &first}, nil); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.db.PublishProgramme(t.Context(), s.organiser, s.edition, nil, nil); err != nil {
			t.Fatal(err)
		}
		mail = s.latest(t, "meeting_changed", "anna", 4)
		check(mail)
		says(mail, "Evening by the sea", "new")
		// Whoever comes back after cancelling gets an entry that is newer than the cancellation.
		place := s.id(t, "SELECT r.id FROM registrations r JOIN people p ON p.id = r.person_id WHERE p.key = 'anna' AND r.seats_id = $1", seats)
		s.exec(t, "UPDATE seats SET capacity = 5")
		if _, err := s.db.CancelRegistration(t.Context(), s.organiser, place, nil); err != nil {
			t.Fatal(err)
		}
		check(s.latest(t, "registration_cancelled", "anna", 1), entry{"CANCEL", uid, "5", "The moved meeting", moved.Format("20060102")},
			entry{"CANCEL", sessionUID, "3", "Dykes (The moved meeting)", at})
		if _, err := s.db.Register(t.Context(), s.organiser, db.RegisterInput{IdempotencyKey: "again", SeatsID: seats, PersonID: &anna}, nil); err != nil {
			t.Fatal(err)
		}
		check(s.latest(t, "registration_confirmed", "anna", 3), entry{"REQUEST", uid, "6", "The moved meeting", moved.Format("20060102")})
		if got, want := s.subscribed(t, anna), uid+" 6 CONFIRMED"; got != want {
			t.Errorf("Anna's own calendar has\n%s\nand the mail\n%s", got, want)
		}
	})
}
