package db

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// presence is that somebody came: on the seats of an edition, a session or a course run.
type presence struct {
	bun.BaseModel `bun:"table:attendances,alias:attendance"`

	SeatsID        ID   `bun:",pk"`
	PersonID       ID   `bun:",pk"`
	OrganisationID ID   `bun:",nullzero"` // whom the person worked for then
	WalkIn         bool // came without a place
	At             time.Time
	RecordedBy     ID `bun:",nullzero"`
}

// PresenceInput names somebody at a meeting: by the registration, or on seats by the person or the code that the person has.
type PresenceInput struct {
	RegistrationID *ID
	SeatsID        *ID
	PersonID       *ID
	Code           *string
}

// CheckIn writes down that somebody who is registered is there. It is for organisers and, in a course, for the trainers of the run,
// from the day before the meeting until its personal data is forgotten. Who has no place comes as a walk-in; the waiting list
// stays as it is. Doing it again changes nothing, so that a list on paper or a device without a network can be entered later.
func (d *DB) CheckIn(ctx context.Context, actor Actor, in PresenceInput, shape Shape) (*Attendee, error) {
	return d.changePresence(ctx, actor, in, "check in", shape, func(ctx context.Context, tx bun.Tx, now time.Time, at *gate, person ID) error {
		r := new(Registration)
		ok, err := found(tx.NewSelect().Model(r).Where("seats_id = ?", at.seats.ID).Where("person_id = ?", person).Order("ticket DESC").Limit(1).Scan(ctx))
		switch {
		case err != nil:
			return fmt.Errorf("registration: %w", err)
		case !ok:
			return problem(CodeNotFound, "input.personId", "Nobody like this is registered here; check them in as a walk-in.")
		}
		return at.enter(ctx, tx, now, actor, &presence{
			PersonID: person, OrganisationID: r.OrganisationID, WalkIn: !slices.Contains(having, r.Status),
		}, "check in")
	})
}

// UndoCheckIn takes back what CheckIn or CheckInWalkIn wrote down, by the same people. A certificate that was issued for it is
// revoked. Doing it again changes nothing.
func (d *DB) UndoCheckIn(ctx context.Context, actor Actor, in PresenceInput, shape Shape) (*Attendee, error) {
	return d.changePresence(ctx, actor, in, "undo check-in", shape, func(ctx context.Context, tx bun.Tx, now time.Time, at *gate, person ID) error {
		// Who issues certificates holds the same lock, so that none is left without its attendance.
		if err := d.locked(tx.NewSelect().Model(new(Seats))).Column("id").Where("id = ?", at.seats.ID).Scan(ctx, new(ID)); err != nil {
			return fmt.Errorf("lock seats: %w", err)
		}
		deleted, err := tx.NewDelete().Model((*presence)(nil)).Where("seats_id = ?", at.seats.ID).Where("person_id = ?", person).Exec(ctx)
		if err != nil {
			return fmt.Errorf("undo check-in: %w", err)
		}
		if n, err := deleted.RowsAffected(); n == 0 {
			return err
		}
		if err := revokeCertificates(ctx, tx, now, at.seats.CourseRunID, person); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, "undo check-in", at.seats.ID)
	})
}

func (d *DB) changePresence(ctx context.Context, actor Actor, in PresenceInput, action string, shape Shape,
	change func(ctx context.Context, tx bun.Tx, now time.Time, at *gate, person ID) error) (*Attendee, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	seats, person, err := d.whoIsMeant(ctx, actor, in)
	if err != nil {
		return nil, err
	}
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		at, err := viewIn(tx, actor, now).gate(ctx, seats)
		if err != nil {
			return err
		}
		if refusal := at.refusal(now); refusal != nil {
			return refusal
		}
		if err := change(ctx, tx, now, at, person); err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d.attendee(ctx, actor, seats, person, shape)
}

// whoIsMeant returns the seats and the person that an input names to somebody who may check people in there.
func (d *DB) whoIsMeant(ctx context.Context, actor Actor, in PresenceInput) (seats, person ID, err error) {
	v := d.view(actor)
	if in.RegistrationID != nil {
		if in.SeatsID != nil || in.PersonID != nil || in.Code != nil {
			return ID{}, ID{}, problem(CodeInvalid, "input.registrationId", "Name a registration, or seats with a person or a code.")
		}
		rows, err := byID[Registration](ctx, v.tx, []ID{*in.RegistrationID})
		if err != nil {
			return ID{}, ID{}, err
		}
		r := rows[*in.RegistrationID]
		if r == nil {
			return ID{}, ID{}, noGate("input.registrationId")
		}
		if _, err := v.gate(ctx, r.SeatsID); err != nil {
			return ID{}, ID{}, noGate("input.registrationId")
		}
		return r.SeatsID, r.PersonID, nil
	}
	if in.SeatsID == nil || (in.PersonID == nil) == (in.Code == nil) {
		return ID{}, ID{}, problem(CodeRequired, "input.seatsId", "Name a registration, or seats with a person or a code.")
	}
	if _, err := v.gate(ctx, *in.SeatsID); err != nil { // before a word about the code
		return ID{}, ID{}, err
	}
	if in.PersonID != nil {
		return *in.SeatsID, *in.PersonID, nil
	}
	person, err = d.personOfCode(ctx, *in.SeatsID, *in.Code)
	return *in.SeatsID, person, err
}

// personOfCode finds who has the code among those who are registered on the seats.
func (d *DB) personOfCode(ctx context.Context, seats ID, text string) (ID, error) {
	code, ok := readSpokenCode(text, checkInDigits)
	if !ok {
		return ID{}, problem(CodeInvalid, "input.code", "This code was mistyped; it has eight characters, none of them 0, O, 1, I, L or U.")
	}
	key, err := d.macKey(ctx)
	if err != nil {
		return ID{}, err
	}
	var registered []*Registration
	if err := d.read.NewSelect().Model(&registered).Column("id", "person_id").Where("seats_id = ?", seats).Where("status IN (?)", bun.List(active)).Scan(ctx); err != nil {
		return ID{}, fmt.Errorf("who is registered: %w", err)
	}
	var people []ID
	for _, r := range registered {
		if checkInCode(key, r.ID) == code {
			people = append(people, r.PersonID)
		}
	}
	switch len(people) {
	case 0:
		return ID{}, problem(CodeNotFound, "input.code", "Nobody who is registered here has this code; look for the name.")
	case 1:
		return people[0], nil
	}
	return ID{}, problem(CodeConflict, "input.code", "By chance, two people here have this code; look for the name.")
}

// gate is where people are checked in: seats, and what is known of their meeting.
type gate struct {
	seats *Seats
	*occasion
}

func noGate(field string) error {
	return problem(CodeNotFound, field, "There is no such meeting, or none that you may check people in for.")
}

// gate returns the seats to somebody who may check people in there, and an Error to everybody else.
func (v view) gate(ctx context.Context, seats ID) (*gate, error) {
	rows, err := byID[Seats](ctx, v.tx, []ID{seats})
	if err != nil {
		return nil, err
	}
	if v.actor.Anonymous() || rows[seats] == nil {
		return nil, noGate("input.seatsId")
	}
	occasions, err := v.occasions(ctx, []ID{seats})
	if err != nil {
		return nil, err
	}
	at := &gate{rows[seats], occasions[seats]}
	if at.organisedBy(v.actor) {
		return at, nil
	}
	trained, err := v.trainedRuns(ctx, distinct([]ID{at.occasion.CourseRunID}))
	if err != nil {
		return nil, err
	}
	if !trained[at.occasion.CourseRunID] || !at.on() && !at.cancelled() {
		return nil, noGate("input.seatsId")
	}
	return at, nil
}

// opens is from when people can be checked in: the day before the meeting, when the first arrive.
func (o *occasion) opens() time.Time {
	if o.StartsOn == "" {
		return time.Date(o.Year, 1, 1, 0, 0, 0, 0, o.zone())
	}
	return startOfDay(o.StartsOn.AddDays(-1), o.TimeZone)
}

// over reports whether the meeting has ended, as far as is known when. The occasion has to come from occasions.
func (o *occasion) over(now time.Time) bool {
	switch {
	case o.EndsAt != nil:
		return !now.Before(*o.EndsAt)
	case o.EndsOn != "":
		return !now.Before(startOfDay(o.EndsOn.AddDays(1), o.TimeZone))
	}
	return !now.Before(time.Date(o.Year+1, 1, 1, 0, 0, 0, 0, o.zone()))
}

// refusal says why nobody can be checked in now; nil when that is possible.
func (g *gate) refusal(now time.Time) error {
	switch {
	case g.cancelled():
		return problem(CodeConflict, "input.seatsId", "This meeting was cancelled.")
	case !g.on():
		return problem(CodeConflict, "input.seatsId", "This meeting is not published yet.")
	case g.ForgottenAt != nil:
		return problem(CodeDeadline, "input.seatsId", "The personal data of this meeting is gone already.")
	case now.Before(g.opens()):
		return problem(CodeConflict, "input.seatsId", "Check-in opens on %s, the day before the meeting.", g.opens().Format("2 January 2006"))
	}
	return nil
}

// enter writes down that somebody is there, once.
func (g *gate) enter(ctx context.Context, tx bun.Tx, now time.Time, actor Actor, p *presence, action string) error {
	p.SeatsID, p.At, p.RecordedBy = g.seats.ID, now, actor.PersonID
	inserted, err := tx.NewInsert().Model(p).On("CONFLICT (seats_id, person_id) DO NOTHING").Returning("NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("insert attendance: %w", err)
	}
	if n, err := inserted.RowsAffected(); n == 0 {
		return err
	}
	return audit(ctx, tx, now, actor, action, g.seats.ID)
}
