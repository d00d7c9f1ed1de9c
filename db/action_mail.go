package db

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Owners of actions are told of them by mail: when the report is published or the action is added to a published one, a week
// before it is due, on that day, and every two weeks from then on until somebody says that it is done or dropped. Whoever has
// several of them gets one mail a day. The owner is the person whom the action names, else those who coordinate for its
// organisation in the partnership.

// actionMail says that somebody was told of a step of an action.
type actionMail struct {
	bun.BaseModel `bun:"table:action_mails,alias:action_mail"`

	ActionID   ID       `bun:",pk"`
	PersonID   ID       `bun:",pk"`
	Kind       MailKind `bun:",pk"`
	StepOn     Date     `bun:",pk"`
	MailedOn   Date
	DeliveryID ID
}

const (
	actionAhead  = 7  // days before the due date on which owners are reminded
	actionRepeat = 14 // days between reminders from the due date on
	remindFrom   = 6 * time.Hour
)

// mailDay is the day on which owners are mailed at the instant: days begin at six in the morning UTC, so that nobody is reminded in
// the middle of the night.
func mailDay(now time.Time) Date { return DateOf(now.UTC().Add(-remindFrom)) }

// step returns the last day up to today on which the owner is reminded; "" when that lies ahead.
func (a *ReportAction) step(today Date) Date {
	due := *a.DueOn
	switch ahead := due.AddDays(-actionAhead); {
	case today < ahead:
		return ""
	case today < due:
		return ahead
	}
	late := int(today.Time().Sub(due.Time()) / (24 * time.Hour))
	return due.AddDays(late - late%actionRepeat)
}

// spokenFor names an organisation in a partnership.
type spokenFor struct{ partnership, organisation ID }

// coordinatorsIn returns who coordinates for each organisation of the partnerships and has a mail address.
func (v view) coordinatorsIn(ctx context.Context, partnerships []ID) (map[spokenFor][]ID, error) {
	var rows []struct{ PartnershipID, OrganisationID, PersonID ID }
	if err := v.tx.NewSelect().TableExpr("members AS member").ColumnExpr("member.partnership_id, member.organisation_id, coordinator.person_id").
		Join("JOIN coordinators AS coordinator ON coordinator.member_id = member.id").
		Join("JOIN people AS person ON person.id = coordinator.person_id AND person.email IS NOT NULL").
		Where("member.partnership_id IN (?)", bun.List(append(distinct(partnerships), unknownID))).Order("coordinator.position").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("coordinators: %w", err)
	}
	of := map[spokenFor][]ID{}
	for _, row := range rows {
		at := spokenFor{row.PartnershipID, row.OrganisationID}
		of[at] = append(of[at], row.PersonID)
	}
	return of, nil
}

// reached returns those of the people who have a mail address.
func (v view) reached(ctx context.Context, people []ID) (map[ID]bool, error) {
	var ids []ID
	if err := v.tx.NewSelect().Model((*Person)(nil)).Column("id").Where("id IN (?)", bun.List(append(distinct(people), unknownID))).
		Where("email IS NOT NULL").Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("people with an address: %w", err)
	}
	may := map[ID]bool{}
	for _, id := range ids {
		may[id] = true
	}
	return may, nil
}

// owners returns whom to tell of each action. The actions have their reports.
func (v view) owners(ctx context.Context, actions []*ReportAction) (map[ID][]ID, error) {
	reached, err := v.reached(ctx, idsBy(actions, func(a *ReportAction) ID { return a.PersonID }))
	if err != nil {
		return nil, err
	}
	coordinators, err := v.coordinatorsIn(ctx, idsBy(actions, func(a *ReportAction) ID { return a.partnership() }))
	if err != nil {
		return nil, err
	}
	of := map[ID][]ID{}
	for _, a := range actions {
		if reached[a.PersonID] {
			of[a.ID] = []ID{a.PersonID}
		} else {
			of[a.ID] = distinct(coordinators[spokenFor{a.partnership(), a.OrganisationID}])
		}
	}
	return of, nil
}

// partnership is whose meeting the action follows from; zero when the meeting is not to be seen.
func (a *ReportAction) partnership() ID {
	if a.Report.Edition == nil {
		return ID{}
	}
	return a.Report.Edition.PartnershipID
}

// assign tells the owners of actions that they have them. Their report is published.
func (v view) assign(ctx context.Context, tx bun.Tx, actions []*ReportAction) error {
	owners, err := v.owners(ctx, actions)
	if err != nil {
		return err
	}
	_, err = tellOwners(ctx, tx, v.now, MailAssigned, actions, owners, func(*ReportAction) Date { return mailDay(v.now) })
	return err
}

// assignAll tells the owners of what a report that is being published leaves to be done.
func (v view) assignAll(ctx context.Context, tx bun.Tx, r *Report) error {
	var open []*ReportAction
	if err := v.tx.NewSelect().Model(&open).Where("report_id = ?", r.ID).Where("status = ?", ActionOpen).Scan(ctx); err != nil {
		return fmt.Errorf("actions: %w", err)
	}
	for _, a := range open {
		a.Report = r
	}
	return v.assign(ctx, tx, open)
}

// tellOwners queues one mail for each owner of actions, and remembers of what it tells.
func tellOwners(ctx context.Context, tx bun.Tx, now time.Time, kind MailKind, actions []*ReportAction, owners map[ID][]ID, step func(*ReportAction) Date) (int, error) {
	mails := map[ID]*Delivery{}
	var rows []*actionMail
	for _, a := range actions {
		for _, person := range owners[a.ID] {
			if mails[person] == nil {
				mails[person] = &Delivery{Kind: kind, PersonID: person, CreatedAt: now, NotBefore: now}
			}
			rows = append(rows, &actionMail{ActionID: a.ID, PersonID: person, Kind: kind, StepOn: step(a), MailedOn: mailDay(now)})
		}
	}
	if err := queue(ctx, tx, slices.Collect(maps.Values(mails))...); err != nil {
		return 0, err
	}
	for _, row := range rows {
		row.DeliveryID = mails[row.PersonID].ID
	}
	return len(mails), insertAll(ctx, tx, rows)
}

// SweepActions reminds the owners of actions that are due. Nobody is reminded twice of the same step, however often and by how many
// processes this runs; of steps that were missed only the last counts. It returns how many mails it queued.
func (d *DB) SweepActions(ctx context.Context) (queued int, err error) {
	due, _, err := d.view(Actor{}).dueActions(ctx, nil)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		queued = 0
		var ids []ID
		if err := d.locked(tx.NewSelect().Model((*ReportAction)(nil)).Column("id")).Where("id IN (?)", bun.List(idsOf(due))).Order("id").Scan(ctx, &ids); err != nil {
			return fmt.Errorf("lock actions: %w", err)
		}
		// What another process did before it let go of the lock counts.
		actions, owners, err := viewIn(tx, Actor{}, now).dueActions(ctx, ids)
		if err != nil {
			return err
		}
		today := mailDay(now)
		queued, err = tellOwners(ctx, tx, now, MailDue, actions, owners, func(a *ReportAction) Date { return a.step(today) })
		return err
	})
	if queued > 0 {
		d.woken()
	}
	return queued, err
}

// dueActions returns the actions whose owners are to be reminded now, and whom to remind of each: of all actions, or of some.
func (v view) dueActions(ctx context.Context, among []ID) ([]*ReportAction, map[ID][]ID, error) {
	today := mailDay(v.now)
	var rows []*ReportAction
	q := v.tx.NewSelect().Model(&rows).Where("status = ?", ActionOpen).Where("due_on <= ?", today.AddDays(actionAhead)).
		Where("report_id IN (SELECT id FROM reports WHERE status = ?)", ReportPublished).Order("due_on", "id")
	if among != nil {
		q = q.Where("id IN (?)", bun.List(among))
	}
	if err := q.Scan(ctx); err != nil || len(rows) == 0 {
		return nil, nil, err
	}
	var told []struct {
		ActionID ID
		StepOn   Date
	}
	if err := v.tx.NewSelect().Model((*actionMail)(nil)).ColumnExpr("action_id, max(step_on) AS step_on").
		Where("action_id IN (?)", bun.List(idsOf(rows))).Group("action_id").Scan(ctx, &told); err != nil {
		return nil, nil, fmt.Errorf("what owners were told: %w", err)
	}
	last := map[ID]Date{}
	for _, row := range told {
		last[row.ActionID] = row.StepOn
	}
	rows = slices.DeleteFunc(rows, func(a *ReportAction) bool { return a.step(today) <= last[a.ID] })
	if len(rows) == 0 {
		return nil, nil, nil
	}
	if err := v.withReports(ctx, rows); err != nil {
		return nil, nil, err
	}
	owners, err := v.owners(ctx, rows)
	if err != nil {
		return nil, nil, err
	}
	var reminded []ID
	if err := v.tx.NewSelect().Model((*actionMail)(nil)).Column("person_id").Where("kind = ?", MailDue).Where("mailed_on = ?", today).
		Scan(ctx, &reminded); err != nil {
		return nil, nil, fmt.Errorf("who was reminded today: %w", err)
	}
	rows = slices.DeleteFunc(rows, func(a *ReportAction) bool {
		return len(owners[a.ID]) == 0 || slices.ContainsFunc(owners[a.ID], func(person ID) bool { return slices.Contains(reminded, person) })
	})
	return rows, owners, nil
}

// withReports gives actions their reports, and leaves the words of those behind that are not to be seen.
func (v view) withReports(ctx context.Context, rows []*ReportAction) error {
	reports, err := v.loadReports(ctx, idsBy(rows, func(a *ReportAction) ID { return a.ReportID }), nil)
	if err != nil {
		return err
	}
	return v.actions(ctx, values(reports), rows, nil)
}

// Task is an action as its owner is told of it.
type Task struct {
	Description string
	Meeting     string // that it was agreed at
	DueOn       *Date
	Late        bool
}

// tasks loads the actions that mails tell of, as far as they are still to be done; each mail's edition is that of the first.
func (v view) tasks(ctx context.Context, deliveries []*Delivery) (tasks map[ID][]*ReportAction, err error) {
	var own []ID
	for _, x := range deliveries {
		if x.Kind == MailAssigned || x.Kind == MailDue {
			own = append(own, x.ID)
		}
	}
	if len(own) == 0 {
		return nil, nil
	}
	var rows []*actionMail
	if err := v.tx.NewSelect().Model(&rows).Where("delivery_id IN (?)", bun.List(own)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("actions of mails: %w", err)
	}
	actions, err := byID[ReportAction](ctx, v.tx, idsBy(rows, func(m *actionMail) ID { return m.ActionID }))
	if err != nil {
		return nil, err
	}
	if err := v.withReports(ctx, values(actions)); err != nil {
		return nil, err
	}
	tasks = map[ID][]*ReportAction{}
	for _, row := range rows {
		if a := actions[row.ActionID]; a.Status == ActionOpen && a.Report.Edition != nil {
			tasks[row.DeliveryID] = append(tasks[row.DeliveryID], a)
		}
	}
	for _, list := range tasks {
		slices.SortFunc(list, (*ReportAction).compare)
	}
	return tasks, nil
}

// task words an action in a language.
func (a *ReportAction) task(language Locale, now time.Time) Task {
	return Task{
		Description: a.Description(&language), Meeting: a.Report.Edition.Title, DueOn: a.DueOn, Late: a.DueOn != nil && *a.DueOn < mailDay(now),
	}
}
