package db

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// RegisterInput says who is to be registered on what.
type RegisterInput struct {
	IdempotencyKey string
	SeatsID        ID
	PersonID       *ID // nil: oneself
	Answers        []IntakeAnswerInput
	Invoice        *InvoiceInput
}

// Register puts a person on seats: a place while one is free and nobody waits who could take it, else the line. People
// register themselves, the coordinators of their organisation register them, and so do the organisers.
//
// Those who come while others are being registered on the same seats share a transaction; crowd.go says how. When the context
// ends meanwhile, the person may be registered or not: the same idempotency key finds out.
func (d *DB) Register(ctx context.Context, actor Actor, in RegisterInput, shape Shape) (*Registration, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	if p := checkKey(in.IdempotencyKey); p != nil {
		return nil, p
	}
	hash, err := inputHash(in)
	if err != nil {
		return nil, err
	}
	n := &newcomer{actor: actor, in: in, hash: hash}
	if err := d.join(ctx, n); err != nil {
		return nil, err
	}
	d.woken()
	if n.entered == nil {
		return d.registration(ctx, actor, n.registered, shape)
	}
	v := d.view(actor)
	return n.entered, v.finish(ctx, v.registrations(ctx, []*Registration{n.entered}, shape))
}

// newcomer is a call of Register, and what came of it.
type newcomer struct {
	actor Actor
	in    RegisterInput
	hash  string // of the input

	refusal    error         // why there is no registration
	registered ID            // the registration: this one's, or that of the first use of the key
	entered    *Registration // as it was committed; nil when the key was used before
}

// person is who is to be registered.
func (n *newcomer) person() ID {
	if n.in.PersonID == nil {
		return n.actor.PersonID
	}
	return *n.in.PersonID
}

func (n *newcomer) key() keyUse { return keyUse{n.actor.PersonID, n.in.IdempotencyKey} }

// registerAll registers newcomers to the same seats in their order, and says of each what came of it. It reads what there is to
// know about all of them, decides in memory about one after the other, and writes what came of it: many who come at once cost
// few more statements than one, and hold the lock of the seats hardly longer.
func (d *DB) registerAll(ctx context.Context, tx bun.Tx, now time.Time, seatsID ID, newcomers []*newcomer) error {
	ids := idsBy(newcomers, (*newcomer).person)
	people, err := byID[Person](ctx, tx, ids)
	if err != nil {
		return fmt.Errorf("people: %w", err)
	}
	invitations, err := d.lockInvitations(ctx, tx, seatsID, ids)
	if err != nil {
		return err
	}
	seats, edition, err := d.lockForRegistration(ctx, tx, now, seatsID)
	if err != nil {
		return err
	}
	// Under the lock, where everybody has committed who used one of these keys for these seats.
	uses := make([]keyUse, len(newcomers))
	for i, n := range newcomers {
		uses[i] = n.key()
	}
	used, err := usedKeys(ctx, tx, uses)
	if err != nil {
		return err
	}
	desk, err := openDesk(ctx, tx, now, seats, edition, ids)
	if err != nil {
		return err
	}
	if desk != nil && slices.ContainsFunc(newcomers, func(n *newcomer) bool { return len(n.in.Answers) > 0 || n.in.Invoice != nil }) {
		if err := desk.readQuestions(ctx, tx); err != nil {
			return err
		}
	}
	var keys []*idempotencyKey
	var entries []*AuditEntry
	for i, id := range newIDs(KindRegistration, now, len(newcomers)) {
		n, person := newcomers[i], people[newcomers[i].person()]
		n.refusal, n.registered, n.entered = nil, id, nil
		if before := used[n.key()]; before != nil {
			n.registered, n.refusal = before.replay(n.hash)
			continue
		}
		if n.refusal = desk.refuses(n.actor, person); n.refusal != nil {
			continue
		}
		var given *givenIntake
		if given, n.refusal = desk.readIntake(n.actor, n.in.Answers, n.in.Invoice, false); n.refusal != nil {
			continue
		}
		if n.entered, n.refusal = desk.register(id, person, n.actor.PersonID, given); n.refusal != nil {
			continue
		}
		key := newKey(now, n.actor, n.in.IdempotencyKey, n.hash, id)
		used[n.key()] = key
		keys, entries = append(keys, key), append(entries, newAuditEntry(now, n.actor, "register", id))
	}
	if len(keys) == 0 {
		return nil
	}
	if err := desk.write(ctx, tx); err != nil {
		return err
	}
	if err := desk.acceptInvitations(ctx, tx, invitations); err != nil {
		return err
	}
	if err := insertAll(ctx, tx, entries); err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return rememberAll(ctx, tx, keys)
}

// mayRegister reports whether the actor may register the person for anything.
func (a Actor) mayRegister(p *Person) bool { return a.mayActFor(p.ID, p.OrganisationID) }

// lockForRegistration locks the seats, and before them those of the edition when they are a session's; nil when there are none.
func (d *DB) lockForRegistration(ctx context.Context, tx bun.Tx, now time.Time, id ID) (seats, edition *lockedSeats, err error) {
	unlocked := new(Seats)
	if ok, err := found(tx.NewSelect().Model(unlocked).Where("id = ?", id).Scan(ctx)); err != nil || !ok {
		if err != nil {
			err = fmt.Errorf("seats: %w", err)
		}
		return nil, nil, err
	}
	if !unlocked.SessionID.IsZero() {
		session, err := viewIn(tx, Actor{}, now).occasion(ctx, unlocked)
		if err != nil {
			return nil, nil, err
		}
		if edition, err = d.lockSeats(ctx, tx, now, "edition_id", session.EditionID); err != nil {
			return nil, nil, err
		}
	}
	seats, err = d.lockSeats(ctx, tx, now, "id", id)
	return seats, edition, err
}

// desk is where people are registered on locked seats: in memory, one after the other, until write writes it all.
type desk struct {
	*lockedSeats
	now        time.Time
	registered map[ID]RegistrationStatus // people who are on the seats
	places     map[ID]int                // that organisations hold, when there is a maximum
	coming     map[ID]RegistrationStatus // for a session: people who are on the seats of its edition
	clashes    map[ID]string             // for a session: the title of another at that time, by the people who are on it
	entered    []*Registration
	given      map[ID]*givenIntake // by registration
}

// openDesk reads what decides about the people; the desk is nil when there are no seats. The edition is that of a session.
func openDesk(ctx context.Context, tx bun.Tx, now time.Time, seats, edition *lockedSeats, people []ID) (*desk, error) {
	if seats == nil {
		return nil, nil
	}
	k := &desk{lockedSeats: seats, now: now, given: map[ID]*givenIntake{}}
	var err error
	if k.registered, err = registeredOn(ctx, tx, seats.ID, people); err != nil {
		return nil, err
	}
	if seats.MaxPerOrganisation != nil {
		if k.places, err = seats.held(ctx, tx); err != nil {
			return nil, err
		}
	}
	if edition == nil || !seats.occasion.on() {
		return k, nil
	}
	if k.coming, err = registeredOn(ctx, tx, edition.ID, people); err != nil {
		return nil, err
	}
	k.clashes, err = seats.occasion.clashes(ctx, tx, people)
	return k, err
}

// registeredOn returns which of the people are on the seats, and how. SQLite looks everybody in a table up in the index of those
// who are; given a list, it would read all who are on the seats.
func registeredOn(ctx context.Context, tx bun.Tx, seats ID, people []ID) (map[ID]RegistrationStatus, error) {
	type wanted struct {
		PersonID ID `bun:"type:uuid"` // for PostgreSQL
	}
	table := make([]wanted, len(people))
	for i, id := range people {
		table[i].PersonID = id
	}
	var rows []*Registration
	if err := tx.NewSelect().With("wanted", tx.NewValues(&table)).Model(&rows).Column("registration.person_id", "registration.status").
		Join("JOIN wanted ON wanted.person_id = registration.person_id").
		Where("registration.seats_id = ?", seats).Where("registration.status IN (?)", bun.List(active)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("who is registered: %w", err)
	}
	registered := make(map[ID]RegistrationStatus, len(rows))
	for _, row := range rows {
		registered[row.PersonID] = row.Status
	}
	return registered, nil
}

// clashes returns which of the people are on another session of the edition at the time of this one, and its title.
func (o *occasion) clashes(ctx context.Context, tx bun.Tx, people []ID) (map[ID]string, error) {
	if o.StartsAt == nil {
		return nil, nil
	}
	var rows []struct {
		PersonID ID
		Title    string
	}
	if err := tx.NewSelect().Model((*Session)(nil)).ColumnExpr("registration.person_id, session.title").
		Join("JOIN seats ON seats.session_id = session.id").Join("JOIN registrations AS registration ON registration.seats_id = seats.id").
		Where("registration.person_id IN (?)", bun.List(people)).Where("registration.status IN (?)", bun.List(active)).
		Where("session.edition_id = ?", o.EditionID).Where("session.id <> ?", o.SessionID).Where("session.cancelled_at IS NULL").
		Where("session.starts_at < ?", o.EndsAt).Where("session.ends_at > ?", o.StartsAt).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("clashes of sessions: %w", err)
	}
	clashes := make(map[ID]string, len(rows))
	for _, row := range rows {
		clashes[row.PersonID] = row.Title
	}
	return clashes, nil
}

// refuses says why the actor cannot register the person here, before any look at the places: seats that the actor may not know
// of, people whom the actor may not register, be they there or not, then what the rules of sessions refuse.
func (k *desk) refuses(actor Actor, person *Person) error {
	nobody := person == nil || person.ErasedAt != nil
	switch {
	case k == nil, !k.occasion.on() && !k.occasion.cancelled():
		return problem(CodeNotFound, "input.seatsId", "There are no such seats.")
	case !k.occasion.organisedBy(actor) && (nobody || !actor.mayRegister(person)): // who may not learn whom there is hears the same of both
		return problem(CodeForbidden, "input.personId", "You can register yourself, people of an organisation that you coordinate, and anybody for a meeting that you organise.")
	case nobody:
		return problem(CodeNotFound, "input.personId", "There is no such person.")
	case k.SessionID.IsZero(), !k.occasion.on(): // nobody can register for what is cancelled
		return nil
	case k.coming[person.ID] != Confirmed:
		return problem(CodeConflict, "input.seatsId", "A place in the meeting comes first; register for the meeting and then for this session.")
	case k.clashes[person.ID] != "":
		return problem(CodeConflict, "input.seatsId", "This is at the same time as %q; cancel that one first.", k.clashes[person.ID])
	}
	return nil
}

// register registers a person under the id, with what was given of the intake, or says why that is not possible.
func (k *desk) register(id ID, person *Person, by ID, given *givenIntake) (*Registration, error) {
	gets := k.place(person.OrganisationID)
	if k.registered[person.ID] != "" {
		return nil, problem(CodeConflict, "input.seatsId", "%s is registered already.", person.Name)
	}
	if refusal := k.refusal(k.now, gets); refusal != nil {
		return nil, refusal
	}
	k.LastTicket++
	r := &Registration{
		ID: id, SeatsID: k.ID, PersonID: person.ID, OrganisationID: person.OrganisationID,
		Ticket: k.LastTicket, RegisteredAt: k.now, RegisteredBy: by, Status: Waitlisted,
	}
	if gets {
		r.Status, _ = k.standing(given.complete(k.occasion))
		k.Taken++
	} else {
		k.Waiting++
	}
	if gets && k.places != nil {
		k.places[person.OrganisationID]++
	}
	k.registered[person.ID] = r.Status
	k.entered = append(k.entered, r)
	if given != nil {
		k.given[r.ID] = given
	}
	return r, nil
}

// place reports whether a newcomer of the organisation gets a place: one is free, the organisation may hold another, and nobody
// waits who could take it. The line of locked seats is up to date, so whoever waits while a place is free cannot take one, and
// no newcomer who takes a place changes that.
func (k *desk) place(organisation ID) bool {
	return k.room() && (k.MaxPerOrganisation == nil || organisation.IsZero() || k.places[organisation] < *k.MaxPerOrganisation)
}

// write writes the registrations, what they made of the seats, and the mails that say so.
func (k *desk) write(ctx context.Context, tx bun.Tx) error {
	if err := insertAll(ctx, tx, k.entered); err != nil {
		return fmt.Errorf("registrations: %w", err)
	}
	for id, given := range k.given {
		if err := given.save(ctx, tx, id); err != nil {
			return err
		}
	}
	if err := k.save(ctx, tx); err != nil {
		return err
	}
	told := groupBy(k.entered, func(r *Registration) RegistrationStatus { return r.Status })
	if err := tell(ctx, tx, k.now, MailConfirmed, told[Confirmed]); err != nil {
		return err
	}
	if err := tell(ctx, tx, k.now, MailIntakeRequested, told[Held]); err != nil {
		return err
	}
	return tell(ctx, tx, k.now, MailWaitlisted, told[Waitlisted])
}

// register puts one person on locked seats under the id and queues the mail that says so.
func (d *DB) register(ctx context.Context, tx bun.Tx, now time.Time, seats *lockedSeats, id ID, person *Person, by ID) error {
	desk, err := openDesk(ctx, tx, now, seats, nil, []ID{person.ID})
	if err != nil {
		return err
	}
	if _, err := desk.register(id, person, by, nil); err != nil {
		return err
	}
	return desk.write(ctx, tx)
}

// acceptInvitations makes the locked invitations of those who were entered accepted: who registers has answered.
func (k *desk) acceptInvitations(ctx context.Context, tx bun.Tx, invitations []*Invitation) error {
	for _, i := range invitations {
		if slices.ContainsFunc(k.entered, func(r *Registration) bool { return r.PersonID == i.PersonID }) {
			if err := i.become(ctx, tx, k.now, InvitationAccepted); err != nil {
				return err
			}
		}
	}
	return nil
}

// refusal says why nobody can register now, or nobody who gets no place; nil when that is possible.
func (s *lockedSeats) refusal(now time.Time, gets bool) error {
	day := func(t time.Time) string { return t.In(s.occasion.zone()).Format("2 January 2006 at 15:04 MST") }
	switch closes := s.occasion.closes(s.Seats); {
	case !s.occasion.on():
		return problem(CodeConflict, "input.seatsId", "This meeting was cancelled.")
	case s.OpensAt != nil && now.Before(*s.OpensAt):
		return problem(CodeConflict, "input.seatsId", "Registration opens on %s.", day(*s.OpensAt))
	case !now.Before(closes):
		return problem(CodeDeadline, "input.seatsId", "Registration closed on %s.", day(closes))
	case !gets && s.Policy == PolicyClosed:
		return problem(CodeConflict, "input.seatsId", "All places are taken, and there is no waiting list.")
	}
	return nil
}
