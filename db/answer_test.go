package db_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

func (w *world) answer(t testing.TB, token string, accept bool) *db.Answer {
	t.Helper()
	a, err := w.RecordAnswer(t.Context(), token, accept)
	if err != nil || a == nil {
		t.Fatalf("answer: %v, %v", a, err)
	}
	return a
}

func TestAnswersAreRecordedAndCanBeChanged(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "small"), db.AudienceInput{PersonIDs: w.people(t, "anna")}))
		token := w.tokens(t, c.ID)[0]
		before, err := w.Answer(t.Context(), token)
		if err != nil || before.Invitation.Status != db.InvitationPending || !before.Open || before.Registration != nil {
			t.Fatalf("before: %+v, %v", before, err)
		}
		if want := time.Date(2027, 5, 19, 22, 0, 0, 0, time.UTC); before.Until == nil || !before.Until.Equal(want) {
			t.Errorf("open until %v, want %v", before.Until, want)
		}
		mails := func() int {
			return query[int](t, w, "SELECT count(*) FROM deliveries WHERE registration_id IS NOT NULL")
		}
		for _, step := range []struct {
			accept bool
			status db.InvitationStatus
			has    db.RegistrationStatus
			ticket int
			mails  int
		}{
			{true, db.InvitationAccepted, db.Confirmed, 1, 1},
			{true, db.InvitationAccepted, db.Confirmed, 1, 1},
			{false, db.InvitationDeclined, db.Cancelled, 1, 2},
			{false, db.InvitationDeclined, db.Cancelled, 1, 2},
			{true, db.InvitationAccepted, db.Confirmed, 2, 3},
		} {
			w.clock.advance(time.Hour)
			a := w.answer(t, token, step.accept)
			if a.Invitation.Status != step.status || a.Registration == nil || a.Registration.Status != step.has || a.Registration.Ticket != step.ticket {
				t.Errorf("accept %t: %s, %+v; want %+v", step.accept, a.Invitation.Status, a.Registration, step)
			}
			if n := mails(); n != step.mails {
				t.Errorf("accept %t: %d mails, want %d", step.accept, n, step.mails)
			}
			w.checkCounts(t, "after an answer")
		}
		if got := query[int](t, w, "SELECT count(*) FROM audit_log WHERE action = 'answer invitation'"); got != 3 {
			t.Errorf("%d changes in the audit log, want 3", got)
		}
	})
}

func TestAnswersToACourseRun(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		in := toEdition("k", nil, db.AudienceInput{PersonIDs: w.people(t, "anna", "bettina")})
		in.CourseRunID = w.id(t, "course_runs", "spring")
		c := w.send(t, w.olga, in)
		tokens := w.tokens(t, c.ID)
		if a := w.answer(t, tokens[0], true); a.CourseRun == nil || a.CourseRun.Course == nil || a.CourseRun.Course.OfferedBy() != "Groningen" || a.Registration.Status != db.Confirmed {
			t.Errorf("accepted: %+v", a)
		}
		if a := w.answer(t, tokens[1], false); a.Registration != nil || a.Invitation.Status != db.InvitationDeclined {
			t.Errorf("declined: %+v", a)
		}
		w.checkCounts(t, "in the end")
	})
}

func TestTooLateOrTakenBackCannotBeAnswered(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		respondBy := beginning.Add(48 * time.Hour)
		in := toEdition("k", w.edition(t, "open"), db.AudienceInput{PersonIDs: w.people(t, "anna", "bert")})
		in.RespondBy = &respondBy
		c := w.send(t, w.olga, in)
		tokens := w.tokens(t, c.ID)
		w.answer(t, tokens[0], true)
		w.exec(t, "UPDATE invitations SET status = 'WITHDRAWN' WHERE status = 'PENDING'")
		closed := func(why, token string) {
			t.Helper()
			for _, accept := range []bool{true, false} {
				if _, err := w.RecordAnswer(t.Context(), token, accept); code(err) != db.CodeDeadline {
					t.Errorf("%s: accept %t gives %v", why, accept, err)
				}
			}
			if a, err := w.Answer(t.Context(), token); err != nil || a == nil || a.Open {
				t.Errorf("%s: %+v, %v", why, a, err)
			}
		}
		closed("withdrawn", tokens[1])
		w.exec(t, "UPDATE editions SET status = 'CANCELLED' WHERE key = 'open'")
		closed("edition cancelled", tokens[0])
		w.exec(t, "UPDATE editions SET status = 'PUBLISHED' WHERE key = 'open'")
		w.clock.advance(48*time.Hour - time.Microsecond)
		w.answer(t, tokens[0], false)
		w.clock.advance(time.Microsecond)
		closed("at the deadline", tokens[0])
		w.exec(t, "UPDATE editions SET status = 'DRAFT' WHERE key = 'open'")
		if a, err := w.RecordAnswer(t.Context(), tokens[0], true); a != nil || err != nil {
			t.Errorf("edition withdrawn to draft: %+v, %v", a, err)
		}
		if n := query[int](t, w, "SELECT count(*) FROM registrations WHERE status = 'CONFIRMED'"); n != 0 {
			t.Errorf("%d places are taken", n)
		}
	})
}

func TestAMeetingWithoutADeadlineIsOpenUntilItsFirstDay(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{PersonIDs: w.people(t, "anna")}))
		token := w.tokens(t, c.ID)[0]
		midnight := time.Date(2027, 5, 19, 22, 0, 0, 0, time.UTC) // in Amsterdam, in summer
		w.clock.advance(midnight.Sub(beginning) - time.Microsecond)
		w.answer(t, token, true)
		w.clock.advance(time.Microsecond)
		if _, err := w.RecordAnswer(t.Context(), token, false); code(err) != db.CodeDeadline {
			t.Errorf("on its day: %v", err)
		}
	})
}

func TestTokensThatStandForNoInvitation(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{PersonIDs: w.people(t, "anna", "bert")}))
		tokens := w.tokens(t, c.ID)
		good := tokens[0]
		if len(good) != 48 || strings.ContainsAny(good, "+/=%") {
			t.Errorf("a token is %q", good)
		}
		forged := []string{"", good[:47], good + "A", good + "\n", " " + good, tokens[1][:22] + good[22:], good[:24] + tokens[1][24:], strings.Repeat("A", 48)}
		for i := range good { // each character altered
			other := byte('A')
			if good[i] == other {
				other = 'B'
			}
			forged = append(forged, good[:i]+string(other)+good[i+1:])
		}
		for _, id := range []db.ID{c.ID, w.olga.PersonID, *w.edition(t, "open"), db.NewID(db.KindInvitation, beginning)} { // truly signed, and no invitation
			token, err := w.AnswerToken(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			forged = append(forged, token)
		}
		for _, token := range forged {
			if a, err := w.Answer(t.Context(), token); a != nil || err != nil {
				t.Errorf("%q shows %+v, %v", token, a, err)
			}
			if a, err := w.RecordAnswer(t.Context(), token, true); a != nil || err != nil {
				t.Errorf("%q answers %+v, %v", token, a, err)
			}
		}
		if n := query[int](t, w, "SELECT count(*) FROM registrations"); n != 0 {
			t.Errorf("%d registrations", n)
		}
		w.answer(t, good, true)
	})
}

func TestManyAnswersAtOnceFillTheSeatsAndTheLine(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		const people = 40
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "small"), db.AudienceInput{CSV: csvOf("p", people)}))
		tokens := w.tokens(t, c.ID)
		var wg sync.WaitGroup
		for _, token := range tokens {
			wg.Go(func() {
				if _, err := w.RecordAnswer(t.Context(), token, true); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		w.checkCounts(t, "after all accepted")
		status := func() (confirmed, waiting []int) {
			return rows[int](t, w, "SELECT ticket FROM registrations WHERE status = 'CONFIRMED' ORDER BY ticket"),
				rows[int](t, w, "SELECT ticket FROM registrations WHERE status = 'WAITLISTED' ORDER BY ticket")
		}
		confirmed, waiting := status()
		if !slices.Equal(confirmed, []int{1, 2, 3}) || len(waiting) != people-3 || waiting[0] != 4 || waiting[len(waiting)-1] != people {
			t.Fatalf("confirmed %v, waiting %v", confirmed, waiting)
		}
		byTicket := map[int]string{}
		for _, token := range tokens {
			a, err := w.Answer(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			byTicket[a.Registration.Ticket] = token
			if want := max(0, a.Registration.Ticket-3); a.Position != want {
				t.Errorf("ticket %d is at position %d, want %d", a.Registration.Ticket, a.Position, want)
			}
		}
		w.answer(t, byTicket[5], false) // somebody in the line gives up: nobody moves up
		w.answer(t, byTicket[2], false) // somebody with a place does: the first in line does
		if a, err := w.Answer(t.Context(), byTicket[4]); err != nil || a.Registration.Status != db.Confirmed {
			t.Errorf("the first in line: %+v, %v", a.Registration, err)
		}
		if a, err := w.Answer(t.Context(), byTicket[6]); err != nil || a.Position != 1 {
			t.Errorf("the third in line is at %d now, %v", a.Position, err)
		}
		if a := w.answer(t, byTicket[2], true); a.Registration.Ticket != people+1 || a.Position != people-3-1 {
			t.Errorf("who comes back stands at %d with ticket %d", a.Position, a.Registration.Ticket)
		}
		w.checkCounts(t, "in the end")
	})
}

func TestNobodyOvertakesTheWaitingList(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		tokens := w.tokens(t, w.send(t, w.olga, toEdition("k", w.edition(t, "small"), db.AudienceInput{CSV: csvOf("p", 6)})).ID)
		for _, token := range tokens[:5] {
			w.answer(t, token, true)
		}
		w.exec(t, "UPDATE seats SET capacity = 5 WHERE capacity = 3")                                     // places that nobody was given yet
		if a := w.answer(t, tokens[5], true); a.Registration.Status != db.Waitlisted || a.Position != 1 { // the two who waited have them now
			t.Errorf("a newcomer is %s at %d", a.Registration.Status, a.Position)
		}
		w.answer(t, tokens[0], false)
		w.checkCounts(t, "after somebody made room for all")
		if n := query[int](t, w, "SELECT count(*) FROM registrations WHERE status = 'CONFIRMED'"); n != 5 {
			t.Errorf("%d have a place", n)
		}
	})
}

func TestRandomAnswersKeepEveryCount(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		random, seed := seeded()
		var tokens []string
		for i, edition := range []string{"small", "open"} { // the same people, so that campaigns and mails mix
			c := w.send(t, w.olga, toEdition(edition, w.edition(t, edition), db.AudienceInput{CSV: csvOf("p", 9+i)}))
			tokens = append(tokens, w.tokens(t, c.ID)...)
		}
		for range 4 {
			var wg sync.WaitGroup
			for range 6 {
				own := rand.New(rand.NewPCG(random.Uint64(), 0))
				wg.Go(func() {
					for range 8 {
						if _, err := w.RecordAnswer(t.Context(), tokens[own.IntN(len(tokens))], own.IntN(3) > 0); err != nil {
							t.Errorf("%s: %v", seed, err)
						}
					}
				})
			}
			wg.Wait()
			w.clock.advance(time.Minute)
			w.checkCounts(t, seed)
		}
		w.checkDeadlocks(t, seed)
	})
}
