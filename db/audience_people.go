package db

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// insertNewPeople writes the recipients who were not known before. Their organisation is found by name; a name that is not
// known is kept as it is.
func insertNewPeople(ctx context.Context, tx bun.Tx, now time.Time, recipients []*recipient) error {
	var fresh []*recipient
	for _, r := range recipients {
		if r.person == nil {
			fresh = append(fresh, r)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	// In one order, so that campaigns to the same new people never wait in a circle.
	slices.SortFunc(fresh, func(x, y *recipient) int { return strings.Compare(x.address, y.address) })
	employers, err := employersOf(ctx, tx, fresh)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(fresh, 1000) {
		people := make([]*Person, len(chunk))
		for i, r := range chunk {
			people[i] = r.newPerson(now, employers)
			r.person = people[i]
		}
		// Somebody else's campaign may have written the same person meanwhile; then theirs is the one.
		if _, err := tx.NewInsert().Model(&people).On("CONFLICT (email) DO NOTHING").Returning("NULL").Exec(ctx); err != nil {
			return fmt.Errorf("insert people: %w", err)
		}
		written := make([]string, len(chunk))
		for i, r := range chunk {
			written[i] = r.address
		}
		var rows []*Person
		if err := tx.NewSelect().Model(&rows).Where("email IN (?)", bun.List(written)).Scan(ctx); err != nil {
			return fmt.Errorf("people by address: %w", err)
		}
		byAddress := make(map[string]*Person, len(rows))
		for _, p := range rows {
			byAddress[*p.Address] = p
		}
		for _, r := range chunk {
			r.person = byAddress[r.address]
		}
	}
	return nil
}

// newPerson makes a record of a recipient who was not known before.
func (r *recipient) newPerson(now time.Time, employers map[string]*Organisation) *Person {
	p := &Person{ID: NewID(KindPerson, now), Name: r.name, Address: &r.address, Language: r.locale, CreatedAt: now}
	if p.Language == "" {
		p.Language = English
	}
	if o := employers[r.employer]; o != nil {
		p.OrganisationID, p.organisation = o.ID, o
		if r.locale == "" {
			p.Language = o.language()
		}
	} else {
		p.Affiliation = r.employer
	}
	return p
}

// employersOf finds the organisations that recipients work for, by the name in their list.
func employersOf(ctx context.Context, tx bun.IDB, recipients []*recipient) (map[string]*Organisation, error) {
	spellings, names := map[string][]string{}, map[string]bool{}
	for _, r := range recipients {
		if _, seen := spellings[r.employer]; !seen {
			spellings[r.employer] = organisationNames(r.employer)
			for _, name := range spellings[r.employer] {
				names[name] = true
			}
		}
	}
	known := map[string]*Organisation{}
	for part := range slices.Chunk(slices.Collect(maps.Keys(names)), 1000) {
		var rows []*Organisation
		if err := tx.NewSelect().Model(&rows).Where("folded_name IN (?)", bun.List(part)).OrderExpr("id DESC").Scan(ctx); err != nil {
			return nil, fmt.Errorf("organisations by name: %w", err)
		}
		for _, o := range rows { // of several with one name, the oldest
			known[o.FoldedName] = o
		}
	}
	employers := map[string]*Organisation{}
	for employer, spelled := range spellings {
		for _, name := range slices.Backward(spelled) {
			employers[employer] = cmp.Or(known[name], employers[employer])
		}
	}
	return employers, nil
}

// organisationNames returns what an organisation may be called here, folded, the best name first: who writes
// "Gemeente Groningen" means "groningen" unless something is called just that.
func organisationNames(name string) []string {
	folded := fold(name)
	if folded == "" {
		return nil
	}
	names := []string{folded}
	for _, prefix := range []string{"gemeente ", "stadt ", "municipality of ", "city of "} {
		if rest, found := strings.CutPrefix(folded, prefix); found {
			names = append(names, rest)
		}
	}
	return names
}

// language is the language that somebody who works there is written to when nothing else is known.
func (o *Organisation) language() Locale {
	switch o.Country {
	case "NL":
		return Dutch
	case "DE", "AT":
		return German
	}
	return English
}
