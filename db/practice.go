package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// PracticeDescription is what others can learn from what a partnership did, or from how an edition was made. It is written in one
// language.
type PracticeDescription struct {
	bun.BaseModel `bun:"table:practices,alias:practice"`

	ID                ID `bun:",pk"`
	PartnershipID     ID `bun:",nullzero"`
	EditionID         ID `bun:",nullzero"`
	Status            PracticeStatus
	Version           int // rises with every save
	Locale            Locale
	Title             string
	Description       string
	BudgetMinor       *int
	BudgetCurrency    string
	Term              string
	SuccessFactors    []string
	Pitfalls          []string
	PointsOfAttention []string
	Recommendations   []string
	CreatedAt         time.Time
	PublishedAt       *time.Time

	Partnership *Partnership    `bun:"-"` // nil when it is about an edition
	Edition     *Edition        `bun:"-"` // nil when it is about a partnership
	Rating      *PracticeRating `bun:"-"`
	OwnRating   *int            `bun:"-"` // of the actor; nil when there is none
	Views       int             `bun:"-"`
	MayModerate bool            `bun:"-"` // whether the actor edits it and moderates its comments
	partners    []*Organisation
	siblings    *siblings
}

// PracticeStatus is who may read a description.
type PracticeStatus string

// The statuses of descriptions: a draft is for those who write it, a published one for everybody.
const (
	PracticeDraft     PracticeStatus = "DRAFT"
	PracticePublished PracticeStatus = "PUBLISHED"
)

// PracticeRating is what people think of a practice.
type PracticeRating struct {
	Count   int
	Average *float64 // from 1 to 5; nil without any rating
}

func (p *PracticeDescription) id() ID { return p.ID }

// Budget returns what it cost; nil when that is not known.
func (p *PracticeDescription) Budget() *Money { return money(p.BudgetMinor, p.BudgetCurrency) }

// Partners returns who took part, in the order given, if the shape asked for it.
func (p *PracticeDescription) Partners() []Party { return parties(p.partners) }

// describes reports whether the actor writes the description: organisers of the edition, and who leads the partnership.
func (v view) describes(p *PracticeDescription) bool {
	if v.actor.Anonymous() {
		return false
	}
	if e := p.Edition; e != nil {
		return v.actor.organisesEdition(e.ID, e.PartnershipID, e.HostID)
	}
	return v.actor.leads(p.PartnershipID)
}

// loadPractices loads those of the descriptions that the actor may read.
func (v view) loadPractices(ctx context.Context, ids []ID, shape Shape) (map[ID]*PracticeDescription, error) {
	found, err := byID[PracticeDescription](ctx, v.tx, ids)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	rows, err := v.practices(ctx, values(found), shape)
	readable := make(map[ID]*PracticeDescription, len(rows))
	for _, row := range rows {
		readable[row.ID] = row
	}
	return readable, err
}

// practicesOf loads the descriptions of partnerships or editions that the actor may read, the latest first.
func (v view) practicesOf(ctx context.Context, column bun.Ident, ids []ID, of func(*PracticeDescription) ID, shape Shape) (map[ID][]*PracticeDescription, error) {
	var rows []*PracticeDescription
	if err := v.tx.NewSelect().Model(&rows).Where("? IN (?)", column, bun.List(ids)).Order("id DESC").Scan(ctx); err != nil {
		return nil, fmt.Errorf("practices: %w", err)
	}
	rows, err := v.practices(ctx, rows, shape)
	by := groupBy(rows, of)
	for _, id := range ids {
		if by[id] == nil {
			by[id] = []*PracticeDescription{}
		}
	}
	return by, err
}

// practices completes descriptions, and leaves out those that the actor may not read.
func (v view) practices(ctx context.Context, rows []*PracticeDescription, shape Shape) ([]*PracticeDescription, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	editions, err := v.loadEditions(ctx, idsBy(rows, func(p *PracticeDescription) ID { return p.EditionID }), shape.Of("edition"))
	if err != nil {
		return nil, err
	}
	var readable []*PracticeDescription
	for _, p := range rows {
		p.Edition = editions[p.EditionID]
		if p.Edition == nil && p.PartnershipID.IsZero() {
			continue
		}
		if p.MayModerate = v.describes(p); p.Status == PracticePublished || p.MayModerate {
			readable = append(readable, p)
		}
	}
	if len(readable) == 0 {
		return nil, nil
	}
	ids := idsOf(readable)
	together := newSiblings(ids)
	for _, p := range readable {
		p.siblings = together
	}
	if shape.Has("partnership") {
		partnerships, err := v.loadPartnerships(ctx, idsBy(readable, func(p *PracticeDescription) ID { return p.PartnershipID }), shape.Of("partnership"))
		if err != nil {
			return nil, err
		}
		for _, p := range readable {
			p.Partnership = partnerships[p.PartnershipID]
		}
	}
	if shape.Has("partners") {
		if err := v.practicePartners(ctx, readable, shape.Of("partners")); err != nil {
			return nil, err
		}
	}
	return readable, v.practiceFigures(ctx, readable, shape)
}

func (v view) practicePartners(ctx context.Context, rows []*PracticeDescription, shape Shape) error {
	var partners []struct{ PracticeID, OrganisationID ID }
	if err := v.tx.NewSelect().TableExpr("practice_partners").Column("practice_id", "organisation_id").Where("practice_id IN (?)", bun.List(idsOf(rows))).
		Order("position").Scan(ctx, &partners); err != nil {
		return fmt.Errorf("partners: %w", err)
	}
	for _, p := range rows {
		var own []ID
		for _, row := range partners {
			if row.PracticeID == p.ID {
				own = append(own, row.OrganisationID)
			}
		}
		p.partners = make([]*Organisation, len(own))
		for i, id := range own {
			v.wantOrganisation(id, shape, func(o *Organisation) { p.partners[i] = o })
		}
	}
	return nil
}

// practiceFigures counts ratings and views.
func (v view) practiceFigures(ctx context.Context, rows []*PracticeDescription, shape Shape) error {
	by := make(map[ID]*PracticeDescription, len(rows))
	for _, p := range rows {
		by[p.ID], p.Rating = p, new(PracticeRating)
	}
	ids := bun.List(idsOf(rows))
	if shape.Has("rating") {
		var ratings []struct {
			PracticeID ID
			Count, Sum int
		}
		if err := v.tx.NewSelect().TableExpr("practice_ratings").ColumnExpr("practice_id, count(*) AS count, sum(stars) AS sum").
			Where("practice_id IN (?)", ids).Group("practice_id").Scan(ctx, &ratings); err != nil {
			return fmt.Errorf("ratings: %w", err)
		}
		for _, r := range ratings {
			average := float64(r.Sum) / float64(r.Count)
			by[r.PracticeID].Rating = &PracticeRating{Count: r.Count, Average: &average}
		}
	}
	if shape.Has("ownRating") && !v.actor.Anonymous() {
		var own []struct {
			PracticeID ID
			Stars      int
		}
		if err := v.tx.NewSelect().TableExpr("practice_ratings").Column("practice_id", "stars").Where("practice_id IN (?)", ids).
			Where("person_id = ?", v.actor.PersonID).Scan(ctx, &own); err != nil {
			return fmt.Errorf("own ratings: %w", err)
		}
		for _, r := range own {
			by[r.PracticeID].OwnRating = &r.Stars
		}
	}
	if shape.Has("views") {
		var views []struct {
			PracticeID ID
			N          int
		}
		if err := v.tx.NewSelect().TableExpr("practice_views").ColumnExpr("practice_id, sum(n) AS n").Where("practice_id IN (?)", ids).
			Group("practice_id").Scan(ctx, &views); err != nil {
			return fmt.Errorf("views: %w", err)
		}
		for _, row := range views {
			by[row.PracticeID].Views = row.N
		}
	}
	return nil
}

// Practice returns a description; nil when there is none that the actor may read.
func (d *DB) Practice(ctx context.Context, actor Actor, id ID, shape Shape) (*PracticeDescription, error) {
	v := d.view(actor)
	rows, err := v.loadPractices(ctx, []ID{id}, shape)
	return rows[id], v.finish(ctx, err)
}

// CountPracticeView counts that somebody has read a published description today. It keeps a number for each day and nothing else.
func (d *DB) CountPracticeView(ctx context.Context, id ID) error {
	_, err := d.write.NewRaw(`INSERT INTO practice_views (practice_id, day, n) SELECT id, ?, 1 FROM practices WHERE id = ? AND status = ?
		ON CONFLICT (practice_id, day) DO UPDATE SET n = practice_views.n + 1`, DateOf(d.now()), id, PracticePublished).Exec(ctx)
	if err != nil {
		return fmt.Errorf("count view: %w", err)
	}
	return nil
}
