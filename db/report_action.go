package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// ReportAction is what somebody does next.
type ReportAction struct {
	bun.BaseModel `bun:"table:report_actions,alias:report_action"`

	ID             ID `bun:",pk"`
	ReportID       ID
	SessionID      ID `bun:",nullzero"`
	OrganisationID ID
	PersonID       ID `bun:",nullzero"`
	DueOn          *Date
	Status         ActionStatus
	CreatedAt      time.Time

	Report *Report `bun:"-"`
	Person *Person `bun:"-"` // as that of a question
	words  *reportWords
	owner  *Organisation
}

// ActionStatus is whether an action is still to be done.
type ActionStatus string

// The statuses of actions.
const (
	ActionOpen    ActionStatus = "OPEN"
	ActionDone    ActionStatus = "DONE"
	ActionDropped ActionStatus = "DROPPED"
)

func (a *ReportAction) id() ID { return a.ID }

// Description returns what is to be done, in the language, else in that of the edition.
func (a *ReportAction) Description(locale *Locale) string { return a.words.of(a.ID, locale) }

// Owner returns who sees to it.
func (a *ReportAction) Owner() Party { return a.owner.party() }

func (v view) reportActions(ctx context.Context, reports []*Report, shape Shape) (map[ID][]*ReportAction, error) {
	var rows []*ReportAction
	if err := v.tx.NewSelect().Model(&rows).Where("report_id IN (?)", bun.List(idsOf(reports))).Scan(ctx); err != nil {
		return nil, fmt.Errorf("actions: %w", err)
	}
	slices.SortFunc(rows, (*ReportAction).compare)
	by := groupBy(rows, func(a *ReportAction) ID { return a.ReportID })
	for _, r := range reports {
		if by[r.ID] == nil {
			by[r.ID] = []*ReportAction{}
		}
	}
	return by, v.actions(ctx, reports, rows, shape)
}

// compare puts what is due first in front, and what has no date at the end.
func (a *ReportAction) compare(b *ReportAction) int {
	if (a.DueOn == nil) != (b.DueOn == nil) {
		if a.DueOn == nil {
			return 1
		}
		return -1
	}
	if a.DueOn != nil && *a.DueOn != *b.DueOn {
		return cmp.Compare(*a.DueOn, *b.DueOn)
	}
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), a.ID.compare(b.ID))
}

// actions completes actions of the reports.
func (v view) actions(ctx context.Context, reports []*Report, rows []*ReportAction, shape Shape) error {
	report := map[ID]*Report{}
	for _, r := range reports {
		report[r.ID] = r
	}
	named := map[ID][]ID{}
	for _, a := range rows {
		a.Report, a.words = report[a.ReportID], report[a.ReportID].words
		v.wantOrganisation(a.OrganisationID, shape.Of("owner"), func(o *Organisation) { a.owner = o })
		named[a.ReportID] = append(named[a.ReportID], a.PersonID)
	}
	if !shape.Has("person") {
		return nil
	}
	people, err := v.reportPeople(ctx, reports, named, shape.Of("person"))
	for _, a := range rows {
		a.Person = people[a.ReportID][a.PersonID]
	}
	return err
}

// action loads an action in a report that the actor may read; nil when there is none.
func (v view) action(ctx context.Context, id ID, shape Shape) (*ReportAction, error) {
	rows, err := byID[ReportAction](ctx, v.tx, []ID{id})
	if err != nil || rows[id] == nil {
		return nil, err
	}
	a := rows[id]
	reports, err := v.loadReports(ctx, []ID{a.ReportID}, shape.Of("report"))
	if err != nil || reports[a.ReportID] == nil {
		return nil, err
	}
	return a, v.actions(ctx, values(reports), []*ReportAction{a}, shape)
}

// AddReportActionInput is something to be done.
type AddReportActionInput struct {
	ReportID    ID
	SessionID   *ID
	OwnerID     ID
	PersonID    *ID
	DueOn       *Date
	Locale      Locale
	Description string
}

// AddReportAction writes down who does what next, until when.
func (d *DB) AddReportAction(ctx context.Context, actor Actor, in AddReportActionInput, shape Shape) (*Report, error) {
	return d.changeReport(ctx, actor, in.ReportID, "add action", shape, func(ctx context.Context, tx bun.Tx, now time.Time, r *Report) error {
		a := &ReportAction{ID: NewID(KindReportAction, now), ReportID: r.ID, DueOn: in.DueOn, Status: ActionOpen, CreatedAt: now}
		if err := placeEntry(ctx, tx, r, in.SessionID, &in.OwnerID, in.PersonID, &a.SessionID, &a.OrganisationID, &a.PersonID); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(a).Exec(ctx); err != nil {
			return fmt.Errorf("insert action: %w", err)
		}
		return firstText(ctx, tx, now, actor, r, a.ID, in.Locale, in.Description)
	})
}

// ChangeReportActionInput changes an action; nil fields stay as they are.
type ChangeReportActionInput struct {
	ActionID ID
	Status   *ActionStatus
	DueOn    *Date
}

// ChangeReportAction says that something is done, or is due at another date: by organisers and by its owner.
func (d *DB) ChangeReportAction(ctx context.Context, actor Actor, in ChangeReportActionInput, shape Shape) (*ReportAction, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		v := viewIn(tx, actor, now)
		a, err := v.action(ctx, in.ActionID, nil)
		switch {
		case err != nil:
			return err
		case a == nil:
			return problem(CodeNotFound, "input.actionId", "There is no such action.")
		case !v.organisesReport(a.Report) && a.PersonID != actor.PersonID && !actor.coordinatesFor(a.OrganisationID):
			return problem(CodeForbidden, "input.actionId", "The owner of an action and the organisers can change it.")
		}
		q := tx.NewUpdate().Model(a).WherePK()
		if in.Status != nil {
			q = q.Set("status = ?", *in.Status)
		}
		if in.DueOn != nil {
			q = q.Set("due_on = ?", *in.DueOn)
		}
		if in.Status != nil || in.DueOn != nil {
			if _, err := q.Exec(ctx); err != nil {
				return fmt.Errorf("change action: %w", err)
			}
		}
		return audit(ctx, tx, now, actor, "change action", a.ID)
	})
	if err != nil {
		return nil, err
	}
	v := d.view(actor)
	a, err := v.action(ctx, in.ActionID, shape)
	return a, v.finish(ctx, err)
}
