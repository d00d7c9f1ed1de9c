package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// Partnership is a group of organisations that work together.
type Partnership struct {
	bun.BaseModel `bun:"table:partnerships,alias:partnership"`

	ID          ID `bun:",pk"`
	Key         string
	Name        string
	FoldedName  string
	Kind        PartnershipKind
	Description string
	Since       *int // year

	Members    []*Member    `bun:"-"`
	Agreements []*Agreement `bun:"-"`
	Series     []*Series    `bun:"-"`
	// What is left from the reports that the actor may read, the oldest edition first.
	OpenActions   []*ReportAction        `bun:"-"`
	OpenQuestions []*ReportQuestion      `bun:"-"`
	Practices     []*PracticeDescription `bun:"-"` // that the actor may read, the latest first
}

// PartnershipKind is what sort of partnership it is.
type PartnershipKind string

// Member is an organisation in a partnership.
type Member struct {
	bun.BaseModel `bun:"table:members,alias:member"`

	ID             ID `bun:",pk"`
	PartnershipID  ID
	OrganisationID ID
	Role           MemberRole
	Position       int

	Coordinators []*Person     `bun:"-"`
	Party        *Organisation `bun:"rel:belongs-to,join:organisation_id=id"`
}

// MemberRole is what an organisation is in a partnership.
type MemberRole string

// The roles of members.
const (
	RoleLead        MemberRole = "LEAD"
	RoleMember      MemberRole = "MEMBER"
	RoleSecretariat MemberRole = "SECRETARIAT"
)

// coordinator is a person who arranges a member's part.
type coordinator struct {
	bun.BaseModel `bun:"table:coordinators,alias:coordinator"`

	MemberID ID `bun:",pk"`
	PersonID ID `bun:",pk"`
	Position int
}

// Agreement is what a partnership signed.
type Agreement struct {
	bun.BaseModel `bun:"table:agreements,alias:agreement"`

	ID                ID `bun:",pk"`
	Key               string
	PartnershipID     ID
	Title             *string
	SignedOn          Date          // the first day of the month or year when no more is known
	SignedOnPrecision DatePrecision `bun:"signed_precision"`
	TermYears         *int          // nil: without end
	Renewal           Renewal
}

// DatePrecision is how exactly a date is known.
type DatePrecision string

// Renewal is what happens at the end of an agreement's term.
type Renewal string

// The renewals.
const (
	RenewalTacit    Renewal = "TACIT"
	RenewalExplicit Renewal = "EXPLICIT"
)

// AgreementStatus is where an agreement stands on a day.
type AgreementStatus string

// The statuses of agreements.
const (
	AgreementNotYetSigned   AgreementStatus = "NOT_YET_SIGNED"
	AgreementActive         AgreementStatus = "ACTIVE"
	AgreementTacitlyRenewed AgreementStatus = "TACITLY_RENEWED"
	AgreementExpired        AgreementStatus = "EXPIRED"
)

func (p *Partnership) id() ID { return p.ID }
func (m *Member) id() ID      { return m.ID }

// Organisation returns which organisation it is, if the shape asked for it.
func (m *Member) Organisation() Party { return m.Party.party() }

// EndsOn returns the last day of the first term, nil without one: an agreement of 2009 for five years ends with 2013.
func (a *Agreement) EndsOn() *Date {
	if a.TermYears == nil {
		return nil
	}
	last := DateOf(a.SignedOn.Time().AddDate(*a.TermYears, 0, -1))
	return &last
}

// Status returns where the agreement stands on the day.
func (a *Agreement) Status(on Date) AgreementStatus {
	ends := a.EndsOn()
	switch {
	case on < a.SignedOn:
		return AgreementNotYetSigned
	case ends == nil || on <= *ends:
		return AgreementActive
	case a.Renewal == RenewalTacit:
		return AgreementTacitlyRenewed
	default:
		return AgreementExpired
	}
}

var partnershipsByName = order[Partnership]{
	column: "partnership.folded_name",
	key:    func(p *Partnership) (string, ID) { return p.FoldedName, p.ID },
	cursor: byText(KindPartnership),
}

// Partnership returns one partnership; nil when there is none.
func (d *DB) Partnership(ctx context.Context, actor Actor, id ID, shape Shape) (*Partnership, error) {
	v := d.view(actor)
	found, err := v.loadPartnerships(ctx, []ID{id}, shape)
	return found[id], v.finish(ctx, err)
}

// Partnerships lists partnerships by name.
func (d *DB) Partnerships(ctx context.Context, actor Actor, p Page, shape Shape) (*Connection[Partnership], error) {
	v := d.view(actor)
	c, err := connect(ctx, v.tx, partnershipsByName, p, func(q *bun.SelectQuery) *bun.SelectQuery { return q })
	if err != nil {
		return nil, fmt.Errorf("partnerships: %w", err)
	}
	return c, v.finish(ctx, v.partnerships(ctx, c.Nodes, shape))
}

func (v view) loadPartnerships(ctx context.Context, ids []ID, shape Shape) (map[ID]*Partnership, error) {
	found, err := byID[Partnership](ctx, v.tx, ids)
	if err != nil {
		return nil, fmt.Errorf("partnerships: %w", err)
	}
	return found, v.partnerships(ctx, values(found), shape)
}

func (v view) partnerships(ctx context.Context, rows []*Partnership, shape Shape) error {
	if len(rows) == 0 {
		return nil
	}
	ids := distinct(idsOf(rows))
	if shape.Has("members") {
		var members []*Member
		below := shape.Of("members")
		q := v.tx.NewSelect().Model(&members).Column("partnership_id", "role").Order("member.partnership_id", "member.position")
		if below.Has("coordinators") {
			q = q.Column("id")
		}
		if below.Has("organisation") {
			q = q.Relation("Party", func(q *bun.SelectQuery) *bun.SelectQuery { return organisationColumns(q, below.Of("organisation")) })
		}
		if err := selectAmong(ctx, v.tx, &members, q, "member.partnership_id", ids); err != nil {
			return fmt.Errorf("members: %w", err)
		}
		if err := v.members(ctx, members, below); err != nil {
			return err
		}
		slices.SortStableFunc(members, func(a, b *Member) int { return cmp.Compare(a.lead(), b.lead()) })
		byPartnership := groupBy(members, func(m *Member) ID { return m.PartnershipID })
		for _, row := range rows {
			row.Members = byPartnership[row.ID]
		}
	}
	if shape.Has("agreements") {
		var agreements []*Agreement
		if err := selectAmong(ctx, v.tx, &agreements, v.tx.NewSelect().Model(&agreements).Order("partnership_id", "signed_on", "id"), "partnership_id", ids); err != nil {
			return fmt.Errorf("agreements: %w", err)
		}
		byPartnership := groupBy(agreements, func(a *Agreement) ID { return a.PartnershipID })
		for _, row := range rows {
			row.Agreements = byPartnership[row.ID]
		}
	}
	if shape.Has("series") {
		var series []*Series
		if err := selectAmong(ctx, v.tx, &series, v.tx.NewSelect().Model(&series).Order("partnership_id", "name", "id"), "partnership_id", ids); err != nil {
			return fmt.Errorf("series: %w", err)
		}
		if err := v.series(ctx, series, shape.Of("series")); err != nil {
			return err
		}
		byPartnership := groupBy(series, func(s *Series) ID { return s.PartnershipID })
		for _, row := range rows {
			row.Series = byPartnership[row.ID]
		}
	}
	if shape.Has("practices") {
		practices, err := v.practicesOf(ctx, "partnership_id", ids, func(p *PracticeDescription) ID { return p.PartnershipID }, shape.Of("practices"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Practices = practices[row.ID]
		}
	}
	return v.openEnds(ctx, rows, shape)
}

// lead is 0 for the member that leads and 1 for the others.
func (m *Member) lead() int {
	if m.Role == RoleLead {
		return 0
	}
	return 1
}

func (v view) members(ctx context.Context, rows []*Member, shape Shape) error {
	if len(rows) == 0 {
		return nil
	}
	if shape.Has("organisation") {
		for _, row := range rows {
			v.parties.came = append(v.parties.came, row.Party)
		}
	}
	if shape.Has("coordinators") {
		var links []*coordinator
		if err := selectAmong(ctx, v.tx, &links, v.tx.NewSelect().Model(&links).Order("member_id", "position"), "member_id", idsOf(rows)); err != nil {
			return fmt.Errorf("coordinators: %w", err)
		}
		ids := idsBy(links, func(c *coordinator) ID { return c.PersonID })
		people, err := v.loadPeople(ctx, ids, shape.Of("coordinators"))
		if err != nil {
			return err
		}
		byMember := groupBy(links, func(c *coordinator) ID { return c.MemberID })
		for _, row := range rows {
			for _, link := range byMember[row.ID] {
				row.Coordinators = append(row.Coordinators, people[link.PersonID])
			}
		}
	}
	return nil
}

// groupBy sorts rows into groups, keeping their order.
func groupBy[K comparable, T any](rows []T, key func(T) K) map[K][]T {
	groups := map[K][]T{}
	for _, row := range rows {
		groups[key(row)] = append(groups[key(row)], row)
	}
	return groups
}
