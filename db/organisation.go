package db

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Organisation is a party that can take part: a municipality or an institution.
type Organisation struct {
	bun.BaseModel `bun:"table:organisations,alias:organisation"`

	ID              ID `bun:",pk"`
	Key             string
	Kind            OrganisationKind
	InstitutionKind InstitutionKind // "" for a municipality
	Name            string
	FoldedName      string
	Country         string // ISO 3166-1 alpha-2
	Code            *string
	Population      *int
	Website         *string

	siblings *siblings
}

// OrganisationKind tells municipalities from institutions.
type OrganisationKind string

// The kinds of organisations.
const (
	KindOfMunicipality OrganisationKind = "MUNICIPALITY"
	KindOfInstitution  OrganisationKind = "INSTITUTION"
)

// InstitutionKind is what sort of institution it is.
type InstitutionKind string

// Municipality and Institution are the two types of organisation as the graph shows them.
type (
	Municipality Organisation
	Institution  Organisation
)

// Party is an organisation of either type; nil when there is none.
type Party interface {
	Node
	organisation() *Organisation
}

func (o *Municipality) organisation() *Organisation { return (*Organisation)(o) }
func (o *Institution) organisation() *Organisation  { return (*Organisation)(o) }

func (o *Organisation) id() ID { return o.ID }
func (o *Municipality) id() ID { return o.ID }
func (o *Institution) id() ID  { return o.ID }

// party returns the organisation as its type; nil for none.
func (o *Organisation) party() Party {
	switch {
	case o == nil:
		return nil
	case o.Kind == KindOfMunicipality:
		return (*Municipality)(o)
	default:
		return (*Institution)(o)
	}
}

// name returns the organisation's name; "" for none.
func (o *Organisation) name() string {
	if o == nil {
		return ""
	}
	return o.Name
}

func parties(organisations []*Organisation) []Party {
	all := make([]Party, len(organisations))
	for i, o := range organisations {
		all[i] = o.party()
	}
	return all
}

// MunicipalityFilter restricts a list of municipalities; nil fields do not.
type MunicipalityFilter struct {
	Country    *string
	NamePrefix *string
}

var organisationsByName = order[Organisation]{
	column: "organisation.folded_name",
	key:    func(o *Organisation) (string, ID) { return o.FoldedName, o.ID },
	cursor: byText(KindMunicipality, KindInstitution),
}

// Municipalities lists municipalities by name.
func (d *DB) Municipalities(ctx context.Context, p Page, filter MunicipalityFilter) (*Connection[Municipality], error) {
	c, err := d.organisations(ctx, p, KindOfMunicipality, filter)
	return retype(c, func(o *Organisation) *Municipality { return (*Municipality)(o) }), err
}

// Institutions lists institutions by name.
func (d *DB) Institutions(ctx context.Context, p Page) (*Connection[Institution], error) {
	c, err := d.organisations(ctx, p, KindOfInstitution, MunicipalityFilter{})
	return retype(c, func(o *Organisation) *Institution { return (*Institution)(o) }), err
}

func (d *DB) organisations(ctx context.Context, p Page, kind OrganisationKind, filter MunicipalityFilter) (*Connection[Organisation], error) {
	c, err := connect(ctx, d.read, organisationsByName, p, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("organisation.kind = ?", kind)
		if filter.Country != nil {
			q = q.Where("organisation.country = ?", *filter.Country)
		}
		if filter.NamePrefix != nil && fold(*filter.NamePrefix) != "" {
			prefix := fold(*filter.NamePrefix)
			q = q.Where("organisation.folded_name >= ? AND organisation.folded_name < ?", prefix, prefix+"\U0010FFFF")
		}
		return q
	})
	if err != nil {
		return nil, fmt.Errorf("organisations: %w", err)
	}
	organisationsTogether(c.Nodes)
	return c, nil
}

// retype gives a connection another record type.
func retype[A, B any](c *Connection[A], as func(*A) *B) *Connection[B] {
	if c == nil {
		return nil
	}
	r := &Connection[B]{PageInfo: c.PageInfo, TotalCount: c.TotalCount, Nodes: make([]*B, len(c.Nodes)), Edges: make([]*Edge[B], len(c.Edges))}
	for i, node := range c.Nodes {
		r.Nodes[i] = as(node)
		r.Edges[i] = &Edge[B]{Cursor: c.Edges[i].Cursor, Node: r.Nodes[i]}
	}
	return r
}

// organisationsTogether makes siblings of organisations that were loaded together.
func organisationsTogether(rows []*Organisation) {
	together := newSiblings(distinct(idsOf(rows)))
	for _, row := range rows {
		row.siblings = together
	}
}

// PartnershipsOf returns the partnerships that an organisation is a member of, by name.
func (d *DB) PartnershipsOf(ctx context.Context, actor Actor, of Party, p Page, shape Shape) (*Connection[Partnership], error) {
	o := of.organisation()
	return pageOf(o.siblings, o.ID, "partnerships", p, shape, func(ids []ID) (map[ID]*Connection[Partnership], error) {
		v := d.view(actor)
		pages, err := connectEach(ctx, v.tx, partnershipsByName, p, ids, "member.organisation_id", func() *bun.SelectQuery {
			return v.tx.NewSelect().Model((*Partnership)(nil)).Join("JOIN members AS member ON member.partnership_id = partnership.id")
		})
		if err != nil {
			return nil, fmt.Errorf("partnerships of organisations: %w", err)
		}
		return pages, v.finish(ctx, v.partnerships(ctx, all(pages), shape))
	})
}

// HostedEditions returns the editions that an organisation hosts or hosted, the latest first.
func (d *DB) HostedEditions(ctx context.Context, actor Actor, of Party, p Page, shape Shape) (*Connection[Edition], error) {
	o := of.organisation()
	return pageOf(o.siblings, o.ID, "hostedEditions", p, shape, func(ids []ID) (map[ID]*Connection[Edition], error) {
		return d.editionsBy(ctx, actor, "edition.host_id", ids, p, shape)
	})
}

func values[K comparable, V any](m map[K]V) []V {
	list := make([]V, 0, len(m))
	for _, v := range m {
		list = append(list, v)
	}
	return list
}
