package db

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// NameDelegatesInput names people for places of a delegation: people who are known, and new ones.
type NameDelegatesInput struct {
	DelegationID ID
	PersonIDs    []ID
	People       []NewPersonInput
}

// NewPersonInput is a colleague who is not known yet.
type NewPersonInput struct {
	Name     string
	Email    string
	JobTitle *string
	Locale   *Locale // nil: that of whoever names the person
}

const maxNewPeople = 100

// NameDelegates registers people of the organisation for the edition, within the number of places and until the date. People who
// are registered already fill a place too. Any problem holds back all of it.
func (d *DB) NameDelegates(ctx context.Context, actor Actor, in NameDelegatesInput, shape Shape) (*Delegation, error) {
	return d.answerDelegation(ctx, actor, in.DelegationID, "name delegates", shape, func(ctx context.Context, tx bun.Tx, now time.Time, g *Delegation) error {
		if len(in.PersonIDs)+len(in.People) == 0 {
			return problem(CodeRequired, "input.personIds", "Name at least one person.")
		}
		if len(in.PersonIDs) > maxPlaces || len(in.People) > maxNewPeople {
			return problem(CodeTooLarge, "input.personIds", "Name at most %d known and %d new people at once.", maxPlaces, maxNewPeople)
		}
		people, err := namedPeople(ctx, tx, now, actor, g.OrganisationID, in)
		if err != nil {
			return err
		}
		var of ID
		if err := tx.NewSelect().Model((*Seats)(nil)).Column("id").Where("edition_id = ?", g.EditionID).Scan(ctx, &of); err != nil {
			return fmt.Errorf("seats: %w", err)
		}
		invitations, err := d.lockInvitations(ctx, tx, of, idsOf(people))
		if err != nil {
			return err
		}
		seats, err := d.lockSeats(ctx, tx, now, "edition_id", g.EditionID)
		if err != nil {
			return err
		}
		if err := d.enterDelegates(ctx, tx, now, actor, g, seats, people); err != nil {
			return err
		}
		for _, i := range invitations {
			if err := i.become(ctx, tx, now, InvitationAccepted); err != nil {
				return err
			}
		}
		return answered(ctx, tx, now, g, DelegationAnswered)
	})
}

// enterDelegates registers people on locked seats and ties them to the delegation, as far as it has places.
func (d *DB) enterDelegates(ctx context.Context, tx bun.Tx, now time.Time, actor Actor, g *Delegation, seats *lockedSeats, people []*Person) error {
	var registered []*Registration
	if err := tx.NewSelect().Model(&registered).Where("seats_id = ?", seats.ID).Where("status IN (?)", bun.List(active)).
		Where("person_id IN (?)", bun.List(idsOf(people))).Scan(ctx); err != nil {
		return fmt.Errorf("registered delegates: %w", err)
	}
	had := map[ID]ID{}
	for _, r := range registered {
		had[r.PersonID] = r.ID
	}
	var links []*delegate
	for n, p := range people {
		id, ok := had[p.ID]
		if !ok {
			id = NewID(KindRegistration, now)
			if err := d.register(ctx, tx, now, seats, id, p, actor.PersonID); err != nil {
				if refused, ok := errors.AsType[*Error](err); ok {
					return problemAt(n, refused.Code, "input.personIds", "%s: %s", p.Name, refused.Message)
				}
				return err
			}
		}
		links = append(links, &delegate{RegistrationID: id, DelegationID: g.ID})
	}
	for _, link := range links { // whoever was named before stays where they are
		if _, err := tx.NewInsert().Model(link).On("CONFLICT (registration_id) DO NOTHING").Exec(ctx); err != nil {
			return fmt.Errorf("insert delegate: %w", err)
		}
	}
	filled, err := tx.NewSelect().Model((*delegate)(nil)).Join("JOIN registrations AS registration ON registration.id = delegate.registration_id").
		Where("delegate.delegation_id = ?", g.ID).Where("registration.status IN (?)", bun.List(active)).Count(ctx)
	if err != nil {
		return fmt.Errorf("count delegates: %w", err)
	}
	if int(filled) > g.Places {
		return problem(CodeTooLarge, "input.personIds", "Your organisation has %d places here; with these it would have %d people. Name fewer, or cancel somebody first.", g.Places, filled)
	}
	return nil
}

// namedPeople finds the people who are named and writes those who are new. All must work for the organisation.
func namedPeople(ctx context.Context, tx bun.Tx, now time.Time, actor Actor, organisation ID, in NameDelegatesInput) ([]*Person, error) {
	known, err := byID[Person](ctx, tx, in.PersonIDs)
	if err != nil {
		return nil, err
	}
	self := new(Person)
	if err := tx.NewSelect().Model(self).Where("id = ?", actor.PersonID).Scan(ctx); err != nil {
		return nil, fmt.Errorf("coordinator: %w", err)
	}
	var problems Errors
	var people []*Person
	seen := map[ID]bool{}
	for n, id := range in.PersonIDs {
		p := known[id]
		if p == nil || p.OrganisationID != organisation {
			problems = append(problems, problemAt(n, CodeNotFound, "input.personIds", "Nobody of your organisation is meant by this."))
			continue
		}
		if !seen[p.ID] {
			seen[p.ID] = true
			people = append(people, p)
		}
	}
	for n, newcomer := range in.People {
		p, refused, err := newColleague(ctx, tx, now, organisation, self.Language, newcomer)
		switch {
		case err != nil:
			return nil, err
		case refused != nil:
			refused.Index = &n
			problems = append(problems, refused)
		case !seen[p.ID]:
			seen[p.ID] = true
			people = append(people, p)
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return people, nil
}

// newColleague writes a person who works for the organisation, or finds the one with the address.
func newColleague(ctx context.Context, tx bun.Tx, now time.Time, organisation ID, language Locale, in NewPersonInput) (*Person, *Error, error) {
	name := strings.Join(strings.Fields(in.Name), " ")
	address, ok := normalAddress(in.Email)
	switch {
	case name == "" || len([]rune(name)) > 200 || hasControl(name):
		return nil, problem(CodeInvalid, "input.people", "Give a name of at most 200 characters."), nil
	case !ok:
		return nil, problem(CodeInvalid, "input.people", "%s: this is not a mail address.", name), nil
	case in.JobTitle != nil && (len([]rune(*in.JobTitle)) > 200 || hasControl(*in.JobTitle)):
		return nil, problem(CodeInvalid, "input.people", "%s: use at most 200 characters for the job title.", name), nil
	}
	if in.Locale != nil {
		if !in.Locale.known() {
			return nil, problem(CodeInvalid, "input.people", "%s: mails are written in nl, de and en.", name), nil
		}
		language = *in.Locale
	}
	p := &Person{ID: NewID(KindPerson, now), OrganisationID: organisation, Name: name, Address: &address, JobTitle: in.JobTitle, Language: language, CreatedAt: now}
	if _, err := tx.NewInsert().Model(p).On("CONFLICT (email) DO NOTHING").Returning("NULL").Exec(ctx); err != nil {
		return nil, nil, fmt.Errorf("insert person: %w", err)
	}
	p = new(Person)
	if err := tx.NewSelect().Model(p).Where("email = ?", address).Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("person by address: %w", err)
	}
	if p.OrganisationID != organisation {
		return nil, problem(CodeConflict, "input.people", "%s: this address belongs to somebody outside your organisation.", name), nil
	}
	return p, nil, nil
}

// DeclineDelegation says that the organisation sends nobody. Those named before are not cancelled by it; it is refused while any
// of them is registered.
func (d *DB) DeclineDelegation(ctx context.Context, actor Actor, id ID, shape Shape) (*Delegation, error) {
	return d.answerDelegation(ctx, actor, id, "decline delegation", shape, func(ctx context.Context, tx bun.Tx, now time.Time, g *Delegation) error {
		comes, err := tx.NewSelect().Model((*delegate)(nil)).Join("JOIN registrations AS registration ON registration.id = delegate.registration_id").
			Where("delegate.delegation_id = ?", g.ID).Where("registration.status IN (?)", bun.List(active)).Exists(ctx)
		if err != nil {
			return fmt.Errorf("delegates: %w", err)
		}
		if comes {
			return problem(CodeConflict, "input.delegationId", "People of your organisation are registered; cancel their registrations first.")
		}
		return answered(ctx, tx, now, g, DelegationDeclined)
	})
}

func answered(ctx context.Context, tx bun.Tx, now time.Time, g *Delegation, status DelegationStatus) error {
	g.Status, g.AnsweredAt = status, &now
	if _, err := tx.NewUpdate().Model(g).Column("status", "answered_at").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("answer delegation: %w", err)
	}
	return nil
}

// answerDelegation locks a delegation for somebody who may answer for the organisation while there is time.
func (d *DB) answerDelegation(ctx context.Context, actor Actor, id ID, action string, shape Shape,
	answer func(context.Context, bun.Tx, time.Time, *Delegation) error) (*Delegation, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		g, e := new(Delegation), new(Edition)
		ok, err := found(d.locked(tx.NewSelect().Model(g)).Where("id = ?", id).Scan(ctx))
		if err != nil {
			return fmt.Errorf("delegation: %w", err)
		}
		if ok {
			if err := tx.NewSelect().Model(e).Where("id = ?", g.EditionID).Scan(ctx); err != nil {
				return fmt.Errorf("edition: %w", err)
			}
		}
		switch {
		case !ok || !actor.mayAnswerFor(e.PartnershipID, g.OrganisationID):
			return problem(CodeNotFound, "input.delegationId", "There is no such invitation to an organisation that you coordinate.")
		case e.Status != EditionPublished:
			return problem(CodeConflict, "input.delegationId", "This meeting was cancelled.")
		case !now.Before(g.RespondBy):
			return problem(CodeDeadline, "input.delegationId", "This could be answered until %s; ask the organisers.", g.RespondBy.Format("2 January 2006 15:04 MST"))
		}
		if err := answer(ctx, tx, now, g); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, action, g.ID)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	rows, err := d.loadDelegations(ctx, actor, []ID{id}, shape)
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// DelegationDesk is what the page of a delegation shows its coordinator.
type DelegationDesk struct {
	Coordinator *Person
	Delegation  *Delegation // with edition and named
	Colleagues  []*Person   // of the organisation, by name, who are not named yet
	Closed      bool        // nothing can be named any more
	actor       Actor
}

// maxColleagues is how many people the page of a delegation offers; a coordinator of more types names.
const maxColleagues = 500

// DelegationToken returns the token of a coordinator's personal link to a delegation.
func (d *DB) DelegationToken(ctx context.Context, delegation, coordinator ID) (string, error) {
	mac, err := d.mac(ctx, "delegation "+coordinator.uuid(), delegation[:])
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(append(delegation[:], coordinator[:]...), mac...)), nil
}

// Desk returns what the token of a coordinator's link opens; nil when it stands for nothing, or for somebody who does not
// coordinate for the organisation any more.
func (d *DB) Desk(ctx context.Context, token string) (*DelegationDesk, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	var delegation, coordinator ID
	if err != nil || len(raw) != 2*len(delegation)+20 {
		return nil, nil
	}
	copy(delegation[:], raw)
	copy(coordinator[:], raw[len(delegation):])
	if right, err := d.DelegationToken(ctx, delegation, coordinator); err != nil || !hmac.Equal([]byte(right), []byte(token)) {
		return nil, err
	}
	actor := Actor{PersonID: coordinator}
	v := d.view(actor)
	if err := v.roles(ctx, &actor); err != nil {
		return nil, err
	}
	v = d.view(actor)
	g, err := v.knownDelegation(ctx, delegation, Shape{"edition": {"host": nil}, "named": {"person": nil}})
	if g == nil || err != nil || g.Edition == nil || !actor.mayAnswerFor(g.Edition.PartnershipID, g.OrganisationID) {
		return nil, err
	}
	desk := &DelegationDesk{Delegation: g, actor: actor, Closed: g.Edition.Status != EditionPublished || !v.now.Before(g.RespondBy)}
	if desk.Coordinator, err = d.person(ctx, actor, coordinator, nil); err != nil {
		return nil, err
	}
	named := append(idsBy(g.Named, func(r *Registration) ID { return r.PersonID }), unknownID)
	if err := v.tx.NewSelect().Model(&desk.Colleagues).Where("organisation_id = ?", g.OrganisationID).Where("id NOT IN (?)", bun.List(named)).
		Order("name", "id").Limit(maxColleagues).Scan(ctx); err != nil {
		return nil, fmt.Errorf("colleagues: %w", err)
	}
	return desk, v.finish(ctx, nil)
}

// AnswerDesk names people, or nobody at all, by the token of a coordinator's link; nil when the token stands for nothing, and
// an Error when it cannot be done.
func (d *DB) AnswerDesk(ctx context.Context, token string, in NameDelegatesInput, decline bool) (*Delegation, error) {
	desk, err := d.Desk(ctx, token)
	if desk == nil || err != nil {
		return nil, err
	}
	if decline {
		return d.DeclineDelegation(ctx, desk.actor, desk.Delegation.ID, nil)
	}
	in.DelegationID = desk.Delegation.ID
	return d.NameDelegates(ctx, desk.actor, in, nil)
}
