package db

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// importedOrganisations are the organisations of a file and who works for them.
type importedOrganisations struct {
	organisations []*Organisation
	renamed       []ID // of organisations known under another name
	formerCodes   []ID // of organisations whose code is another's from now on
	people        []*Person
	formerEmails  []ID // of people whose address is another's from now on
}

func (i *importing) planOrganisations(ctx context.Context) error {
	known, err := lookUp(ctx, i, programme.OrganisationKind, keysOf(i.file.Organisations, func(o programme.Organisation) string { return o.Key }),
		func(o *Organisation) string { return o.Key })
	if err != nil {
		return err
	}
	for n, o := range i.file.Organisations {
		kind := KindOfMunicipality
		of := KindMunicipality
		if o.Kind == string(KindOfInstitution) {
			kind, of = KindOfInstitution, KindInstitution
		}
		had := known[o.Key]
		row := &Organisation{
			ID: i.idOf(programme.OrganisationKind, o.Key, had != nil, of), Key: o.Key, Kind: kind, InstitutionKind: InstitutionKind(o.InstitutionKind),
			Name: o.Name, FoldedName: fold(o.Name), Country: o.Country, Code: optional(o.Code), Population: o.Population, Website: optional(o.Website),
		}
		i.organisations = append(i.organisations, row)
		switch {
		case had == nil:
		case had.Kind != kind:
			i.problem(fmt.Sprintf("organisations[%d].kind", n), "Choose another key for this organisation, or correct its kind; %q is known as %s.", o.Key, had.Kind)
		case had.Name != row.Name:
			i.renamed = append(i.renamed, row.ID)
		}
	}
	return i.checkCodes(ctx)
}

// checkCodes reports official codes that other organisations have, unless the file takes them from these.
func (i *importing) checkCodes(ctx context.Context) error {
	type code struct{ country, code string }
	at, codes, imported := map[code]int{}, []string{}, map[ID]*Organisation{}
	for n, row := range i.organisations {
		imported[row.ID] = row
		if row.Code != nil {
			at[code{row.Country, *row.Code}] = n
			codes = append(codes, *row.Code)
		}
	}
	owners, err := selectBy[*Organisation](ctx, i, "code", codes)
	if err != nil {
		return err
	}
	for _, owner := range owners {
		n, wanted := at[code{owner.Country, *owner.Code}]
		if !wanted || i.organisations[n].ID == owner.ID {
			continue
		}
		if imported[owner.ID] != nil {
			i.formerCodes = append(i.formerCodes, owner.ID)
			continue
		}
		i.problem(fmt.Sprintf("organisations[%d].code", n), "Correct the code, or use the key %q if this is the same organisation; %q is already the code of that one, %s.",
			owner.Key, *owner.Code, owner.Name)
	}
	return nil
}

func (i *importing) writeOrganisations(ctx context.Context) error {
	if err := i.clear(ctx, (*Organisation)(nil), "code", i.formerCodes); err != nil {
		return err
	}
	return upsert(ctx, i, i.organisations, "institution_kind", "name", "folded_name", "country", "code", "population", "website")
}

// clear makes a unique column free for its next owners.
func (i *importing) clear(ctx context.Context, model any, column bun.Ident, ids []ID) error {
	for part := range slices.Chunk(ids, chunk) {
		if _, err := i.tx.NewUpdate().Model(model).Set("? = NULL", column).Where("id IN (?)", bun.List(part)).Exec(ctx); err != nil {
			return fmt.Errorf("clear %s: %w", column, err)
		}
	}
	return nil
}

func (i *importing) planPeople(ctx context.Context) error {
	known, err := lookUp(ctx, i, programme.PersonKind, keysOf(i.file.People, func(p programme.Person) string { return p.Key }),
		func(p *Person) string { return *p.Key })
	if err != nil {
		return err
	}
	var addresses []string
	for _, p := range i.file.People {
		if p.Email != "" {
			addresses = append(addresses, strings.ToLower(p.Email))
		}
	}
	owners, err := selectBy[*Person](ctx, i, "email", addresses)
	if err != nil {
		return err
	}
	owner := make(map[string]*Person, len(owners))
	for _, person := range owners {
		owner[*person.Address] = person
	}
	imported := make(map[string]bool, len(i.file.People))
	for _, p := range i.file.People {
		imported[p.Key] = true
	}
	for n, p := range i.file.People {
		address := optional(strings.ToLower(p.Email))
		had := known[p.Key]
		if other := owner[strings.ToLower(p.Email)]; other != nil && (had == nil || had.ID != other.ID) {
			switch {
			case other.Key == nil && had == nil: // came by an invitation, and is this person
				had = other
				i.ids[programme.PersonKind][p.Key] = other.ID
			case other.Key == nil:
				i.problem(fmt.Sprintf("people[%d].email", n), "Correct the address, or leave it out; somebody who was invited under it is known already, and %q has another one.", p.Key)
			case imported[*other.Key]:
				i.formerEmails = append(i.formerEmails, other.ID)
			default:
				i.problem(fmt.Sprintf("people[%d].email", n), "Correct the address, or use the key %q if this is the same person; it is already the address of that one, %s.", *other.Key, other.Name)
			}
		}
		i.people = append(i.people, &Person{
			ID: i.idOf(programme.PersonKind, p.Key, had != nil, KindPerson), Key: &p.Key, OrganisationID: i.ids[programme.OrganisationKind][p.Organisation],
			Name: p.Name, Address: address, JobTitle: optional(p.JobTitle), Language: Locale(p.Locale), CreatedAt: i.now,
		})
	}
	return nil
}

func (i *importing) writePeople(ctx context.Context) error {
	if err := i.clear(ctx, (*Person)(nil), "email", i.formerEmails); err != nil {
		return err
	}
	return upsert(ctx, i, i.people, "key", "organisation_id", "affiliation", "name", "email", "job_title", "locale")
}
