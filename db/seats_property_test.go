package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestRandomOperationsKeepTheRulesOfSeats(t *testing.T) {
	t.Parallel()
	for name, seed := range map[string]uint64{"fixed seed": 1, "random seed": rand.Uint64()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachWorld(t, func(t *testing.T, w *world) {
				const rounds, goroutines, operations = 4, 24, 8
				h := newHappening(t, w)
				random := rand.New(rand.NewPCG(seed, 0))
				for round := range rounds {
					var wg sync.WaitGroup
					for range goroutines {
						own := rand.New(rand.NewPCG(random.Uint64(), 0))
						wg.Go(func() {
							for range operations {
								if what, err := h.operate(t, own); !expected(err) {
									t.Errorf("seed %d: %s: %v", seed, what, err)
								}
							}
						})
					}
					wg.Wait()
					h.check(t, fmt.Sprintf("seed %d, round %d", seed, round), false)
				}
				meeting := time.Date(2027, 5, 20, 12, 0, 0, 0, time.UTC)
				w.clock.advance(meeting.Sub(w.clock.Now()))
				if _, err := w.SweepLines(t.Context()); err != nil {
					t.Error(err)
				}
				h.check(t, fmt.Sprintf("seed %d, when it begins", seed), true)
				if n := query[int](t, w, "SELECT sum(waiting) FROM seats"); n > 0 {
					t.Errorf("seed %d: %d still wait", seed, n)
				}
			})
		})
	}
}

// happening is an edition with sessions that many people want to come to, and a journal of all that happens to its seats.
type happening struct {
	*world
	seats []db.ID // first those of the edition
	crowd []db.ID
}

type registrationVerb func(context.Context, db.Actor, db.ID, db.Shape) (*db.Registration, error)

func newHappening(t *testing.T, w *world) *happening {
	t.Helper()
	w.importSessions(t)
	h := &happening{world: w, seats: []db.ID{w.seatsOf(t, "editions", "open")}, crowd: w.crowd(t, 40)}
	for _, session := range []string{"talk", "walk", "dinner"} {
		h.seats = append(h.seats, w.seatsOf(t, "sessions", session))
	}
	for i, person := range h.crowd {
		switch i % 4 {
		case 1:
			w.exec(t, "UPDATE people SET organisation_id = ? WHERE id = ?", w.id(t, "organisations", "oldenburg"), person)
		case 2:
			w.exec(t, "UPDATE people SET organisation_id = ? WHERE id = ?", w.id(t, "organisations", "bremen"), person)
		case 3:
			w.exec(t, "UPDATE people SET organisation_id = NULL WHERE id = ?", person)
		}
	}
	number := func(n int) *int { return &n }
	w.rules(t, h.seats[0], db.ChangeSeatsInput{Capacity: number(8)})
	keepJournal(t, w)
	for _, seats := range h.seats { // so that the journal begins with the rules
		offer := db.PolicyOffer
		w.rules(t, seats, db.ChangeSeatsInput{Policy: &offer})
	}
	return h
}

// operate does one random thing.
func (h *happening) operate(t *testing.T, random *rand.Rand) (what string, err error) {
	ctx := t.Context()
	seats := h.seats[max(0, random.IntN(2*len(h.seats))-len(h.seats))]
	change := func(what string, verb registrationVerb, status ...db.RegistrationStatus) (string, error) {
		r := new(db.Registration)
		err := h.Raw().NewSelect().Model(r).Where("status IN (?)", bun.List(status)).Order("id").Offset(random.Int64N(10)).Limit(1).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return what, nil
		}
		if err == nil {
			_, err = verb(ctx, db.Actor{PersonID: r.PersonID}, r.ID, nil)
		}
		return what, err
	}
	switch n := random.IntN(100); {
	case n < 50:
		in := db.RegisterInput{IdempotencyKey: fmt.Sprint(random.Uint64()), SeatsID: seats}
		_, err := h.Register(ctx, db.Actor{PersonID: h.crowd[random.IntN(len(h.crowd))]}, in, nil)
		return "register", err
	case n < 58:
		return change("cancel", h.CancelRegistration, db.Confirmed, db.Waitlisted)
	case n < 67:
		return change("accept", h.AcceptOffer, db.Offered)
	case n < 72:
		return change("decline", h.DeclineOffer, db.Offered)
	case n < 75:
		return change("change what is over", h.AcceptOffer, db.Expired, db.Cancelled)
	case n < 80:
		h.clock.advance(time.Duration(random.IntN(30)) * time.Hour)
		return "wait", nil
	case n < 85:
		_, err = h.SweepLines(ctx)
		return "sweep", err
	}
	in := db.ChangeSeatsInput{SeatsID: seats}
	switch random.IntN(8) {
	case 0, 1, 2:
		capacity := random.IntN(5)
		if seats == h.seats[0] {
			capacity += 4
		}
		in.Capacity = &capacity
	case 3:
		unlimited := true
		in.Unlimited = &unlimited
	case 4, 5:
		maximum := random.IntN(5)
		in.MaxPerOrganisation = &maximum
	case 6:
		line := []db.LineOrder{db.FirstCome, db.Balanced}[random.IntN(2)]
		in.Line = &line
	case 7:
		policy := []db.LinePolicy{db.PolicyOffer, db.PolicyOffer, db.PolicyAutomatic, db.PolicyClosed}[random.IntN(4)]
		in.Policy = &policy
	}
	_, err = h.ChangeSeats(ctx, h.olga, in)
	return "change seats", err
}

// expected reports whether the error is one of those that random operations have to meet.
func expected(err error) bool {
	return slices.Contains([]db.ErrorCode{"", db.CodeConflict, db.CodeDeadline}, code(err))
}

// check is for a moment at which nobody does anything.
func (h *happening) check(t *testing.T, when string, over bool) {
	t.Helper()
	h.checkSeats(t, when)
	for rule, wrong := range map[string]string{
		"a session without a place in the edition": `registrations r JOIN seats s ON s.id = r.seats_id JOIN sessions x ON x.id = s.session_id
			WHERE r.status IN ('CONFIRMED', 'OFFERED', 'WAITLISTED') AND NOT EXISTS (SELECT 1 FROM registrations e JOIN seats es ON es.id = e.seats_id
				WHERE es.edition_id = x.edition_id AND e.person_id = r.person_id AND e.status = 'CONFIRMED')`,
		"two sessions at once": `registrations a JOIN seats sa ON sa.id = a.seats_id JOIN sessions x ON x.id = sa.session_id
			JOIN registrations b ON b.person_id = a.person_id JOIN seats sb ON sb.id = b.seats_id JOIN sessions y ON y.id = sb.session_id
			WHERE x.id < y.id AND x.starts_at < y.ends_at AND y.starts_at < x.ends_at
				AND a.status IN ('CONFIRMED', 'OFFERED', 'WAITLISTED') AND b.status IN ('CONFIRMED', 'OFFERED', 'WAITLISTED')`,
	} {
		if n := query[int](t, h.world, "SELECT count(*) FROM "+wrong); n > 0 {
			t.Errorf("%s: %s: %d rows", when, rule, n)
		}
	}
	replay := newReplay(over)
	for _, e := range rows[entry](t, h.world, "SELECT * FROM journal ORDER BY n") {
		if wrong := replay.next(e); wrong != "" {
			t.Errorf("%s: entry %d of the journal: %s", when, e.N, wrong)
		}
	}
	for _, changes := range replay.pending {
		for _, change := range changes { // accepting an offer changes no counter
			if wrong := replay.decide(entry{SeatsID: change.SeatsID}, change); wrong != "" || change.Status != db.Confirmed {
				t.Errorf("%s: entry %d of the journal is not counted in its seats: %s", when, change.N, wrong)
			}
		}
	}
	told := map[notice]int{}
	for _, n := range rows[notice](t, h.world, "SELECT registration_id, kind FROM deliveries WHERE registration_id IS NOT NULL") {
		told[n]++
	}
	for _, id := range rows[db.ID](t, h.world, "SELECT id FROM registrations WHERE cancelled_with IS NOT NULL") {
		delete(replay.told, notice{id, db.MailCancelled}) // the mail about the edition tells of it
	}
	for n, times := range replay.told {
		if told[n] != times {
			t.Errorf("%s: %s was told %d times of what happened %d times", when, n.Kind, told[n], times)
		}
		delete(told, n)
	}
	if len(told) > 0 {
		t.Errorf("%s: told of what never happened: %v", when, told)
	}
}

// keepJournal makes the database itself write down every change of a registration, and of seats.
func keepJournal(t *testing.T, w *world) {
	t.Helper()
	const (
		columns      = " (seats_id, registration_id, organisation_id, ticket, status) VALUES (NEW.seats_id, NEW.id, NEW.organisation_id, NEW.ticket, NEW.status);"
		seatsColumns = " (seats_id, capacity, max_per_organisation, line, policy, taken, waiting) VALUES (NEW.id, NEW.capacity, NEW.max_per_organisation, NEW.line, NEW.policy, NEW.taken, NEW.waiting);"
	)
	id, number := "TEXT", "INTEGER PRIMARY KEY AUTOINCREMENT"
	if w.postgres() {
		id, number = "uuid", "bigserial PRIMARY KEY"
	}
	w.exec(t, "CREATE TABLE journal (n "+number+", seats_id "+id+", registration_id "+id+", organisation_id "+id+`, ticket INTEGER, status TEXT,
		capacity INTEGER, max_per_organisation INTEGER, line TEXT, policy TEXT, taken INTEGER, waiting INTEGER)`)
	for event, columns := range map[string]string{
		"INSERT ON registrations": columns, "UPDATE OF status ON registrations": columns, "UPDATE ON seats": seatsColumns,
	} {
		name := fmt.Sprintf("journal_%d", len(event))
		if !w.postgres() {
			w.exec(t, "CREATE TRIGGER "+name+" AFTER "+event+" BEGIN INSERT INTO journal"+columns+" END")
			continue
		}
		w.exec(t, "CREATE FUNCTION "+name+"() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO journal"+columns+" RETURN NULL; END'")
		w.exec(t, "CREATE TRIGGER "+name+" AFTER "+event+" FOR EACH ROW EXECUTE FUNCTION "+name+"()")
	}
}

// entry is one line of the journal: what became of a registration, or of seats when it names none.
type entry struct {
	N                  int
	SeatsID            db.ID
	RegistrationID     db.ID
	OrganisationID     db.ID
	Ticket             int
	Status             db.RegistrationStatus
	Capacity           *int
	MaxPerOrganisation *int
	Line               db.LineOrder
	Policy             db.LinePolicy
	Taken, Waiting     int
}

func (e entry) holds() bool { return e.Status == db.Confirmed || e.Status == db.Offered }

// notice is a mail of a kind about a registration.
type notice struct {
	RegistrationID db.ID
	Kind           db.MailKind
}

// replay goes through a journal with a model of the rules that knows nothing of the program but its words. Seats are written
// after the registrations that their rules decided on, so entries about registrations wait for the next one about their seats.
type replay struct {
	over    bool // the meeting has begun, so lines may have been closed
	pending map[db.ID][]entry
	latest  map[db.ID]map[db.ID]entry // by seats and registration
	told    map[notice]int
}

func newReplay(over bool) *replay {
	return &replay{over: over, pending: map[db.ID][]entry{}, latest: map[db.ID]map[db.ID]entry{}, told: map[notice]int{}}
}

// next returns what is wrong, or "".
func (r *replay) next(e entry) string {
	if !e.RegistrationID.IsZero() {
		r.pending[e.SeatsID] = append(r.pending[e.SeatsID], e)
		return ""
	}
	if r.latest[e.SeatsID] == nil {
		r.latest[e.SeatsID] = map[db.ID]entry{}
	}
	changes := r.pending[e.SeatsID]
	delete(r.pending, e.SeatsID)
	for _, change := range changes {
		if wrong := r.decide(e, change); wrong != "" {
			return fmt.Sprintf("%s (ticket %d became %s)", wrong, change.Ticket, change.Status)
		}
	}
	taken, waiting := 0, 0
	for _, other := range r.latest[e.SeatsID] {
		if other.holds() {
			taken++
		} else if other.Status == db.Waitlisted {
			waiting++
		}
	}
	switch {
	case taken != e.Taken || waiting != e.Waiting:
		return fmt.Sprintf("%d taken and %d waiting, counted as %d and %d", taken, waiting, e.Taken, e.Waiting)
	case r.room(e) && len(r.eligible(e)) > 0:
		return "somebody waits for a free place"
	}
	return ""
}

// decide applies a change of a registration under the rules of its seats.
func (r *replay) decide(rules, change entry) string {
	of := r.latest[rules.SeatsID]
	before, known := of[change.RegistrationID]
	var kind db.MailKind
	switch from, to := before.Status, change.Status; {
	case !known && to == db.Confirmed:
		kind = db.MailConfirmed
		if !r.room(rules) || !r.mayHold(rules, change) || len(r.eligible(rules)) > 0 {
			return "a newcomer took a place that was not free"
		}
	case !known && to == db.Waitlisted:
		kind = db.MailWaitlisted
		if rules.Policy == db.PolicyClosed || r.room(rules) && r.mayHold(rules, change) {
			return "a newcomer had to wait"
		}
	case from == db.Waitlisted && change.holds():
		if kind = db.MailConfirmed; to == db.Offered {
			kind = db.MailOffered
		}
		if (to == db.Offered) != (rules.Policy == db.PolicyOffer) {
			return "not what the policy says"
		}
		if line := r.eligible(rules); !r.room(rules) || len(line) == 0 || line[0].RegistrationID != change.RegistrationID {
			return "somebody was overtaken"
		}
	case from == db.Offered && to == db.Confirmed:
		kind = db.MailConfirmed
	case from == db.Offered && to == db.Expired:
		kind = db.MailOfferExpired
	case from == db.Confirmed && to == db.Cancelled:
		kind = db.MailCancelled
	case from == db.Waitlisted && to == db.Expired && r.over:
		kind = db.MailLineClosed
	case (from == db.Waitlisted || from == db.Offered) && to == db.Cancelled: // their own doing
	default:
		return fmt.Sprintf("cannot follow on %q", from)
	}
	if kind != "" {
		r.told[notice{change.RegistrationID, kind}]++
	}
	of[change.RegistrationID] = change
	return ""
}

func (r *replay) room(rules entry) bool {
	return rules.Capacity == nil || r.held(rules, func(entry) bool { return true }) < *rules.Capacity
}

func (r *replay) mayHold(rules, who entry) bool {
	return rules.MaxPerOrganisation == nil || who.OrganisationID.IsZero() || r.heldBy(rules, who) < *rules.MaxPerOrganisation
}

// heldBy counts the places of the organisation somebody works for; none for people without one.
func (r *replay) heldBy(rules, who entry) int {
	return r.held(rules, func(other entry) bool {
		return !who.OrganisationID.IsZero() && other.OrganisationID == who.OrganisationID
	})
}

func (r *replay) held(rules entry, which func(entry) bool) (n int) {
	for _, other := range r.latest[rules.SeatsID] {
		if other.holds() && which(other) {
			n++
		}
	}
	return n
}

// eligible returns everybody in the line who may take a place, the next first.
func (r *replay) eligible(rules entry) (line []entry) {
	for _, other := range r.latest[rules.SeatsID] {
		if other.Status == db.Waitlisted && r.mayHold(rules, other) {
			line = append(line, other)
		}
	}
	slices.SortFunc(line, func(a, b entry) int {
		if fewer := r.heldBy(rules, a) - r.heldBy(rules, b); rules.Line == db.Balanced && fewer != 0 {
			return fewer
		}
		return a.Ticket - b.Ticket
	})
	return line
}
