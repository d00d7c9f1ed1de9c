package db

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// importedPartnerships are the partnerships of a file with what they are made of, and their series.
type importedPartnerships struct {
	partnerships []*Partnership
	members      []*Member
	coordinators []*coordinator
	agreements   []*Agreement
	series       []*Series
	turns        []*turn
	movedSeries  []ID      // of series known in another partnership
	holders      map[ID]ID // the partnership of each series that the file holds or refers to
}

func (i *importing) planPartnerships(ctx context.Context) error {
	known, err := lookUp(ctx, i, programme.PartnershipKind, keysOf(i.file.Partnerships, func(p programme.Partnership) string { return p.Key }),
		func(p *Partnership) string { return p.Key })
	if err != nil {
		return err
	}
	ids := idsOf(values(known))
	members, err := selectBy[*Member](ctx, i, "partnership_id", ids)
	if err != nil {
		return err
	}
	type part struct{ partnership, organisation ID }
	memberIDs := map[part]ID{}
	for _, m := range members {
		memberIDs[part{m.PartnershipID, m.OrganisationID}] = m.ID
	}
	agreements, err := selectBy[*Agreement](ctx, i, "partnership_id", ids)
	if err != nil {
		return err
	}
	agreementIDs := map[within]ID{}
	for _, a := range agreements {
		agreementIDs[within{a.PartnershipID, a.Key}] = a.ID
	}
	for _, p := range i.file.Partnerships {
		id := i.idOf(programme.PartnershipKind, p.Key, known[p.Key] != nil, KindPartnership)
		i.partnerships = append(i.partnerships, &Partnership{
			ID: id, Key: p.Key, Name: p.Name, FoldedName: fold(p.Name), Kind: PartnershipKind(p.Kind), Description: p.Description, Since: p.Since,
		})
		for n, m := range p.Members {
			organisation := i.ids[programme.OrganisationKind][m.Organisation]
			member := &Member{
				ID: i.orNew(memberIDs[part{id, organisation}], KindMember), PartnershipID: id, OrganisationID: organisation, Role: MemberRole(m.Role), Position: n,
			}
			i.members = append(i.members, member)
			for n, person := range i.all(programme.PersonKind, m.Coordinators) {
				i.coordinators = append(i.coordinators, &coordinator{MemberID: member.ID, PersonID: person, Position: n})
			}
		}
		for _, a := range p.Agreements {
			signed, precision, err := programme.PartialDate(a.SignedOn)
			if err != nil {
				return fmt.Errorf("agreement %s: %w", a.Key, err)
			}
			i.agreements = append(i.agreements, &Agreement{
				ID: i.orNew(agreementIDs[within{id, a.Key}], KindAgreement), Key: a.Key, PartnershipID: id, Title: optional(a.Title),
				SignedOn: DateOf(signed), SignedOnPrecision: DatePrecision(precision), TermYears: a.TermYears, Renewal: Renewal(a.Renewal),
			})
		}
	}
	return nil
}

// within names a record by what it is part of and its key there.
type within struct {
	of  ID
	key string
}

// orNew returns the id, or a new one when there is none.
func (i *importing) orNew(id ID, of Kind) ID {
	if id.IsZero() {
		return NewID(of, i.now)
	}
	return id
}

func (i *importing) writePartnerships(ctx context.Context) error {
	if err := upsert(ctx, i, i.partnerships, "name", "folded_name", "kind", "description", "since"); err != nil {
		return err
	}
	if err := upsert(ctx, i, i.members, "role", "position"); err != nil {
		return err
	}
	if err := replace(ctx, i, "member_id", idsOf(i.members), i.coordinators); err != nil {
		return err
	}
	return upsert(ctx, i, i.agreements, "title", "signed_on", "signed_precision", "term_years", "renewal")
}

func (i *importing) planSeries(ctx context.Context) error {
	known, err := lookUp(ctx, i, programme.SeriesKind, keysOf(i.file.Series, func(s programme.Series) string { return s.Key }),
		func(s *Series) string { return s.Key })
	if err != nil {
		return err
	}
	i.holders = map[ID]ID{}
	for _, s := range known {
		i.holders[s.ID] = s.PartnershipID
	}
	for _, s := range i.file.Series {
		row := &Series{
			ID: i.idOf(programme.SeriesKind, s.Key, known[s.Key] != nil, KindSeries), Key: s.Key,
			PartnershipID: i.ids[programme.PartnershipKind][s.Partnership], Name: s.Name, Description: s.Description, Cadence: Cadence(s.Cadence),
		}
		if had := known[s.Key]; had != nil && had.PartnershipID != row.PartnershipID {
			i.movedSeries = append(i.movedSeries, row.ID)
		}
		i.holders[row.ID] = row.PartnershipID
		i.series = append(i.series, row)
		for n, organisation := range i.all(programme.OrganisationKind, s.Rotation) {
			i.turns = append(i.turns, &turn{SeriesID: row.ID, OrganisationID: organisation, Position: n})
		}
	}
	return nil
}

func (i *importing) writeSeries(ctx context.Context) error {
	if err := upsert(ctx, i, i.series, "partnership_id", "name", "description", "cadence"); err != nil {
		return err
	}
	if len(i.movedSeries) > 0 {
		_, err := i.tx.NewUpdate().Model((*Edition)(nil)).
			Set("partnership_id = (SELECT partnership_id FROM series WHERE series.id = edition.series_id)").
			Where("edition.series_id IN (?)", bun.List(i.movedSeries)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("move editions with their series: %w", err)
		}
	}
	return replace(ctx, i, "series_id", idsOf(i.series), i.turns)
}
