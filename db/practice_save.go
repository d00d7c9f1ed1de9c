package db

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// MoneyInput is an amount in the smallest unit of its currency (ISO 4217).
type MoneyInput struct {
	AmountMinor int
	Currency    string
}

// SavePracticeDescriptionInput is the whole of a description. A new one names the partnership or the edition that it is about.
type SavePracticeDescriptionInput struct {
	PracticeID        *ID
	PartnershipID     *ID
	EditionID         *ID
	Version           int // that was read before; 0 for a new one
	Locale            Locale
	Title             string
	Description       string
	PartnerIDs        []ID
	Budget            *MoneyInput
	Term              *string
	SuccessFactors    []string
	Pitfalls          []string
	PointsOfAttention []string
	Recommendations   []string
}

const (
	maxPracticeText  = 20000 // characters of a description
	maxPracticePoint = 1000  // characters of a point of a list
	maxPoints        = 30    // points of a list, and partners
)

var currency = regexp.MustCompile(`^[A-Z]{3}$`)

// SavePracticeDescription writes a description: by organisers of the edition, or by who leads the partnership. When somebody has
// saved it since the caller read it, nothing is written and the description as it is now is returned with the problem.
func (d *DB) SavePracticeDescription(ctx context.Context, actor Actor, in SavePracticeDescriptionInput, shape Shape) (*PracticeDescription, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	var id ID
	saved := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		id = ID{}
		v := viewIn(tx, actor, now)
		p, err := d.toBeSaved(ctx, tx, v, in)
		if err != nil {
			return err
		}
		if p.Version != in.Version {
			id = p.ID
			return problem(CodeConflict, "input.version", "Somebody has saved version %d of this description since you read it. Put yours and theirs together, and save that.", p.Version)
		}
		if problems := p.fill(in); len(problems) > 0 {
			return problems
		}
		p.Version++
		if in.Version == 0 {
			_, err = tx.NewInsert().Model(p).Exec(ctx)
		} else {
			_, err = tx.NewUpdate().Model(p).WherePK().Exec(ctx)
		}
		if err != nil {
			return fmt.Errorf("save practice: %w", err)
		}
		if err := savePartners(ctx, tx, p.ID, distinct(in.PartnerIDs)); err != nil {
			return err
		}
		id = p.ID
		return audit(ctx, tx, now, actor, "save practice", p.ID)
	})
	if id.IsZero() {
		return nil, saved
	}
	p, err := d.Practice(ctx, actor, id, shape)
	return p, cmp.Or(saved, err)
}

// toBeSaved returns the description that the input is about, under lock, or a new one without a version.
func (d *DB) toBeSaved(ctx context.Context, tx bun.Tx, v view, in SavePracticeDescriptionInput) (*PracticeDescription, error) {
	if in.PracticeID != nil {
		return d.describedBy(ctx, tx, v, *in.PracticeID)
	}
	p := &PracticeDescription{ID: NewID(KindPractice, v.now), Status: PracticeDraft, CreatedAt: v.now}
	switch {
	case (in.PartnershipID == nil) == (in.EditionID == nil):
		return nil, problem(CodeRequired, "input.partnershipId", "Name the partnership or the edition that this is about, and not both.")
	case in.EditionID != nil:
		editions, err := v.loadEditions(ctx, []ID{*in.EditionID}, nil)
		if err != nil {
			return nil, err
		}
		if p.Edition = editions[*in.EditionID]; p.Edition == nil {
			return nil, problem(CodeNotFound, "input.editionId", "There is no such edition.")
		}
		p.EditionID = p.Edition.ID
	default:
		ok, err := tx.NewSelect().Model((*Partnership)(nil)).Where("id = ?", *in.PartnershipID).Exists(ctx)
		if err != nil {
			return nil, fmt.Errorf("partnership: %w", err)
		}
		if !ok {
			return nil, problem(CodeNotFound, "input.partnershipId", "There is no such partnership.")
		}
		p.PartnershipID = *in.PartnershipID
	}
	if !v.describes(p) {
		return nil, notDescribed()
	}
	return p, nil
}

func notDescribed() *Error {
	return problem(CodeForbidden, "", "Only organisers of the edition, and those who lead the partnership, describe the practice and moderate what is said about it.")
}

// describedBy returns a description that the actor may edit, under lock.
func (d *DB) describedBy(ctx context.Context, tx bun.Tx, v view, id ID) (*PracticeDescription, error) {
	if _, err := found(d.locked(tx.NewSelect().Model((*PracticeDescription)(nil)).Column("id")).Where("id = ?", id).Scan(ctx, new(ID))); err != nil {
		return nil, fmt.Errorf("lock practice: %w", err)
	}
	rows, err := v.loadPractices(ctx, []ID{id}, nil)
	switch p := rows[id]; {
	case err != nil:
		return nil, err
	case p == nil:
		return nil, problem(CodeNotFound, "input.practiceId", "There is no such practice description.")
	case !p.MayModerate:
		return nil, notDescribed()
	default:
		return p, nil
	}
}

// fill takes over what was written, or says what is wrong with it.
func (p *PracticeDescription) fill(in SavePracticeDescriptionInput) (problems Errors) {
	text := func(text, field string, most int) string {
		clean, wrong := cleanText(text, field, most)
		if wrong != nil {
			problems = append(problems, wrong)
		}
		return clean
	}
	points := func(list []string, field string) []string {
		clean := []string{}
		for _, point := range list {
			if point = text(point, field, maxPracticePoint); point != "" {
				clean = append(clean, point)
			}
		}
		if len(clean) > maxPoints {
			problems = append(problems, problem(CodeTooLarge, field, "Name at most %d points; these are %d.", maxPoints, len(clean)))
		}
		return clean
	}
	p.Locale, p.Term, p.BudgetMinor, p.BudgetCurrency = in.Locale, "", nil, ""
	p.Title, p.Description = text(in.Title, "input.title", 200), text(in.Description, "input.description", maxPracticeText)
	if in.Term != nil {
		p.Term = text(*in.Term, "input.term", 200)
	}
	p.SuccessFactors, p.Pitfalls = points(in.SuccessFactors, "input.successFactors"), points(in.Pitfalls, "input.pitfalls")
	p.PointsOfAttention, p.Recommendations = points(in.PointsOfAttention, "input.pointsOfAttention"), points(in.Recommendations, "input.recommendations")
	if p.Title == "" || hasControl(p.Title) {
		problems = append(problems, problem(CodeRequired, "input.title", "Give the practice a title of one line."))
	}
	if hasControl(p.Term) {
		problems = append(problems, problem(CodeInvalid, "input.term", "Write the term on one line."))
	}
	if !in.Locale.known() {
		problems = append(problems, problem(CodeInvalid, "input.locale", "Practices are described in nl, de and en."))
	}
	if len(distinct(in.PartnerIDs)) > maxPoints {
		problems = append(problems, problem(CodeTooLarge, "input.partnerIds", "Name at most %d partners.", maxPoints))
	}
	if b := in.Budget; b != nil {
		if b.AmountMinor < 0 || !currency.MatchString(b.Currency) {
			problems = append(problems, problem(CodeInvalid, "input.budget", "Give an amount of at least nothing and a currency of three letters, such as EUR."))
		}
		p.BudgetMinor, p.BudgetCurrency = &b.AmountMinor, b.Currency
	}
	return problems
}

// savePartners makes the organisations the partners of a practice, in their order.
func savePartners(ctx context.Context, tx bun.Tx, practice ID, partners []ID) error {
	known, err := byID[Organisation](ctx, tx, partners)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(partners, func(id ID) bool { return known[id] == nil }); i >= 0 {
		return problem(CodeNotFound, "input.partnerIds", "There is no such organisation: number %d.", i+1)
	}
	if _, err := tx.NewRaw("DELETE FROM practice_partners WHERE practice_id = ?", practice).Exec(ctx); err != nil {
		return fmt.Errorf("former partners: %w", err)
	}
	for i, id := range partners {
		if _, err := tx.NewRaw("INSERT INTO practice_partners (practice_id, organisation_id, position) VALUES (?, ?, ?)", practice, id, i).Exec(ctx); err != nil {
			return fmt.Errorf("insert partner: %w", err)
		}
	}
	return nil
}

// PublishPracticeDescription shows a description to everybody. Publishing again changes nothing.
func (d *DB) PublishPracticeDescription(ctx context.Context, actor Actor, id ID, shape Shape) (*PracticeDescription, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		p, err := d.describedBy(ctx, tx, viewIn(tx, actor, now), id)
		switch {
		case err != nil || p.Status == PracticePublished:
			return err
		case p.Description == "":
			return problem(CodeRequired, "input.practiceId", "Write a description before you publish it.")
		case p.Edition != nil && p.Edition.Status == EditionDraft:
			return problem(CodeConflict, "input.practiceId", "Publish the edition before you describe its practice to everybody.")
		}
		p.Status, p.PublishedAt = PracticePublished, &now
		if _, err := tx.NewUpdate().Model(p).Column("status", "published_at").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("publish practice: %w", err)
		}
		return audit(ctx, tx, now, actor, "publish practice", p.ID)
	})
	if err != nil {
		return nil, err
	}
	return d.Practice(ctx, actor, id, shape)
}
