package db

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Telling people what changed.
//
// Whatever moves, renames or calls off something public reads the facts before and after, in the transaction of the change. When
// they differ it writes a notice of how things were before and queues one mail for each person concerned who has none waiting.
// The mail compares the notice with what is true when it leaves. So several changes before that make one mail that tells them
// all, and a change that is taken back makes none.
//
//	the meeting's name, days or place, or whether it is on    everybody with a place or in the line, and who was invited and has not answered
//	from when till when it is on a day                        everybody with a place or in the line
//	an item on the programme without seats, or a new one      the same
//	an item with seats                                        who has a place or waits there
//	any of these                                              who coordinates for an organisation that may send a delegation
//
// The calendar entries that are wrong from then on get their next SEQUENCE at once, so that whatever carries them replaces the
// former ones; calendar_sequence.go says how.

// notice is what was told of an edition or a course run before a change.
type notice struct {
	bun.BaseModel `bun:"table:notices,alias:notice"`

	ID          ID `bun:",pk"`
	EditionID   ID `bun:",nullzero"`
	CourseRunID ID `bun:",nullzero"`
	CreatedAt   time.Time
	Facts       string // as JSON
}

func (n *notice) id() ID { return n.ID }

// changing are meetings before a change to them.
type changing struct {
	editions, runs map[ID]*told
	all            []ID // editions, also those that are not there yet
}

// beforeChange locks editions and course runs and keeps what is told of them.
func (d *DB) beforeChange(ctx context.Context, tx bun.Tx, now time.Time, editions, runs []ID) (c *changing, err error) {
	c = new(changing)
	v := viewIn(tx, Actor{}, now)
	if editions = distinct(editions); len(editions) > 0 {
		c.all = editions
		if _, err := d.locked(tx.NewSelect().Model((*Edition)(nil)).Column("id")).Where("id IN (?)", bun.List(editions)).Order("id").Exec(ctx); err != nil {
			return nil, fmt.Errorf("lock editions: %w", err)
		}
		if c.editions, err = v.facts(ctx, editions); err != nil {
			return nil, err
		}
	}
	if runs = distinct(runs); len(runs) > 0 {
		if _, err := d.locked(tx.NewSelect().Model((*CourseRun)(nil)).Column("id")).Where("id IN (?)", bun.List(runs)).Order("id").Exec(ctx); err != nil {
			return nil, fmt.Errorf("lock course runs: %w", err)
		}
		if c.runs, err = v.runFacts(ctx, runs); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// afterChange tells the people concerned what the change changed, brings the lines up to date that it set moving, and makes the
// next version of a public programme that is no longer as it was.
func (d *DB) afterChange(ctx context.Context, tx bun.Tx, now time.Time, c *changing) error {
	v := viewIn(tx, Actor{}, now)
	editions, err := v.facts(ctx, c.all)
	if err != nil {
		return err
	}
	if err := recordProgrammes(ctx, tx, now, editions); err != nil {
		return err
	}
	runs, err := v.runFacts(ctx, inOrderOfID(c.runs))
	if err != nil {
		return err
	}
	for _, id := range inOrderOfID(c.editions) {
		n := &notice{ID: NewID(KindNotice, now), EditionID: id, CreatedAt: now}
		if err := d.tellChange(ctx, tx, n, c.editions[id], editions[id]); err != nil {
			return fmt.Errorf("tell of edition: %w", err)
		}
	}
	for _, id := range inOrderOfID(c.runs) {
		n := &notice{ID: NewID(KindNotice, now), CourseRunID: id, CreatedAt: now}
		if err := d.tellChange(ctx, tx, n, c.runs[id], runs[id]); err != nil {
			return fmt.Errorf("tell of course run: %w", err)
		}
	}
	return nil
}

func (d *DB) tellChange(ctx context.Context, tx bun.Tx, n *notice, before, after *told) error {
	now := n.CreatedAt
	if err := reviseEntries(ctx, tx, now, n, before, after); err != nil {
		return err
	}
	changed := after.since(before, now)
	if changed.none() || !before.public || !after.public {
		return nil
	}
	main, ofSessions, err := d.lockChanged(ctx, tx, n, changed, after)
	if err != nil || main == nil {
		return err
	}
	facts, err := json.Marshal(before)
	if err != nil {
		return fmt.Errorf("write facts: %w", err)
	}
	n.Facts = string(facts)
	if err := d.queueNotices(ctx, tx, n, main, changed, after); err != nil {
		return err
	}
	for _, s := range append([]*Seats{main}, ofSessions...) {
		if s.Waiting > 0 {
			if _, err := d.lockSeats(ctx, tx, now, "id", s.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// lockChanged locks the seats of a meeting and of those sessions that the change is about, so that nobody gets a place by what
// was true before without being told. It returns nil for a meeting without seats.
func (d *DB) lockChanged(ctx context.Context, tx bun.Tx, n *notice, changed difference, after *told) (main *Seats, ofSessions []*Seats, err error) {
	main = new(Seats)
	column, owner := bun.Ident("edition_id"), n.EditionID
	if owner.IsZero() {
		column, owner = "course_run_id", n.CourseRunID
	}
	if ok, err := found(d.locked(tx.NewSelect().Model(main)).Where("? = ?", column, owner).Scan(ctx)); err != nil || !ok {
		return nil, nil, err
	}
	sessions := changed.sessions
	if changed.own {
		sessions = inOrderOfID(after.sessions)
	}
	if len(sessions) > 0 {
		err = d.locked(tx.NewSelect().Model(&ofSessions)).Where("session_id IN (?)", bun.List(sessions)).Order("id").Scan(ctx)
	}
	return main, ofSessions, err
}

// queueNotices writes a notice, and queues a mail for everybody concerned who has none waiting that tells the change as well.
func (d *DB) queueNotices(ctx context.Context, tx bun.Tx, n *notice, main *Seats, changed difference, after *told) error {
	since, err := d.concerned(ctx, tx, n, main, changed, after)
	if err != nil {
		return err
	}
	// A worker that is about to read one of these waits until the change is there, or has read and is not waited for.
	var waiting []struct {
		PersonID ID
		NoticeID ID
	}
	ofMeeting := tx.NewSelect().Model((*notice)(nil)).Column("id").Where("edition_id = ?", n.EditionID)
	if n.EditionID.IsZero() {
		ofMeeting = tx.NewSelect().Model((*notice)(nil)).Column("id").Where("course_run_id = ?", n.CourseRunID)
	}
	if err := d.locked(tx.NewSelect().Model((*Delivery)(nil)).Column("person_id", "notice_id")).Where("notice_id IN (?)", ofMeeting).
		Where("state = ?", Queued).Order("id").Scan(ctx, &waiting); err != nil {
		return fmt.Errorf("notices that wait: %w", err)
	}
	notices := make([]ID, len(waiting))
	for i, w := range waiting {
		notices[i] = w.NoticeID
	}
	earlier, err := byID[notice](ctx, tx, notices)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		// It says nothing of what the person got a place in only after its notice.
		if c := since[w.PersonID]; c != nil && !c.placedAt.After(earlier[w.NoticeID].CreatedAt) {
			delete(since, w.PersonID)
		}
	}
	if len(since) == 0 {
		return nil
	}
	now := n.CreatedAt
	for _, c := range since {
		// Who registered after this transaction began, but had the seats before it, may have been told what was true before.
		if c.placedAt.After(n.CreatedAt) {
			n.CreatedAt = c.placedAt
		}
	}
	if _, err := tx.NewInsert().Model(n).Exec(ctx); err != nil {
		return fmt.Errorf("insert notice: %w", err)
	}
	deliveries := make([]*Delivery, 0, len(since))
	for person, c := range since {
		deliveries = append(deliveries, &Delivery{
			Kind: MailNotice, PersonID: person, RegistrationID: c.registration, DelegationID: c.delegation, NoticeID: n.ID, CreatedAt: now, NotBefore: now,
		})
	}
	return queue(ctx, tx, deliveries...)
}

// concern is why somebody is told of a change.
type concern struct {
	registration ID        // for the meeting; zero for who has none
	delegation   ID        // that the person coordinates; zero for none
	placedAt     time.Time // the latest of their registrations that it concerns, and of the delegation
}

// concerned returns whom a change concerns.
func (d *DB) concerned(ctx context.Context, tx bun.Tx, n *notice, main *Seats, changed difference, after *told) (map[ID]*concern, error) {
	everybody := changed.own || changed.hours
	var seated []ID
	for _, id := range changed.sessions {
		if after.seated[id] && !changed.added[id] {
			seated = append(seated, id)
		} else {
			everybody = true
		}
	}
	inSessions := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("seats_id IN (SELECT id FROM seats WHERE session_id IN (?))", bun.List(seated)).Where("status IN (?)", bun.List(active))
	}
	of := map[ID]*concern{}
	var rows []*Registration
	q := tx.NewSelect().Model(&rows).Column("id", "person_id", "registered_at").Where("seats_id = ?", main.ID).Where("status IN (?)", bun.List(active))
	if !everybody {
		q = q.Where("person_id IN (?)", inSessions(tx.NewSelect().TableExpr("registrations AS own").Column("person_id")))
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("people on the meeting: %w", err)
	}
	for _, r := range rows {
		of[r.PersonID] = &concern{registration: r.ID, placedAt: r.RegisteredAt}
	}
	if len(seated) > 0 {
		rows = nil
		if err := inSessions(tx.NewSelect().Model(&rows).Column("person_id", "registered_at")).Scan(ctx); err != nil {
			return nil, fmt.Errorf("people on sessions: %w", err)
		}
		for _, r := range rows {
			if c := of[r.PersonID]; c != nil && r.RegisteredAt.After(c.placedAt) {
				c.placedAt = r.RegisteredAt
			}
		}
	}
	coordinators, err := delegationCoordinators(ctx, tx, "edition_id", []ID{n.EditionID})
	if err != nil {
		return nil, err
	}
	for _, c := range coordinators {
		why := of[c.PersonID]
		if why == nil {
			why = new(concern)
			of[c.PersonID] = why
		}
		if why.delegation.IsZero() {
			why.delegation = c.DelegationID
			if c.InvitedAt.After(why.placedAt) {
				why.placedAt = c.InvitedAt
			}
		}
	}
	if !changed.own {
		return of, nil
	}
	var invited []ID
	q = tx.NewSelect().Model((*Invitation)(nil)).Column("person_id").Where("status = ?", InvitationPending).
		Where("id IN (SELECT invitation_id FROM deliveries WHERE invitation_id = invitation.id AND state IN (?))", bun.List([]DeliveryState{Sending, Sent, Uncertain}))
	if n.EditionID.IsZero() {
		q = q.Where("course_run_id = ?", n.CourseRunID)
	} else {
		q = q.Where("edition_id = ?", n.EditionID)
	}
	if err := q.Scan(ctx, &invited); err != nil {
		return nil, fmt.Errorf("people invited: %w", err)
	}
	for _, person := range invited {
		if of[person] == nil {
			of[person] = new(concern)
		}
	}
	return of, nil
}

// inOrderOfID returns the keys of a map in ascending order, in which rows are locked.
func inOrderOfID[V any](m map[ID]V) []ID {
	return slices.SortedFunc(maps.Keys(m), ID.compare)
}
