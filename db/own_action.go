package db

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// maxClosedActions is how many actions that are done or dropped a personal page shows.
const maxClosedActions = 20

// OwnActions are the actions of one person, as a personal page shows them.
type OwnActions struct {
	Person *Person
	Open   []*ReportAction // by due date
	Closed []*ReportAction // the latest due first, at most twenty
	Today  Date

	actor Actor
}

// ActionsToken returns the token of a person's link to the own actions: 48 characters that need no escaping in a URL.
func (d *DB) ActionsToken(ctx context.Context, person ID) (string, error) {
	mac, err := d.mac(ctx, "actions", person[:])
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(person[:], mac...)), nil
}

// OwnActions returns what the token of a personal link opens; nil when it stands for nobody.
func (d *DB) OwnActions(ctx context.Context, token string) (*OwnActions, error) {
	id, _, ok := readToken(token)
	if !ok || id.Kind() != KindPerson {
		return nil, nil
	}
	if right, err := d.ActionsToken(ctx, id); err != nil || !hmac.Equal([]byte(right), []byte(token)) {
		return nil, err
	}
	own := &OwnActions{Today: mailDay(d.now()), actor: Actor{PersonID: id}}
	var err error
	if own.Person, err = d.person(ctx, own.actor, id, nil); err != nil || own.Person == nil || own.Person.ErasedAt != nil {
		return nil, err
	}
	if err := viewIn(d.read, own.actor, d.now()).roles(ctx, &own.actor); err != nil {
		return nil, err
	}
	v := d.view(own.actor)
	shape := Shape{"report": {"edition": nil}, "owner": nil}
	if own.Open, err = v.ownActions(ctx, shape, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("report_action.status = ?", ActionOpen)
	}); err != nil {
		return nil, err
	}
	if own.Closed, err = v.ownActions(ctx, shape, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("report_action.status <> ?", ActionOpen).OrderExpr("due_on IS NULL, due_on DESC, report_action.id DESC").Limit(maxClosedActions)
	}); err != nil {
		return nil, err
	}
	return own, v.finish(ctx, nil)
}

// AnswerAction changes one of the actions that the token of a personal link opens, and returns them as they were before; nil when
// the token stands for nobody.
func (d *DB) AnswerAction(ctx context.Context, token string, in ChangeReportActionInput) (*OwnActions, error) {
	own, err := d.OwnActions(ctx, token)
	if own == nil || err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(slices.Concat(own.Open, own.Closed), func(a *ReportAction) bool { return a.ID == in.ActionID }) {
		return own, problem(CodeNotFound, "input.actionId", "There is no such action.")
	}
	_, err = d.ChangeReportAction(ctx, own.actor, in, nil)
	return own, err
}

// OpenActionsOf returns what the actor has agreed to do in reports that are published and has not done yet, by due date: what names
// the actor, and what names nobody of an organisation that the actor coordinates for.
func (d *DB) OpenActionsOf(ctx context.Context, actor Actor, shape Shape) ([]*ReportAction, error) {
	if actor.Anonymous() {
		return []*ReportAction{}, nil
	}
	v := d.view(actor)
	rows, err := v.ownActions(ctx, shape, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("report_action.status = ?", ActionOpen).Limit(maxOpenEnds)
	})
	return rows, v.finish(ctx, err)
}

// ownActions returns the actor's own actions by due date.
func (v view) ownActions(ctx context.Context, shape Shape, restrict func(*bun.SelectQuery) *bun.SelectQuery) ([]*ReportAction, error) {
	rows := []*ReportAction{}
	q := v.tx.NewSelect().Model(&rows).Join("JOIN reports AS report ON report.id = report_action.report_id AND report.status = ?", ReportPublished).
		Join("JOIN editions AS edition ON edition.id = report.edition_id AND edition.status <> ?", EditionDraft).
		WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			q = q.Where("report_action.person_id = ?", v.actor.PersonID)
			for _, c := range v.actor.Coordinates {
				q = q.WhereOr(`report_action.organisation_id = ? AND edition.partnership_id = ? AND
					(report_action.person_id IS NULL OR report_action.person_id IN (SELECT id FROM people WHERE email IS NULL))`, c.OrganisationID, c.PartnershipID)
			}
			return q
		})
	if err := restrict(q).OrderExpr("due_on IS NULL, due_on, report_action.id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("own actions: %w", err)
	}
	if len(rows) == 0 {
		return rows, nil
	}
	reports, err := v.loadReports(ctx, idsBy(rows, func(a *ReportAction) ID { return a.ReportID }), shape.Of("report"))
	if err != nil {
		return nil, err
	}
	return rows, v.actions(ctx, values(reports), rows, shape)
}
