package db

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// WalkInInput is somebody who came without a registration: a person who is known, or one by name.
type WalkInInput struct {
	IdempotencyKey string
	SeatsID        ID
	PersonID       *ID     // of somebody whom the actor may know of
	Name           *string // of anybody else
	Organisation   *string // whom the newcomer works for, by name
	Email          *string // finds somebody who is known already; without it there is no mail afterwards
}

// CheckInWalkIn writes down that somebody is there who is not registered. It may go beyond the capacity, since the person has come
// already; it gives no place, so the waiting list stays as it is. Who has a place after all is checked in with it. The same key with the same input
// does nothing twice. It is for those who may CheckIn.
func (d *DB) CheckInWalkIn(ctx context.Context, actor Actor, in WalkInInput, shape Shape) (*Attendee, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	hash, err := inputHash(in)
	if err != nil {
		return nil, err
	}
	var came ID
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		v := viewIn(tx, actor, now)
		at, err := v.gate(ctx, in.SeatsID)
		if err != nil {
			return err
		}
		if refusal := at.refusal(now); refusal != nil {
			return refusal
		}
		if problem := checkKey(in.IdempotencyKey); problem != nil {
			return problem
		}
		if came, err = replayed(ctx, tx, actor, in.IdempotencyKey, hash); err != nil || !came.IsZero() {
			return err
		}
		person, err := v.walkIn(ctx, tx, in)
		if err != nil {
			return err
		}
		came = person.ID
		registered, err := registeredOn(ctx, tx, at.seats.ID, []ID{came})
		if err != nil {
			return err
		}
		p := &presence{PersonID: came, OrganisationID: person.OrganisationID, WalkIn: !slices.Contains(having, registered[came])}
		if err := at.enter(ctx, tx, now, actor, p, "check in walk-in"); err != nil {
			return err
		}
		return remember(ctx, tx, now, actor, in.IdempotencyKey, hash, came)
	})
	if err != nil {
		return nil, err
	}
	return d.attendee(ctx, actor, in.SeatsID, came, shape)
}

// walkIn finds the person who is meant, or writes a new one.
func (v view) walkIn(ctx context.Context, tx bun.Tx, in WalkInInput) (*Person, error) {
	if in.PersonID != nil {
		if in.Name != nil || in.Organisation != nil || in.Email != nil {
			return nil, problem(CodeInvalid, "input.personId", "Name either somebody who is known or somebody new.")
		}
		known, err := v.knownPeople(ctx, []ID{*in.PersonID}, nil)
		if err != nil {
			return nil, err
		}
		if p := known[*in.PersonID]; p != nil && p.ErasedAt == nil {
			return p, nil
		}
		return nil, problem(CodeNotFound, "input.personId", "There is no such person, or none that you may know of; give the name.")
	}
	newcomer, problems := in.newcomer()
	if len(problems) > 0 {
		return nil, problems
	}
	if newcomer.address != "" {
		if err := insertNewPeople(ctx, tx, v.now, []*recipient{newcomer}); err != nil {
			return nil, err
		}
		return newcomer.person, nil
	}
	employers, err := employersOf(ctx, tx, []*recipient{newcomer})
	if err != nil {
		return nil, err
	}
	p := newcomer.newPerson(v.now, employers)
	p.Address = nil
	if _, err := tx.NewInsert().Model(p).Returning("NULL").Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert person: %w", err)
	}
	return p, nil
}

// newcomer reads what was typed about somebody new.
func (in WalkInInput) newcomer() (*recipient, Errors) {
	var problems Errors
	text := func(field string, value *string) string {
		if value == nil {
			return ""
		}
		clean := strings.Join(strings.Fields(*value), " ")
		if len([]rune(clean)) > 200 || hasControl(clean) {
			problems = append(problems, problem(CodeInvalid, "input."+field, "Use at most 200 characters, none of them special."))
		}
		return clean
	}
	r := &recipient{name: text("name", in.Name), employer: text("organisation", in.Organisation)}
	if r.name == "" {
		problems = append(problems, problem(CodeRequired, "input.name", "Give the name."))
	}
	if in.Email != nil && strings.TrimSpace(*in.Email) != "" {
		address, ok := normalAddress(*in.Email)
		if !ok {
			problems = append(problems, problem(CodeInvalid, "input.email", "This is not a mail address."))
		}
		r.address = address
	}
	return r, problems
}
