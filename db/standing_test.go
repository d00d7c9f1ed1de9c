package db_test

import (
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestWhoIsTakenOffByOthersIsTold(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, offer, one := w.seatsOf(t, "editions", "small"), db.PolicyOffer, 1
		w.rules(t, seats, db.ChangeSeatsInput{Policy: &offer, Capacity: &one})
		w.register(t, seats, "anna", "dieter", "emma", "bert", "carla")
		w.cancel(t, seats, "anna")
		w.checkLine(t, seats, "anna CANCELLED, dieter OFFERED, emma WAITLISTED, bert WAITLISTED, carla WAITLISTED")
		for key, by := range map[string]db.Actor{"dieter": w.konrad, "emma": w.konrad, "bert": w.olga, "carla": w.as(t, "carla")} {
			w.clock.advance(time.Second)
			if _, err := w.CancelRegistration(t.Context(), by, w.latest(t, seats, key), nil); err != nil {
				t.Fatal(err)
			}
		}
		for key, want := range map[string]string{"dieter": "waitlisted seat_offered cancelled", "bert": "waitlisted cancelled"} {
			got := w.told(t, seats, key)
			if key == "bert" && got == "waitlisted seat_offered cancelled" { // who was next in line when dieter left
				got = want
			}
			if got != want {
				t.Errorf("%s was told %q, want %q", key, got, want)
			}
		}
		if got := w.told(t, seats, "carla"); got != "waitlisted" && got != "waitlisted seat_offered" {
			t.Errorf("who left by herself was told %q", got)
		}
	})
}

func TestAnInvitationFollowsTheRegistration(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, to := range []struct{ table, key string }{{"editions", "small"}, {"course_runs", "spring"}} {
			in := db.SendInvitationsInput{IdempotencyKey: to.key, Audience: db.AudienceInput{PersonIDs: w.people(t, "anna", "dieter")}}
			if to.table == "editions" {
				in.EditionID = w.edition(t, to.key)
			} else {
				in.CourseRunID = w.id(t, to.table, to.key)
			}
			campaign := w.send(t, w.olga, in)
			seats, anna := w.seatsOf(t, to.table, to.key), w.tokens(t, campaign.ID)[0]
			standing := func(want string) {
				t.Helper()
				got := query[string](t, w, `SELECT i.status || ' ' || c.accepted || ' ' || c.declined FROM invitations i JOIN campaigns c ON c.id = i.campaign_id
					WHERE c.id = ? AND i.person_id = ?`, campaign.ID, w.id(t, "people", "anna"))
				if got != want {
					t.Errorf("%s: the invitation is %s, want %s", to.key, got, want)
				}
				w.checkCounts(t, to.key+": "+want)
			}
			w.register(t, seats, "anna")
			standing("ACCEPTED 1 0")
			w.cancel(t, seats, "anna")
			standing("DECLINED 0 1")
			w.cancel(t, seats, "anna") // again
			standing("DECLINED 0 1")
			w.register(t, seats, "anna")
			standing("ACCEPTED 1 0")
			if _, err := w.CancelRegistration(t.Context(), w.olga, w.latest(t, seats, "anna"), nil); err != nil {
				t.Fatal(err)
			}
			standing("DECLINED 0 1")
			w.clock.advance(time.Second)
			if _, err := w.RecordAnswer(t.Context(), anna, true); err != nil {
				t.Fatal(err)
			}
			standing("ACCEPTED 1 0")
			place, err := w.RegistrationToken(t.Context(), w.latest(t, seats, "anna"))
			if err != nil {
				t.Fatal(err)
			}
			w.clock.advance(time.Second)
			if _, err := w.ChangePlace(t.Context(), place, db.PlaceCancel); err != nil {
				t.Fatal(err)
			}
			standing("DECLINED 0 1")
			w.cancelNobody(t, seats)
		}
	})
}

// cancelNobody registers and cancels somebody who was not invited.
func (w *world) cancelNobody(t *testing.T, seats db.ID) {
	t.Helper()
	before := query[int](t, w, "SELECT sum(version) FROM campaigns")
	w.register(t, seats, "bert")
	w.cancel(t, seats, "bert")
	if after := query[int](t, w, "SELECT sum(version) FROM campaigns"); after != before {
		t.Error("a campaign counted somebody who was not invited")
	}
}

func TestWhoWaitsKeepsTheTurnWhenTheLineCloses(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, closed, offer, one, two := w.seatsOf(t, "editions", "small"), db.PolicyClosed, db.PolicyOffer, 1, 2
		w.rules(t, seats, db.ChangeSeatsInput{Capacity: &one, Policy: &offer})
		w.register(t, seats, "anna", "bert", "carla")
		w.rules(t, seats, db.ChangeSeatsInput{Policy: &closed})
		w.checkLine(t, seats, "anna CONFIRMED, bert WAITLISTED, carla WAITLISTED")
		w.refuse(t, seats, "dieter", db.CodeConflict, "All places are taken, and there is no waiting list.")
		w.cancel(t, seats, "anna")
		w.checkLine(t, seats, "anna CANCELLED, bert CONFIRMED, carla WAITLISTED")
		w.rules(t, seats, db.ChangeSeatsInput{Capacity: &two})
		w.checkLine(t, seats, "anna CANCELLED, bert CONFIRMED, carla CONFIRMED")
		w.checkSeats(t, "in the end")
	})
}

func TestARegistrationSaysWhyItExpired(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seats, offer, one := w.seatsOf(t, "editions", "small"), db.PolicyOffer, 1
		closes := beginning.Add(100 * time.Hour)
		w.rules(t, seats, db.ChangeSeatsInput{Capacity: &one, Policy: &offer, ClosesAt: &closes})
		w.register(t, seats, "anna", "bert", "carla", "dieter")
		w.cancel(t, seats, "anna")
		check := func(when, key string, status db.RegistrationStatus, because db.ExpiryReason, changeable bool) {
			t.Helper()
			token, err := w.RegistrationToken(t.Context(), w.latest(t, seats, key))
			if err != nil {
				t.Fatal(err)
			}
			r, err := w.Place(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			var got db.ExpiryReason
			if r.ExpiredBecause != nil {
				got = *r.ExpiredBecause
			}
			if r.Status != status || got != because || r.Changeable != changeable || (r.Position != nil) != (status == db.Waitlisted) {
				t.Errorf("%s: %s is %s %q, changeable %t, position %v", when, key, r.Status, got, r.Changeable, r.Position)
			}
		}
		check("at first", "bert", db.Offered, "", true)
		check("at first", "carla", db.Waitlisted, "", true)
		w.clock.advance(50 * time.Hour)
		check("before the sweep", "bert", db.Expired, db.OfferLapsed, true)
		check("before the sweep", "carla", db.Waitlisted, "", true)
		w.sweep(t, 1)
		check("after the sweep", "bert", db.Expired, db.OfferLapsed, true)
		w.clock.advance(50 * time.Hour)
		check("closed, before the sweep", "carla", db.Expired, db.OfferLapsed, true)
		check("closed, before the sweep", "dieter", db.Expired, db.RegistrationClosed, true)
		check("closed, before the sweep", "anna", db.Cancelled, "", true)
		w.sweep(t, 1)
		check("closed", "bert", db.Expired, db.OfferLapsed, true)
		check("closed", "carla", db.Expired, db.OfferLapsed, true)
		check("closed", "dieter", db.Expired, db.RegistrationClosed, true)
		w.clock.advance(time.Date(2027, 5, 19, 22, 0, 0, 0, time.UTC).Sub(w.clock.Now()))
		check("begun", "dieter", db.Expired, db.RegistrationClosed, false)
	})
}

func TestWhoReadsTheAnswersToMails(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.importSessions(t)
		w.exec(t, "UPDATE editions SET host_id = ? WHERE key = 'small'", w.id(t, "organisations", "oldenburg"))
		w.exec(t, "UPDATE editions SET host_id = ? WHERE key = 'undated'", w.id(t, "organisations", "bremen"))
		for want, seats := range map[string][]db.ID{
			"Olga":   {w.seatsOf(t, "editions", "open"), w.seatsOf(t, "sessions", "talk"), w.seatsOf(t, "editions", "undated"), w.seatsOf(t, "course_runs", "spring")},
			"Konrad": {w.seatsOf(t, "editions", "small")},
		} {
			for _, id := range seats {
				w.register(t, id, "anna")
				if got := w.readsAnswers(t); got != want {
					t.Errorf("%s reads the answer, want %s", got, want)
				}
			}
		}
		campaign := w.send(t, w.olga, toEdition("invite", w.edition(t, "small"), db.AudienceInput{PersonIDs: w.people(t, "bert")}))
		w.exec(t, "UPDATE campaigns SET created_by = ? WHERE id = ?", w.id(t, "people", "carla"), campaign.ID)
		w.register(t, w.seatsOf(t, "editions", "small"), "bert")
		if got := w.readsAnswers(t); got != "Carla" {
			t.Errorf("%s reads the answer to a confirmation, want who invited", got)
		}
		w.exec(t, "UPDATE people SET email = NULL WHERE key IN ('olga', 'konrad')")
		w.register(t, w.seatsOf(t, "editions", "open"), "dieter")
		if got := w.readsAnswers(t); got != "" {
			t.Errorf("%s reads the answer, and nobody can", got)
		}
	})
}

// readsAnswers starts the urgent mail that is due and returns who reads the answer to it, "" for nobody.
func (w *world) readsAnswers(t *testing.T) string {
	t.Helper()
	_, mails, err := w.StartDeliveries(t.Context(), db.Urgent, db.NewID(db.KindWorker, beginning), 10)
	if err != nil || len(mails) != 1 {
		t.Fatalf("%d mails are to send: %v", len(mails), err)
	}
	if mails[0].Organiser == nil {
		return ""
	}
	return mails[0].Organiser.Name
}
