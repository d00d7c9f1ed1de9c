package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Delegation is an invitation to an organisation: so many places in an edition, for people whom its coordinators name until a
// date. Those named are registered like anybody else, by the coordinator.
type Delegation struct {
	bun.BaseModel `bun:"table:delegations,alias:delegation"`

	ID             ID `bun:",pk"`
	EditionID      ID
	OrganisationID ID
	Places         int // that the organisation may fill at most
	RespondBy      time.Time
	Message        string // Markdown with fields, as invitations have it; "": none
	Status         DelegationStatus
	CreatedBy      ID
	CreatedAt      time.Time
	AnsweredAt     *time.Time
	RemindedAt     *time.Time // last

	Edition      *Edition        `bun:"-"`
	Named        []*Registration `bun:"-"` // who comes or waits, in the order of naming
	organisation *Organisation
}

// DelegationStatus is what an organisation answered.
type DelegationStatus string

// The statuses of delegations.
const (
	DelegationOpen     DelegationStatus = "OPEN"
	DelegationAnswered DelegationStatus = "ANSWERED" // it has named people
	DelegationDeclined DelegationStatus = "DECLINED" // it sends nobody
)

func (g *Delegation) id() ID { return g.ID }

// Organisation returns who is invited, if the shape asked for it.
func (g *Delegation) Organisation() Party { return g.organisation.party() }

// InvitedParty returns the name of who is invited, "" when that is not loaded.
func (g *Delegation) InvitedParty() string { return g.organisation.name() }

// delegate ties a registration to the delegation that it fills a place of.
type delegate struct {
	bun.BaseModel `bun:"table:delegates,alias:delegate"`

	RegistrationID ID `bun:",pk"`
	DelegationID   ID
}

// mayAnswerFor reports whether the actor may name the people of the organisation: its coordinators in the partnership that holds
// the edition may, and nobody else, not even the organisers.
func (a Actor) mayAnswerFor(partnership, organisation ID) bool {
	for _, c := range a.Coordinates {
		if c.PartnershipID == partnership && c.OrganisationID == organisation {
			return true
		}
	}
	return false
}

// InviteDelegationsInput invites organisations to an edition.
type InviteDelegationsInput struct {
	EditionID   ID
	Delegations []DelegationInput
	RespondBy   time.Time
	Message     *string
}

// DelegationInput is one of the organisations.
type DelegationInput struct {
	OrganisationID ID
	Places         int
}

const (
	maxDelegations = 500
	maxPlaces      = 1000
)

// InviteDelegations invites organisations and mails their coordinators. Inviting one again changes its places and the date, and
// mails nobody a second time. Any problem holds back all of it.
func (d *DB) InviteDelegations(ctx context.Context, actor Actor, in InviteDelegationsInput, shape Shape) ([]*Delegation, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	var ids []ID
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		ids = nil
		e, err := d.lockDelegations(ctx, tx, now, actor, in.EditionID)
		if err != nil {
			return err
		}
		words, problems := in.check(d, now, e)
		if len(problems) > 0 {
			return problems
		}
		known, err := delegationsOf(ctx, tx, e.ID)
		if err != nil {
			return err
		}
		var fresh []*Delegation
		coordinators := map[ID][]ID{}
		for n, asked := range in.Delegations {
			if had := known[asked.OrganisationID]; had != nil {
				had.Places, had.RespondBy = asked.Places, in.RespondBy
				if _, err := tx.NewUpdate().Model(had).Column("places", "respond_by").WherePK().Exec(ctx); err != nil {
					return fmt.Errorf("change delegation: %w", err)
				}
				ids = append(ids, had.ID)
				continue
			}
			g := &Delegation{
				ID: NewID(KindDelegation, now), EditionID: e.ID, OrganisationID: asked.OrganisationID, Places: asked.Places,
				RespondBy: in.RespondBy.UTC().Truncate(time.Microsecond), Status: DelegationOpen, CreatedBy: actor.PersonID, CreatedAt: now,
				Message: words.message,
			}
			if coordinators[g.ID], err = coordinatorsOf(ctx, tx, e.PartnershipID, g.OrganisationID); err != nil {
				return err
			}
			if len(coordinators[g.ID]) == 0 {
				problems = append(problems, problemAt(n, CodeConflict, "input.delegations", "Nobody with a mail address coordinates for this organisation in the partnership; appoint a coordinator first."))
			}
			known[g.OrganisationID] = g
			fresh, ids = append(fresh, g), append(ids, g.ID)
		}
		if len(problems) > 0 {
			return problems
		}
		if err := insertAll(ctx, tx, fresh); err != nil {
			return err
		}
		if err := tellCoordinators(ctx, tx, now, MailDelegation, fresh, coordinators); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, "invite delegations", e.ID)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	return d.loadDelegations(ctx, actor, ids, shape)
}

func (in *InviteDelegationsInput) check(d *DB, now time.Time, e *Edition) (words campaignWords, problems Errors) {
	refuse := func(code ErrorCode, field, text string) {
		problems = append(problems, problem(code, "input."+field, "%s", text))
	}
	switch starts, known := e.starts(); {
	case !in.RespondBy.After(now):
		refuse(CodeInvalid, "respondBy", "Let the organisations answer until a moment in the future.")
	case known && in.RespondBy.After(starts):
		refuse(CodeInvalid, "respondBy", "Let the organisations answer before the meeting starts.")
	}
	if n := len(in.Delegations); n == 0 || n > maxDelegations {
		refuse(CodeInvalid, "delegations", fmt.Sprintf("Invite 1 to %d organisations at once.", maxDelegations))
	}
	words, wrong := d.words(in.Message, nil)
	if len(wrong) == 0 {
		wrong = words.unknown(&target{venue: e.VenueName + e.VenueAddress + e.VenueCity}, true, nil)
	}
	problems = append(problems, wrong...)
	seen := map[ID]bool{}
	for n, asked := range in.Delegations {
		if asked.Places < 1 || asked.Places > maxPlaces {
			problems = append(problems, problemAt(n, CodeInvalid, "input.delegations", "Give each organisation 1 to %d places.", maxPlaces))
		}
		if seen[asked.OrganisationID] {
			problems = append(problems, problemAt(n, CodeInvalid, "input.delegations", "This organisation is named twice."))
		}
		seen[asked.OrganisationID] = true
	}
	return words, problems
}

// problemAt is a problem with an entry of a list.
func problemAt(index int, code ErrorCode, field, format string, args ...any) *Error {
	p := problem(code, field, format, args...)
	p.Index = &index
	return p
}

// lockDelegations locks the edition, whose delegations then nobody else changes, for its organisers.
func (d *DB) lockDelegations(ctx context.Context, tx bun.Tx, now time.Time, actor Actor, id ID) (*Edition, error) {
	e := new(Edition)
	ok, err := found(d.locked(viewIn(tx, actor, now).visible(tx.NewSelect().Model(e))).Where("edition.id = ?", id).Scan(ctx))
	switch {
	case err != nil:
		return nil, fmt.Errorf("edition: %w", err)
	case !ok:
		return nil, problem(CodeNotFound, "input.editionId", "There is no such edition.")
	case !actor.organisesEdition(e.ID, e.PartnershipID, e.HostID):
		return nil, problem(CodeForbidden, "input.editionId", "Only organisers of this edition can invite delegations to it.")
	case e.Status != EditionPublished:
		return nil, problem(CodeConflict, "input.editionId", "Publish this edition before inviting to it; one that is cancelled nobody can be invited to.")
	}
	if starts, known := e.starts(); known && !now.Before(starts) || !known && e.Year < now.Year() {
		return nil, problem(CodeConflict, "input.editionId", "This meeting has begun or is over; nobody can be invited to it.")
	}
	return e, nil
}

func delegationsOf(ctx context.Context, tx bun.IDB, edition ID) (map[ID]*Delegation, error) {
	var rows []*Delegation
	if err := tx.NewSelect().Model(&rows).Where("edition_id = ?", edition).Scan(ctx); err != nil {
		return nil, fmt.Errorf("delegations: %w", err)
	}
	by := make(map[ID]*Delegation, len(rows))
	for _, row := range rows {
		by[row.OrganisationID] = row
	}
	return by, nil
}

// coordinatorsOf returns who coordinates for the organisation in the partnership and can be mailed.
func coordinatorsOf(ctx context.Context, tx bun.IDB, partnership, organisation ID) (people []ID, err error) {
	if err := tx.NewSelect().Model((*coordinator)(nil)).Column("coordinator.person_id").
		Join("JOIN members AS member ON member.id = coordinator.member_id").Join("JOIN people AS person ON person.id = coordinator.person_id").
		Where("member.partnership_id = ?", partnership).Where("member.organisation_id = ?", organisation).
		Where("person.email IS NOT NULL").Order("coordinator.position").Scan(ctx, &people); err != nil {
		return nil, fmt.Errorf("coordinators: %w", err)
	}
	return people, nil
}

// delegationCoordinator is somebody who coordinates for an organisation that may send a delegation.
type delegationCoordinator struct {
	DelegationID ID
	InvitedAt    time.Time
	PersonID     ID
}

// delegationCoordinators returns who coordinates for the organisations of delegations that were not declined and can be mailed, the
// earliest invited first. The column of the delegations has one of the ids.
func delegationCoordinators(ctx context.Context, tx bun.IDB, column bun.Ident, ids []ID) (all []*delegationCoordinator, err error) {
	if err := tx.NewSelect().TableExpr("delegations AS delegation").
		ColumnExpr("delegation.id AS delegation_id, delegation.created_at AS invited_at, coordinator.person_id").
		Join("JOIN editions AS edition ON edition.id = delegation.edition_id").
		Join("JOIN members AS member ON member.partnership_id = edition.partnership_id AND member.organisation_id = delegation.organisation_id").
		Join("JOIN coordinators AS coordinator ON coordinator.member_id = member.id").
		Join("JOIN people AS person ON person.id = coordinator.person_id AND person.email IS NOT NULL").
		Where("delegation.? IN (?)", column, bun.List(append(distinct(ids), unknownID))).Where("delegation.status <> ?", DelegationDeclined).
		OrderExpr("delegation.created_at, delegation.id").Scan(ctx, &all); err != nil {
		return nil, fmt.Errorf("coordinators of delegations: %w", err)
	}
	return all, nil
}

func tellCoordinators(ctx context.Context, tx bun.Tx, now time.Time, kind MailKind, delegations []*Delegation, coordinators map[ID][]ID) error {
	var mails []*Delivery
	for _, g := range delegations {
		for _, person := range coordinators[g.ID] {
			mails = append(mails, &Delivery{Kind: kind, PersonID: person, DelegationID: g.ID, CreatedAt: now, NotBefore: now})
		}
	}
	return queue(ctx, tx, mails...)
}

// remindAgain is how long organisers wait between two reminders to the same organisation.
const remindAgain = 24 * time.Hour

// RemindDelegations reminds the organisations that have not answered an invitation to the edition, and only those: whose time
// is not over, and who were neither invited nor reminded within a day. It returns the reminded.
func (d *DB) RemindDelegations(ctx context.Context, actor Actor, edition ID, shape Shape) ([]*Delegation, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	var ids []ID
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		e, err := d.lockDelegations(ctx, tx, now, actor, edition)
		if err != nil {
			return err
		}
		var open []*Delegation
		if err := tx.NewUpdate().Model((*Delegation)(nil)).Set("reminded_at = ?", now).Where("edition_id = ?", e.ID).
			Where("status = ?", DelegationOpen).Where("respond_by > ?", now).
			Where("coalesce(reminded_at, created_at) <= ?", now.Add(-remindAgain)).Returning("*").Scan(ctx, &open); err != nil {
			return fmt.Errorf("open delegations: %w", err)
		}
		ids = idsOf(open)
		coordinators := map[ID][]ID{}
		for _, g := range open {
			if coordinators[g.ID], err = coordinatorsOf(ctx, tx, e.PartnershipID, g.OrganisationID); err != nil {
				return err
			}
		}
		if err := tellCoordinators(ctx, tx, now, MailDelegationReminder, open, coordinators); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, "remind delegations", e.ID)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	return d.loadDelegations(ctx, actor, ids, shape)
}

func (d *DB) loadDelegations(ctx context.Context, actor Actor, ids []ID, shape Shape) ([]*Delegation, error) {
	v := d.view(actor)
	found, err := byID[Delegation](ctx, v.tx, ids)
	if err != nil {
		return nil, err
	}
	rows := make([]*Delegation, 0, len(ids))
	for _, id := range ids {
		rows = append(rows, found[id])
	}
	return rows, v.finish(ctx, v.delegations(ctx, rows, shape))
}

// DelegationsTo lists the delegations of an edition by organisation: all to its organisers, to coordinators those of their own
// organisations, to others none. A status restricts them.
func (d *DB) DelegationsTo(ctx context.Context, actor Actor, e *Edition, status *DelegationStatus, shape Shape) ([]*Delegation, error) {
	return d.listDelegations(ctx, actor, shape, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("delegation.edition_id = ?", e.ID)
		if status != nil {
			q = q.Where("delegation.status = ?", *status)
		}
		return q
	})
}

// OwnDelegations lists the delegations that the actor answers for, the latest first.
func (d *DB) OwnDelegations(ctx context.Context, actor Actor, shape Shape) ([]*Delegation, error) {
	return d.listDelegations(ctx, actor, shape, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.WhereGroup(" AND ", actor.answeredDelegations)
	})
}

// answeredDelegations is mayAnswerFor as a condition on the tables delegation and edition.
func (a Actor) answeredDelegations(q *bun.SelectQuery) *bun.SelectQuery {
	q = q.WhereOr("?", false)
	for _, c := range a.Coordinates {
		q = q.WhereOr("edition.partnership_id = ? AND delegation.organisation_id = ?", c.PartnershipID, c.OrganisationID)
	}
	return q
}

func (d *DB) listDelegations(ctx context.Context, actor Actor, shape Shape, restrict func(*bun.SelectQuery) *bun.SelectQuery) ([]*Delegation, error) {
	v := d.view(actor)
	rows := []*Delegation{}
	if actor.Anonymous() {
		return rows, nil
	}
	q := v.tx.NewSelect().Model(&rows).Join("JOIN editions AS edition ON edition.id = delegation.edition_id").
		WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			return actor.answeredDelegations(actor.organisedEditions(q))
		})
	if err := restrict(q).Order("delegation.created_at DESC", "delegation.id DESC").Limit(maxDelegations).Scan(ctx); err != nil {
		return nil, fmt.Errorf("delegations: %w", err)
	}
	return rows, v.finish(ctx, v.delegations(ctx, rows, shape))
}

func (v view) knownDelegation(ctx context.Context, id ID, shape Shape) (*Delegation, error) {
	var rows []*Delegation
	if v.actor.Anonymous() {
		return nil, nil
	}
	if err := v.tx.NewSelect().Model(&rows).Join("JOIN editions AS edition ON edition.id = delegation.edition_id").Where("delegation.id = ?", id).
		WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			return v.actor.answeredDelegations(v.actor.organisedEditions(q))
		}).
		Scan(ctx); err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], v.delegations(ctx, rows, shape)
}

// delegations completes delegations.
func (v view) delegations(ctx context.Context, rows []*Delegation, shape Shape) error {
	for _, row := range rows {
		v.wantOrganisation(row.OrganisationID, shape.Of("organisation"), func(o *Organisation) { row.organisation = o })
	}
	if shape.Has("edition") {
		editions, err := v.loadEditions(ctx, idsBy(rows, func(g *Delegation) ID { return g.EditionID }), shape.Of("edition"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Edition = editions[row.EditionID]
		}
	}
	if len(rows) == 0 || !shape.Has("named") {
		return nil
	}
	var links []*delegate
	if err := v.tx.NewSelect().Model(&links).Where("delegation_id IN (?)", bun.List(idsOf(rows))).Order("registration_id").Scan(ctx); err != nil {
		return fmt.Errorf("delegates: %w", err)
	}
	found, err := byID[Registration](ctx, v.tx, idsBy(links, func(l *delegate) ID { return l.RegistrationID }))
	if err != nil {
		return err
	}
	var registrations []*Registration
	byDelegation := groupBy(links, func(l *delegate) ID { return l.DelegationID })
	for _, row := range rows {
		row.Named = []*Registration{}
		for _, link := range byDelegation[row.ID] {
			if r := found[link.RegistrationID]; slices.Contains(active, r.Status) {
				row.Named = append(row.Named, r)
			}
		}
		slices.SortFunc(row.Named, func(a, b *Registration) int { return cmp.Compare(a.Ticket, b.Ticket) })
		registrations = append(registrations, row.Named...)
	}
	return v.registrations(ctx, registrations, shape.Of("named"))
}
