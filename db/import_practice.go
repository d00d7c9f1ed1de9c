package db

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// practicePartner is an organisation that took part in a practice.
type practicePartner struct {
	bun.BaseModel `bun:"table:practice_partners,alias:practice_partner"`

	PracticeID     ID `bun:",pk"`
	OrganisationID ID `bun:",pk"`
	Position       int
}

// importedPractices are the descriptions of practices that a file begins.
type importedPractices struct {
	practices []*PracticeDescription
	partners  []*practicePartner
}

func (i *importing) planPractices(ctx context.Context) error {
	there, err := selectBy[*PracticeDescription](ctx, i, "partnership_id", idsOf(i.partnerships))
	if err != nil {
		return err
	}
	type title struct {
		partnership ID
		title       string
	}
	begun := map[title]bool{}
	for _, p := range there {
		begun[title{p.PartnershipID, p.Title}] = true
	}
	for n, partnership := range i.file.Partnerships {
		id := i.partnerships[n].ID
		for _, p := range partnership.Practices {
			if begun[title{id, p.Title}] {
				continue
			}
			row := &PracticeDescription{
				ID: NewID(KindPractice, i.now), PartnershipID: id, Status: PracticePublished, Version: 1, Locale: Locale(p.Language), Title: p.Title,
				Description: p.Description, Term: p.Term, SuccessFactors: list(p.SuccessFactors), Pitfalls: list(p.Pitfalls),
				PointsOfAttention: list(p.PointsOfAttention), Recommendations: list(p.Recommendations), CreatedAt: i.now, PublishedAt: &i.now,
			}
			row.BudgetMinor, row.BudgetCurrency = amount(p.Budget)
			i.practices = append(i.practices, row)
			for position, organisation := range i.all(programme.OrganisationKind, p.Partners) {
				i.partners = append(i.partners, &practicePartner{PracticeID: row.ID, OrganisationID: organisation, Position: position})
			}
		}
	}
	return nil
}

func (i *importing) writePractices(ctx context.Context) error {
	if err := insertAll(ctx, i.tx, i.practices); err != nil {
		return fmt.Errorf("practices: %w", err)
	}
	return insertAll(ctx, i.tx, i.partners)
}
