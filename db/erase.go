package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// EraseMe erases what is held about the actor, as ErasePerson does, if that is confirmed.
func (d *DB) EraseMe(ctx context.Context, actor Actor, confirmed bool) (*time.Time, error) {
	switch {
	case actor.Anonymous():
		return nil, notSignedIn()
	case !confirmed:
		return nil, problem(CodeRequired, "input.confirm", "Confirm that everything held about you is to be erased; there is no way back.")
	}
	return d.erasePerson(ctx, actor, actor.PersonID)
}

// ErasePerson erases what is held about a person, by an administrator. What is left of the person is a pseudonym, so that numbers
// stay right: registrations keep their organisation and status, mails their state, the audit log its ids. Places in meetings that
// have not begun are given up, so that the next in line gets them; mails that have not left are cancelled; tokens and roles end
// at once. An address that took no mail from here takes none for whoever comes back with it, and nothing but a keyed hash
// remembers it. No mail confirms the erasure, since the address would have to outlive it. It returns when the person was erased;
// erasing again changes nothing and returns the same.
func (d *DB) ErasePerson(ctx context.Context, actor Actor, id ID) (*time.Time, error) {
	switch {
	case actor.Anonymous():
		return nil, notSignedIn()
	case !actor.mayErase(id):
		return nil, problem(CodeForbidden, "input.personId", "Only administrators can erase other people.")
	}
	return d.erasePerson(ctx, actor, id)
}

// mayErase reports whether the actor may have what is held about the person erased.
func (a Actor) mayErase(person ID) bool {
	return a.Administrator || !a.Anonymous() && a.PersonID == person
}

func (d *DB) erasePerson(ctx context.Context, actor Actor, id ID) (*time.Time, error) {
	if _, err := d.macKey(ctx); err != nil { // before the transaction: making the key needs one of its own
		return nil, err
	}
	var done *time.Time
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		p := new(Person)
		ok, err := found(d.locked(tx.NewSelect().Model(p)).Where("id = ?", id).Scan(ctx))
		switch {
		case err != nil:
			return fmt.Errorf("person: %w", err)
		case !ok:
			return problem(CodeNotFound, "input.personId", "There is no such person.")
		case p.ErasedAt != nil:
			done = p.ErasedAt
			return nil
		}
		if err := d.indispensable(ctx, tx, id); err != nil {
			return err
		}
		done = &now
		if err := d.erase(ctx, tx, now, p); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, "erase person", id)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	return done, nil
}

// indispensable refuses to erase somebody without whom a partnership has no lead or the installation no administrator.
func (d *DB) indispensable(ctx context.Context, tx bun.Tx, person ID) error {
	var leads []ID // under lock, as whoever dismisses coordinators has it
	if err := d.locked(tx.NewSelect().Model((*Member)(nil)).Column("id")).Where("role = ?", RoleLead).
		Where("id IN (SELECT member_id FROM coordinators WHERE person_id = ?)", person).Order("id").Scan(ctx, &leads); err != nil {
		return fmt.Errorf("members that the person leads for: %w", err)
	}
	for _, member := range leads {
		others, err := tx.NewSelect().Model((*coordinator)(nil)).Where("member_id = ?", member).Where("person_id <> ?", person).Exists(ctx)
		if err != nil {
			return fmt.Errorf("other coordinators: %w", err)
		}
		if !others {
			return problem(CodeConflict, "", "This is the last coordinator of who leads a partnership; appoint another one first.")
		}
	}
	var administrators []ID // all of them under lock, so that two do not erase each other
	if err := d.locked(tx.NewSelect().TableExpr("administrators").Column("person_id")).Order("person_id").Scan(ctx, &administrators); err != nil {
		return fmt.Errorf("administrators: %w", err)
	}
	if len(administrators) == 1 && administrators[0] == person {
		return problem(CodeConflict, "", "This is the only administrator; appoint another one first.")
	}
	return nil
}

// erase erases what is held about a locked person.
func (d *DB) erase(ctx context.Context, tx bun.Tx, now time.Time, p *Person) error {
	if err := d.leaveMeetings(ctx, tx, now, p.ID); err != nil {
		return err
	}
	if err := d.stopMails(ctx, tx, now, p.ID); err != nil {
		return err
	}
	if p.Address != nil {
		if err := d.rememberAddress(ctx, tx, p.ID, *p.Address); err != nil {
			return err
		}
	}
	if err := eraseTraces(ctx, tx, p.ID); err != nil {
		return err
	}
	if _, err := tx.NewUpdate().Model(pseudonym(p.ID, now)).ExcludeColumn("created_at").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("erase person: %w", err)
	}
	return nil
}

// pseudonym is what is left of a person.
func pseudonym(id ID, now time.Time) *Person {
	return &Person{ID: id, Name: Erased, Language: English, CreatedAt: now, ErasedAt: &now}
}

// leaveMeetings takes a person out of all meetings that have not begun: places go to the next in line, invitations end. Who had a
// place in a meeting that has begun took part, and stays counted.
func (d *DB) leaveMeetings(ctx context.Context, tx bun.Tx, now time.Time, person ID) error {
	var invitations []*Invitation // locked first, as an answer has them
	if err := d.locked(tx.NewSelect().Model(&invitations)).Where("person_id = ?", person).
		Where("status IN (?)", bun.List([]InvitationStatus{InvitationPending, InvitationUndelivered, InvitationAccepted})).Order("id").Scan(ctx); err != nil {
		return fmt.Errorf("invitations: %w", err)
	}
	var ids []ID
	if err := tx.NewSelect().Model((*Registration)(nil)).Column("registration.id").Join("JOIN seats ON seats.id = registration.seats_id").
		Where("registration.person_id = ?", person).Where("registration.status IN (?)", bun.List(active)).
		OrderExpr("CASE WHEN seats.session_id IS NULL THEN 0 ELSE 1 END, seats.id").Scan(ctx, &ids); err != nil {
		return fmt.Errorf("registrations: %w", err)
	}
	for _, id := range ids {
		seats, r, err := d.lockRegistration(ctx, tx, now, id)
		if err != nil {
			return err
		}
		if r.Status == Confirmed && !now.Before(seats.occasion.closes(new(Seats))) {
			continue
		}
		if err := d.cancelRegistration(ctx, tx, now, seats, r, person); err != nil {
			return err
		}
	}
	v := viewIn(tx, Actor{Administrator: true}, now)
	editions, err := v.loadEditions(ctx, idsBy(invitations, func(i *Invitation) ID { return i.EditionID }), nil)
	if err != nil {
		return err
	}
	runs, err := v.loadCourseRuns(ctx, idsBy(invitations, func(i *Invitation) ID { return i.CourseRunID }), nil)
	if err != nil {
		return err
	}
	for _, i := range invitations {
		begun := false
		if e := editions[i.EditionID]; e != nil {
			starts, dated := e.starts()
			begun = dated && !now.Before(starts) || !dated && e.Year < now.Year()
		} else if r := runs[i.CourseRunID]; r != nil {
			begun = !now.Before(r.starts())
		}
		if begun {
			continue
		}
		had := i.Status
		if i.Status = InvitationWithdrawn; had == InvitationAccepted {
			i.Status, i.RespondedAt = InvitationDeclined, &now
		}
		if _, err := tx.NewUpdate().Model(i).Column("status", "responded_at").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("end invitation: %w", err)
		}
		if err := countAnswer(ctx, tx, i.CampaignID, had, i.Status); err != nil {
			return err
		}
	}
	return nil
}

// stopMails cancels the mails to a person that have not left. One that is on its way is settled by who sends it.
func (d *DB) stopMails(ctx context.Context, tx bun.Tx, now time.Time, person ID) error {
	// The campaigns first, in the order in which whoever settles mails locks them.
	if _, err := d.locked(tx.NewSelect().Model((*Campaign)(nil)).Column("id")).
		Where("id IN (SELECT campaign_id FROM deliveries WHERE person_id = ? AND state = ?)", person, Queued).Order("id").Exec(ctx); err != nil {
		return fmt.Errorf("lock campaigns: %w", err)
	}
	stop := tx.NewUpdate().Model((*Delivery)(nil)).Set("state = ?", DeliveryCanceled).
		Where("person_id = ?", person).Where("state = ?", Queued)
	return settleAndCount(ctx, tx, now, stop, DeliveryCanceled)
}

// rememberAddress keeps a keyed hash of an address that takes no mail from here or wants no invitations, in place of the address.
func (d *DB) rememberAddress(ctx context.Context, tx bun.Tx, person ID, address string) error {
	key, err := d.storedKey(ctx, tx)
	if err != nil {
		return err
	}
	hash := addressHash(key, address)
	if err := rememberOptOut(ctx, tx, hash, person); err != nil {
		return err
	}
	return rememberSuppression(ctx, tx, hash, address)
}

// FinishErasures erases what arrived about people while they were erased: an error of a mail that was on its way, a registration or
// a token of a request that had begun before. It is for a sweep, and returns how many people it concerned.
func (d *DB) FinishErasures(ctx context.Context) (int, error) {
	var left []ID
	if err := d.read.NewSelect().Model((*Person)(nil)).Column("id").Where("erased_at > ?", d.now().AddDate(0, 0, -7)).
		WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("EXISTS (SELECT 1 FROM deliveries AS x WHERE x.person_id = person.id AND (x.last_error IS NOT NULL OR x.state = ?))", Queued).
				WhereOr("EXISTS (SELECT 1 FROM access_tokens AS x WHERE x.person_id = person.id)").
				WhereOr("EXISTS (SELECT 1 FROM sign_in_links AS x WHERE x.person_id = person.id)").
				WhereOr("EXISTS (SELECT 1 FROM registrations AS x WHERE x.person_id = person.id AND x.status IN (?) AND x.registered_at >= person.erased_at)", bun.List(active))
		}).Scan(ctx, &left); err != nil {
		return 0, fmt.Errorf("erasures to finish: %w", err)
	}
	for _, id := range left {
		if err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
			p := new(Person)
			if err := d.locked(tx.NewSelect().Model(p)).Where("id = ?", id).Scan(ctx); err != nil {
				return err
			}
			at := *p.ErasedAt
			if err := d.erase(ctx, tx, now, p); err != nil {
				return err
			}
			_, err := tx.NewUpdate().Model((*Person)(nil)).Set("erased_at = ?", at).Where("id = ?", id).Exec(ctx)
			return err
		}); err != nil {
			return 0, fmt.Errorf("finish erasure: %w", err)
		}
	}
	return len(left), nil
}
