package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Invitation is one person's copy of a campaign.
type Invitation struct {
	bun.BaseModel `bun:"table:invitations,alias:invitation"`

	ID          ID `bun:",pk"`
	CampaignID  ID
	PersonID    ID
	EditionID   ID `bun:",nullzero"`
	CourseRunID ID `bun:",nullzero"`
	Status      InvitationStatus
	RespondedAt *time.Time
	RespondBy   *time.Time `bun:",scanonly"` // that of the campaign

	Person    *Person    `bun:"rel:belongs-to,join:person_id=id"`
	Edition   *Edition   `bun:"-"`
	CourseRun *CourseRun `bun:"-"`
	Delivery  *Delivery  `bun:"-"`
}

// InvitationStatus is what a person answered.
type InvitationStatus string

// The statuses of invitations.
const (
	InvitationPending   InvitationStatus = "PENDING"
	InvitationAccepted  InvitationStatus = "ACCEPTED"
	InvitationDeclined  InvitationStatus = "DECLINED"
	InvitationWithdrawn InvitationStatus = "WITHDRAWN"
	// InvitationUndelivered: its mail did not arrive, as far as known. Its link works all the same.
	InvitationUndelivered InvitationStatus = "UNDELIVERED"
)

func (i *Invitation) id() ID { return i.ID }

var invitationsInOrder = order[Invitation]{
	column: "invitation.id",
	key:    func(i *Invitation) (string, ID) { return i.ID.uuid(), i.ID },
	cursor: func(sort string, id ID) bool { return id.Kind() == KindInvitation && sort == id.uuid() },
}

// InvitationsOf returns the invitations of a campaign in the order of the audience, to its organisers. A status or a delivery
// state restricts them.
func (d *DB) InvitationsOf(ctx context.Context, actor Actor, c *Campaign, p Page, status *InvitationStatus, state *DeliveryState, shape Shape) (*Connection[Invitation], error) {
	v := d.view(actor)
	// Whoever holds the campaign was let in by v.campaign; asking again costs one statement and closes every other way.
	if ok, err := v.organises(ctx, c.EditionID, c.CourseRunID); err != nil || !ok {
		return nil, err
	}
	connection, err := connect(ctx, v.tx, invitationsInOrder, p, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("invitation.campaign_id = ?", c.ID)
		if status != nil {
			q = q.Where("invitation.status = ?", *status)
		}
		if state != nil {
			// By the mails of each invitation: a plan by those of the campaign compares each with each while their number is not known.
			q = q.Where("EXISTS (SELECT 1 FROM deliveries WHERE deliveries.invitation_id = invitation.id AND deliveries.campaign_id = ? AND deliveries.state = ?)", c.ID, *state)
		}
		return q
	})
	if err != nil {
		return nil, fmt.Errorf("invitations: %w", err)
	}
	for _, row := range connection.Nodes {
		row.RespondBy = c.RespondBy
	}
	return connection, v.finish(ctx, v.invitations(ctx, connection.Nodes, shape))
}

var ownInvitations = order[Invitation]{
	column: "invitation.id", descending: true, key: invitationsInOrder.key, cursor: invitationsInOrder.cursor,
}

// OwnInvitations lists the actor's invitations, the latest first; those that were taken back before they left are not shown.
func (d *DB) OwnInvitations(ctx context.Context, actor Actor, p Page, shape Shape) (*Connection[Invitation], error) {
	v := d.view(actor)
	c, err := connect(ctx, v.tx, ownInvitations, p, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("invitation.person_id = ?", actor.PersonID).Where("invitation.status <> ?", InvitationWithdrawn)
	})
	if err != nil {
		return nil, fmt.Errorf("own invitations: %w", err)
	}
	if shape.Has("respondBy") {
		campaigns, err := byID[Campaign](ctx, v.tx, idsBy(c.Nodes, func(i *Invitation) ID { return i.CampaignID }))
		if err != nil {
			return nil, err
		}
		for _, row := range c.Nodes {
			row.RespondBy = campaigns[row.CampaignID].RespondBy
		}
	}
	return c, v.finish(ctx, v.invitations(ctx, c.Nodes, shape))
}

// invitations completes invitations, which only their organisers and the invited person ever get.
func (v view) invitations(ctx context.Context, rows []*Invitation, shape Shape) error {
	if len(rows) == 0 {
		return nil
	}
	if shape.Has("person") {
		people, err := v.loadPeople(ctx, idsBy(rows, func(i *Invitation) ID { return i.PersonID }), shape.Of("person"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Person = people[row.PersonID]
		}
	}
	if shape.Has("edition") {
		editions, err := v.loadEditions(ctx, idsBy(rows, func(i *Invitation) ID { return i.EditionID }), shape.Of("edition"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Edition = editions[row.EditionID]
		}
	}
	if shape.Has("courseRun") {
		runs, err := v.loadCourseRuns(ctx, idsBy(rows, func(i *Invitation) ID { return i.CourseRunID }), shape.Of("courseRun"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.CourseRun = runs[row.CourseRunID]
		}
	}
	if shape.Has("delivery") {
		var deliveries []*Delivery
		if err := v.tx.NewSelect().Model(&deliveries).Where("invitation_id IN (?)", bun.List(idsOf(rows))).
			Where("kind = ?", MailInvitation).Order("id").Scan(ctx); err != nil {
			return fmt.Errorf("deliveries: %w", err)
		}
		latest := map[ID]*Delivery{}
		for _, x := range deliveries {
			latest[x.InvitationID] = x
		}
		for _, row := range rows {
			row.Delivery = latest[row.ID]
		}
		return v.addressed(ctx, values(latest), shape.Of("delivery"))
	}
	return nil
}

// Answer is an invitation as the person who holds its link sees it, and what became of it.
type Answer struct {
	Invitation   *Invitation
	Campaign     *Campaign
	Person       *Person
	Edition      *Edition   // with host and seats; nil when it is a course run
	CourseRun    *CourseRun // with course and seats; nil when it is an edition
	Registration *Registration
	Position     int        // on the waiting list, from 1; 0 when not on it
	Until        *time.Time // until when the answer can be changed; nil when there is no limit
	Open         bool       // whether it can be answered now
}

// Answer returns the invitation that the token of a personal link stands for; nil when it stands for none. It changes nothing.
func (d *DB) Answer(ctx context.Context, token string) (*Answer, error) {
	id, ok, err := d.linked(ctx, KindInvitation, token)
	if err != nil || !ok {
		return nil, err
	}
	return d.view(Actor{}).answer(ctx, id)
}

func (v view) answer(ctx context.Context, id ID) (*Answer, error) {
	a := &Answer{Invitation: new(Invitation), Campaign: new(Campaign)}
	if ok, err := found(v.tx.NewSelect().Model(a.Invitation).Relation("Person").Where("invitation.id = ?", id).Scan(ctx)); !ok || err != nil || a.Invitation.Person.ErasedAt != nil {
		return nil, err
	}
	a.Person = a.Invitation.Person
	v.actor = Actor{PersonID: a.Person.ID}
	if err := v.people(ctx, []*Person{a.Person}, Shape{"organisation": nil}); err != nil {
		return nil, err
	}
	if err := v.tx.NewSelect().Model(a.Campaign).Where("id = ?", a.Invitation.CampaignID).Scan(ctx); err != nil {
		return nil, fmt.Errorf("campaign: %w", err)
	}
	a.Campaign.readAt = v.now
	var starts time.Time
	dated := true
	var seats *Seats
	if a.Invitation.EditionID.IsZero() {
		runs, err := v.loadCourseRuns(ctx, []ID{a.Invitation.CourseRunID}, Shape{"course": {"organisation": nil}, "seats": nil})
		if err != nil {
			return nil, err
		}
		if a.CourseRun = runs[a.Invitation.CourseRunID]; a.CourseRun == nil {
			return nil, nil
		}
		starts, seats = a.CourseRun.starts(), a.CourseRun.Seats
		a.Open = a.CourseRun.Status != RunCancelled
	} else {
		editions, err := v.loadEditions(ctx, []ID{a.Invitation.EditionID}, Shape{"host": nil, "seats": nil, "series": nil})
		if err != nil {
			return nil, err
		}
		if a.Edition = editions[a.Invitation.EditionID]; a.Edition == nil {
			return nil, nil
		}
		starts, dated = a.Edition.starts()
		seats = a.Edition.Seats
		a.Open = a.Edition.Status == EditionPublished
	}
	if dated {
		a.Until = &starts
	}
	if by := a.Campaign.RespondBy; by != nil && (a.Until == nil || by.Before(*a.Until)) {
		a.Until = by
	}
	a.Open = a.Open && a.Invitation.Status != InvitationWithdrawn && (a.Until == nil || v.now.Before(*a.Until))
	if seats == nil {
		return nil, fmt.Errorf("invitation %s is to something without seats", id)
	}
	r := new(Registration)
	ok, err := found(v.tx.NewSelect().Model(r).Where("seats_id = ?", seats.ID).Where("person_id = ?", a.Person.ID).Order("ticket DESC").Limit(1).Scan(ctx))
	if err != nil {
		return nil, fmt.Errorf("registration: %w", err)
	}
	if ok {
		a.Registration = r
		if err := v.positions(ctx, []*Registration{r}); err != nil {
			return nil, err
		}
		o, err := v.occasion(ctx, seats)
		if err != nil {
			return nil, err
		}
		r.passTime(v.now, o, seats)
		if r.Position != nil {
			a.Position = *r.Position
		}
	}
	return a, v.finish(ctx, nil)
}

// RecordAnswer answers an invitation by the token of its personal link: accepting registers the person, declining gives the
// place back. Both can be changed until the deadline, and doing either again changes nothing. It returns nil when the token
// stands for no invitation, and an Error when it is too late or the meeting is off.
func (d *DB) RecordAnswer(ctx context.Context, token string, accept bool) (*Answer, error) {
	id, ok, err := d.linked(ctx, KindInvitation, token)
	if err != nil || !ok {
		return nil, err
	}
	var answer *Answer
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		// The lock on the invitation makes two answers at once follow each other.
		if _, err := found(d.locked(tx.NewSelect().Model((*Invitation)(nil)).Column("id")).Where("id = ?", id).Scan(ctx, new(ID))); err != nil {
			return err
		}
		before, err := viewIn(tx, Actor{}, now).answer(ctx, id)
		if before == nil || err != nil {
			return err
		}
		if !before.Open {
			return problem(CodeDeadline, "", "This invitation can no longer be answered.")
		}
		if err := d.recordAnswer(ctx, tx, now, before.Invitation, accept); err != nil {
			return err
		}
		answer, err = viewIn(tx, Actor{}, now).answer(ctx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	return answer, nil
}

func (d *DB) recordAnswer(ctx context.Context, tx bun.Tx, now time.Time, invitation *Invitation, accept bool) error {
	column, owner := bun.Ident("edition_id"), invitation.EditionID
	if owner.IsZero() {
		column, owner = "course_run_id", invitation.CourseRunID
	}
	seats, err := d.lockSeats(ctx, tx, now, column, owner)
	if err != nil {
		return err
	}
	r := new(Registration)
	registered, err := found(tx.NewSelect().Model(r).Where("seats_id = ?", seats.ID).Where("person_id = ?", invitation.PersonID).
		Where("status IN (?)", bun.List(active)).Scan(ctx))
	switch {
	case err != nil:
	case accept && !registered:
		err = d.register(ctx, tx, now, seats, NewID(KindRegistration, now), invitation.Person, invitation.PersonID)
	case accept && r.Status == Offered:
		err = d.acceptOffer(ctx, tx, now, seats, r, invitation.PersonID)
	case !accept && registered:
		err = d.cancelRegistration(ctx, tx, now, seats, r, invitation.PersonID)
	}
	if err != nil {
		return err
	}
	answer := InvitationDeclined
	if accept {
		answer = InvitationAccepted
	}
	if answer == invitation.Status {
		return nil
	}
	if err := invitation.become(ctx, tx, now, answer); err != nil {
		return err
	}
	return audit(ctx, tx, now, Actor{PersonID: invitation.PersonID}, "answer invitation", invitation.ID)
}

// An invitation follows the registration: it is accepted when the person registers, and declined when that is cancelled, by
// whatever way and whoever does it. Whoever needs both locks the invitation first and then the seats; the campaign, which counts
// the answers, comes last.

// become gives a locked invitation a status, if it has another, and counts it in its campaign.
func (i *Invitation) become(ctx context.Context, tx bun.Tx, now time.Time, status InvitationStatus) error {
	had := i.Status
	if had == status {
		return nil
	}
	i.Status, i.RespondedAt = status, &now
	if _, err := tx.NewUpdate().Model(i).Column("status", "responded_at").WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("update invitation: %w", err)
	}
	return countAnswer(ctx, tx, i.CampaignID, had, status)
}

// lockInvitations locks the invitations of people to what the seats are in, in the order of their ids. A session has none.
func (d *DB) lockInvitations(ctx context.Context, tx bun.Tx, seats ID, people []ID) ([]*Invitation, error) {
	var rows []*Invitation
	if err := d.locked(tx.NewSelect().Model(&rows)).Where("invitation.person_id IN (?)", bun.List(people)).Where("invitation.status <> ?", InvitationWithdrawn).
		Where("coalesce(invitation.edition_id, invitation.course_run_id) = (SELECT coalesce(edition_id, course_run_id) FROM seats WHERE id = ?)", seats).
		Order("invitation.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("lock invitations: %w", err)
	}
	return rows, nil
}

// lockInvitationOf locks the invitation to what a registration is for; nil when the person was not invited to it.
func (d *DB) lockInvitationOf(ctx context.Context, tx bun.Tx, registration ID) (*Invitation, error) {
	r := new(Registration)
	if ok, err := found(tx.NewSelect().Model(r).Where("id = ?", registration).Scan(ctx)); err != nil || !ok {
		return nil, err
	}
	rows, err := d.lockInvitations(ctx, tx, r.SeatsID, []ID{r.PersonID})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}
