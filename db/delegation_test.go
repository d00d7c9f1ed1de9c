package db_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// delegate invites Oldenburg with so many places and returns the delegation.
func (w *world) delegate(t testing.TB, places int) *db.Delegation {
	t.Helper()
	list, err := w.InviteDelegations(t.Context(), w.olga, db.InviteDelegationsInput{
		EditionID: *w.edition(t, "small"), RespondBy: beginning.AddDate(0, 0, 14),
		Delegations: []db.DelegationInput{{OrganisationID: *w.id(t, "organisations", "oldenburg"), Places: places}},
	}, nil)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	return list[0]
}

func (w *world) name(actor db.Actor, t testing.TB, delegation db.ID, keys ...string) (*db.Delegation, error) {
	return w.NameDelegates(t.Context(), actor, db.NameDelegatesInput{DelegationID: delegation, PersonIDs: w.people(t, keys...)}, db.Shape{"named": nil})
}

func TestDelegationsAreInvitedAndAnswered(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		g := w.delegate(t, 2)
		mails := w.claimAll(t, db.Urgent)
		if len(mails) != 1 || mails[0].Delivery.Kind != db.MailDelegation || mails[0].Person.Name != "Konrad" || mails[0].DeskToken == "" || mails[0].Edition == nil {
			t.Fatalf("mails %+v", mails)
		}
		desk, err := w.Desk(t.Context(), mails[0].DeskToken)
		if err != nil || desk == nil || desk.Coordinator.Name != "Konrad" || len(desk.Colleagues) != 3 || desk.Closed {
			t.Fatalf("desk %+v, %v", desk, err)
		}
		for name, token := range map[string]string{"cut": mails[0].DeskToken[:60], "longer": mails[0].DeskToken + "A", "none": ""} {
			if desk, err := w.Desk(t.Context(), token); desk != nil || err != nil {
				t.Errorf("%s: %v, %v", name, desk, err)
			}
		}
		for name, c := range map[string]struct {
			actor db.Actor
			keys  []string
			want  db.ErrorCode
		}{
			"nobody":                     {db.Actor{}, []string{"dieter"}, db.CodeNotSignedIn},
			"a coordinator of another":   {w.outsider, []string{"dieter"}, db.CodeNotFound},
			"somebody without a role":    {w.as(t, "dieter"), []string{"dieter"}, db.CodeNotFound},
			"people of somebody else":    {w.konrad, []string{"anna"}, db.CodeNotFound},
			"one of somebody else's":     {w.konrad, []string{"dieter", "anna"}, db.CodeNotFound},
			"more than there are places": {w.konrad, []string{"dieter", "emma", "konrad"}, db.CodeTooLarge},
			"no one":                     {w.konrad, nil, db.CodeRequired},
		} {
			if _, err := w.name(c.actor, t, g.ID, c.keys...); code(err) != c.want {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
		if n := query[int](t, w, "SELECT count(*) FROM registrations"); n != 0 {
			t.Fatalf("%d registrations of what was refused", n)
		}
		named, err := w.name(w.konrad, t, g.ID, "dieter")
		if err != nil || named.Status != db.DelegationAnswered || len(named.Named) != 1 || named.Named[0].RegisteredBy != w.konrad.PersonID {
			t.Fatalf("%+v, %v", named, err)
		}
		newcomer := db.NameDelegatesInput{DelegationID: g.ID, People: []db.NewPersonInput{{Name: " Nina  Neu ", Email: "Nina@example.org"}}}
		if named, err = w.NameDelegates(t.Context(), w.konrad, newcomer, db.Shape{"named": {"person": nil}}); err != nil || len(named.Named) != 2 || named.Named[1].Person.Name != "Nina Neu" {
			t.Fatalf("%+v, %v", named, err)
		}
		if named, err = w.NameDelegates(t.Context(), w.konrad, newcomer, db.Shape{"named": nil}); err != nil || len(named.Named) != 2 {
			t.Errorf("naming again: %+v, %v", named, err)
		}
		if _, err := w.name(w.konrad, t, g.ID, "emma"); code(err) != db.CodeTooLarge {
			t.Errorf("a third: %v", err)
		}
		for name, bad := range map[string]db.NewPersonInput{"no address": {Name: "X", Email: "x"}, "no name": {Email: "x@example.org"}, "another's": {Name: "Anna", Email: "anna@example.org"}} {
			in := db.NameDelegatesInput{DelegationID: g.ID, People: []db.NewPersonInput{bad}}
			if _, err := w.NameDelegates(t.Context(), w.konrad, in, nil); code(err) != db.CodeInvalid && code(err) != db.CodeConflict {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := w.DeclineDelegation(t.Context(), w.konrad, g.ID, nil); code(err) != db.CodeConflict {
			t.Errorf("declined while people come: %v", err)
		}
		if _, err := w.CancelRegistration(t.Context(), w.konrad, named.Named[0].ID, nil); err != nil {
			t.Fatal(err)
		}
		if named, err = w.name(w.konrad, t, g.ID, "emma"); err != nil || len(named.Named) != 2 {
			t.Errorf("in the place of who cancelled: %+v, %v", named, err)
		}
		w.clock.advance(14 * 24 * time.Hour)
		if _, err := w.name(w.konrad, t, g.ID, "emma"); code(err) != db.CodeDeadline {
			t.Errorf("too late: %v", err)
		}
		if desk, err := w.Desk(t.Context(), mails[0].DeskToken); err != nil || desk == nil || !desk.Closed {
			t.Errorf("the desk when it is too late: %+v, %v", desk, err)
		}
		w.exec(t, "DELETE FROM coordinators WHERE person_id = ?", w.konrad.PersonID)
		if desk, err := w.Desk(t.Context(), mails[0].DeskToken); desk != nil || err != nil {
			t.Errorf("a former coordinator's link: %v, %v", desk, err)
		}
		w.checkCounts(t, "in the end")
	})
}

func TestOnlyThoseWhoHaveNotAnsweredAreReminded(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		g := w.delegate(t, 2)
		w.claimAll(t, db.Urgent)
		remind := func(want int) {
			t.Helper()
			list, err := w.RemindDelegations(t.Context(), w.olga, *w.edition(t, "small"), nil)
			if err != nil || len(list) != want {
				t.Fatalf("reminded %d, want %d: %v", len(list), want, err)
			}
			mails := w.claimAll(t, db.Urgent)
			if len(mails) != want || want > 0 && mails[0].Delivery.Kind != db.MailDelegationReminder {
				t.Errorf("%d mails, want %d", len(mails), want)
			}
		}
		remind(0) // invited today
		w.clock.advance(25 * time.Hour)
		remind(1)
		remind(0) // reminded today
		w.clock.advance(25 * time.Hour)
		if _, err := w.RemindDelegations(t.Context(), w.olga, *w.edition(t, "small"), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := w.DeclineDelegation(t.Context(), w.konrad, g.ID, nil); err != nil {
			t.Fatal(err)
		}
		if mails := w.claimAll(t, db.Urgent); len(mails) != 0 {
			t.Errorf("a reminder to somebody who has answered meanwhile: %+v", mails[0].Delivery)
		}
		w.clock.advance(25 * time.Hour)
		remind(0) // declined
		for name, c := range map[string]struct {
			actor db.Actor
			want  db.ErrorCode
		}{"nobody": {db.Actor{}, db.CodeNotSignedIn}, "who answers": {w.konrad, db.CodeForbidden}, "an outsider": {w.outsider, db.CodeForbidden}} {
			if c.want == db.CodeForbidden && name == "who answers" {
				c.actor.Coordinates = []db.Coordination{{PartnershipID: c.actor.Coordinates[0].PartnershipID, OrganisationID: c.actor.OrganisationID}}
			}
			if _, err := w.RemindDelegations(t.Context(), c.actor, *w.edition(t, "small"), nil); code(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestCoordinatorsNeverNameMoreThanThereArePlaces(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		g := w.delegate(t, 1)
		var group sync.WaitGroup
		for _, key := range []string{"dieter", "emma", "konrad", "dieter", "emma"} {
			people := w.people(t, key)
			group.Go(func() {
				_, err := w.NameDelegates(t.Context(), w.konrad, db.NameDelegatesInput{DelegationID: g.ID, PersonIDs: people}, nil)
				if c := code(err); c != "" && c != db.CodeTooLarge {
					t.Errorf("%s: %v", key, err)
				}
			})
		}
		group.Wait()
		if n := query[int](t, w, "SELECT count(*) FROM registrations WHERE status <> 'CANCELLED'"); n != 1 {
			t.Errorf("%d named for one place", n)
		}
		w.checkCounts(t, "in the end")
		w.checkDeadlocks(t, "in the end")
	})
}

func TestInvitingDelegationsIsRefused(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		small, oldenburg := *w.edition(t, "small"), *w.id(t, "organisations", "oldenburg")
		good := db.InviteDelegationsInput{EditionID: small, RespondBy: beginning.AddDate(0, 0, 7), Delegations: []db.DelegationInput{{OrganisationID: oldenburg, Places: 2}}}
		for name, c := range map[string]struct {
			change func(*db.InviteDelegationsInput)
			want   db.ErrorCode
		}{
			"in the past":       {func(in *db.InviteDelegationsInput) { in.RespondBy = beginning }, db.CodeInvalid},
			"after the meeting": {func(in *db.InviteDelegationsInput) { in.RespondBy = beginning.AddDate(2, 0, 0) }, db.CodeInvalid},
			"no places": {func(in *db.InviteDelegationsInput) {
				in.Delegations = []db.DelegationInput{{OrganisationID: oldenburg}}
			}, db.CodeInvalid},
			"nobody": {func(in *db.InviteDelegationsInput) { in.Delegations = nil }, db.CodeInvalid},
			"twice":  {func(in *db.InviteDelegationsInput) { in.Delegations = append(in.Delegations[:1:1], in.Delegations...) }, db.CodeInvalid},
			"no member": {func(in *db.InviteDelegationsInput) {
				in.Delegations = []db.DelegationInput{{OrganisationID: *w.id(t, "organisations", "bremen"), Places: 1}}
			}, db.CodeConflict},
			"a draft":            {func(in *db.InviteDelegationsInput) { in.EditionID = *w.edition(t, "draft") }, db.CodeConflict},
			"cancelled":          {func(in *db.InviteDelegationsInput) { in.EditionID = *w.edition(t, "cancelled") }, db.CodeConflict},
			"a past meeting":     {func(in *db.InviteDelegationsInput) { in.EditionID = *w.edition(t, "past") }, db.CodeConflict},
			"an unknown meeting": {func(in *db.InviteDelegationsInput) { in.EditionID = oldenburg }, db.CodeNotFound},
		} {
			in := good
			c.change(&in)
			if _, err := w.InviteDelegations(t.Context(), w.olga, in, nil); code(err) != c.want {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		}
		for message, want := range map[string]string{
			"Dear {nmae}, come to {meeting}":    "{nmae} is no field. Did you mean {name}? The fields are {name}, {organisation}, {meeting}, {date}, {venue} and {answerBy}.",
			"We meet in {venue}.":               "{venue} has nothing to show", // nobody knows it yet
			"{{name}}":                          "Write one brace on each side of a field",
			"[yes](javascript:alert(1))":        "leads nowhere",
			"![us](https://example.org/us)":     "Leave out the picture",
			strings.Repeat("é", 5001):           "at most 5000 characters; these are 5001",
			"a\x00b":                            "control characters",
			"See /r/" + strings.Repeat("a", 48): "This holds a personal link",
		} {
			in := good
			in.Message = &message
			_, err := w.InviteDelegations(t.Context(), w.olga, in, nil)
			if problems, _ := db.AsErrors(err); len(problems) != 1 || strings.Join(problems[0].Field, ".") != "input.message" || !strings.Contains(problems[0].Message, want) {
				t.Errorf("%.40q: %v, want %q", message, err, want)
			}
		}
		if _, err := w.InviteDelegations(t.Context(), w.outsider, good, nil); code(err) != db.CodeForbidden {
			t.Errorf("an outsider: %v", err)
		}
		if n := query[int](t, w, "SELECT count(*) FROM deliveries"); n != 0 {
			t.Errorf("%d mails of what was refused", n)
		}
		message := "\n**{name}** of {organisation}: {meeting} on {date}, by {answerBy}? <b>Bring \\{ideas\\}.</b>\n"
		good.Message = &message
		if _, err := w.InviteDelegations(t.Context(), w.olga, good, nil); err != nil {
			t.Fatal(err)
		}
		if kept := query[string](t, w, "SELECT message FROM delegations"); kept != strings.TrimSpace(message) {
			t.Errorf("kept %q", kept)
		}
		again := good
		again.Delegations = []db.DelegationInput{{OrganisationID: oldenburg, Places: 5}}
		if list, err := w.InviteDelegations(t.Context(), w.olga, again, nil); err != nil || list[0].Places != 5 {
			t.Errorf("again with more places: %v", err)
		}
		if n := query[int](t, w, "SELECT count(*) FROM deliveries"); n != 1 {
			t.Errorf("%d mails, want 1", n)
		}
		edition := &db.Edition{ID: small}
		for name, c := range map[string]struct {
			actor db.Actor
			want  int
		}{"organisers": {w.olga, 1}, "who answers": {w.konrad, 1}, "an outsider": {w.outsider, 0}, "nobody": {db.Actor{}, 0}, "a colleague": {w.as(t, "dieter"), 0}} {
			if list, err := w.DelegationsTo(t.Context(), c.actor, edition, nil, nil); err != nil || len(list) != c.want {
				t.Errorf("%s see %d: %v", name, len(list), err)
			}
		}
	})
}
