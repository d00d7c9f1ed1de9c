package db

import (
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"
)

// Person is somebody who works for an organisation.
type Person struct {
	bun.BaseModel `bun:"table:people,alias:person"`

	ID             ID      `bun:",pk"`
	Key            *string // of the programme file; nil for people who came by an invitation
	OrganisationID ID      `bun:",nullzero"`
	Affiliation    string  // whom the person works for when that is not an organisation known here
	Name           string
	Address        *string `bun:"email"` // lower case; nil when unknown
	JobTitle       *string
	Language       Locale `bun:"locale"`
	CreatedAt      time.Time
	ErasedAt       *time.Time // when the personal data was erased: what is left is a pseudonym

	organisation   *Organisation `bun:"-"`
	contactVisible bool          // whether the viewer may see address and language
	suppression    *Suppression  // of the address, when that is visible
}

// Locale is a language that mails and pages are written in.
type Locale string

// The languages of mails and pages.
const (
	Dutch   Locale = "nl"
	German  Locale = "de"
	English Locale = "en"
)

// known reports whether mails and pages are written in the language.
func (l Locale) known() bool { return l == Dutch || l == German || l == English }

func (p *Person) id() ID { return p.ID }

// Organisation returns whom the person works for, if the shape asked for it; nil when that is not one known here.
func (p *Person) Organisation() Party { return p.organisation.party() }

// Email returns the address if the viewer may see it.
func (p *Person) Email() *string {
	if !p.contactVisible {
		return nil
	}
	return p.Address
}

// Locale returns the person's language if the viewer may see it.
func (p *Person) Locale() *Locale {
	if !p.contactVisible {
		return nil
	}
	return &p.Language
}

// Suppression returns why the person gets no mail, if the viewer may see the address and the shape asked for it; nil when mail
// goes there.
func (p *Person) Suppression() *Suppression { return p.suppression }

// WorksFor names whom the person works for, as far as known and loaded.
func (p *Person) WorksFor() string {
	if p.organisation != nil {
		return p.organisation.Name
	}
	return p.Affiliation
}

// people completes people.
func (v view) people(ctx context.Context, rows []*Person, shape Shape) error {
	if shape.Has("organisation") {
		for _, row := range rows {
			v.wantOrganisation(row.OrganisationID, shape.Of("organisation"), func(o *Organisation) { row.organisation = o })
		}
	}
	if shape.Has("email", "locale", "suppression") {
		if err := v.contacts(ctx, rows); err != nil {
			return err
		}
	}
	if shape.Has("suppression") {
		return v.suppressions(ctx, rows)
	}
	return nil
}

// contacts finds out whose address the actor may see: the actor's own, those of people who work for an organisation the actor
// coordinates, and those of people who are invited to, registered for or came to what the actor organises.
func (v view) contacts(ctx context.Context, rows []*Person) error {
	var others []ID
	for _, row := range rows {
		if row.contactVisible = v.actor.maySeeContact(row.ID, row.OrganisationID); !row.contactVisible {
			others = append(others, row.ID)
		}
	}
	if others = distinct(others); len(others) == 0 || !v.actor.Organiser() {
		return nil
	}
	ids := map[ID]bool{}
	for _, table := range []string{"invitations", "registrations", "attendances"} {
		var of []ID
		q := v.tx.NewSelect().TableExpr("? AS mine", bun.Ident(table)).ColumnExpr("DISTINCT mine.person_id").Where("mine.person_id IN (?)", bun.List(others))
		if table == "invitations" {
			q = q.Join("LEFT JOIN editions AS edition ON edition.id = mine.edition_id").
				Join("LEFT JOIN course_runs AS run ON run.id = mine.course_run_id")
		} else {
			q = q.Join("JOIN seats ON seats.id = mine.seats_id").Join("LEFT JOIN sessions AS session ON session.id = seats.session_id").
				Join("LEFT JOIN editions AS edition ON edition.id = coalesce(seats.edition_id, session.edition_id)").
				Join("LEFT JOIN course_runs AS run ON run.id = seats.course_run_id")
		}
		if err := q.Join("LEFT JOIN courses AS course ON course.id = run.course_id").
			WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
				return q.WhereGroup(" OR ", v.actor.organisedEditions).WhereGroup(" OR ", v.actor.organisedCourses)
			}).Scan(ctx, &of); err != nil {
			return fmt.Errorf("people of one's meetings: %w", err)
		}
		for _, id := range of {
			ids[id] = true
		}
	}
	for _, row := range rows {
		row.contactVisible = row.contactVisible || ids[row.ID]
	}
	return nil
}

// loadPeople loads people by id and completes them.
func (v view) loadPeople(ctx context.Context, ids []ID, shape Shape) (map[ID]*Person, error) {
	found, err := byID[Person](ctx, v.tx, ids)
	if err != nil {
		return nil, fmt.Errorf("people: %w", err)
	}
	return found, v.people(ctx, values(found), shape)
}

func (d *DB) person(ctx context.Context, actor Actor, id ID, shape Shape) (*Person, error) {
	v := d.view(actor)
	people, err := v.loadPeople(ctx, []ID{id}, shape)
	return people[id], v.finish(ctx, err)
}

// publicPeople returns those of the people that anybody may know of: who contributes to a published edition, teaches a course
// or coordinates a partnership does so in public.
func (v view) publicPeople(ctx context.Context, people []ID) (map[ID]bool, error) {
	public := make(map[ID]bool, len(people))
	if len(people) == 0 {
		return public, nil
	}
	for _, q := range []*bun.SelectQuery{
		v.visible(v.tx.NewSelect().Model((*Edition)(nil))).
			Join("JOIN sessions AS session ON session.edition_id = edition.id").
			Join("JOIN contributions AS contribution ON contribution.session_id = session.id"),
		v.tx.NewSelect().TableExpr("course_trainers"),
		v.visibleRuns(v.tx.NewSelect().Model((*CourseRun)(nil))).Join("JOIN run_trainers ON run_trainers.course_run_id = course_run.id"),
		v.tx.NewSelect().TableExpr("coordinators"),
	} {
		var ids []ID
		if err := q.ColumnExpr("DISTINCT person_id").Where("person_id IN (?)", bun.List(people)).Scan(ctx, &ids); err != nil {
			return nil, fmt.Errorf("public people: %w", err)
		}
		for _, id := range ids {
			public[id] = true
		}
	}
	return public, nil
}

// normalAddress returns the address in the form the database keeps, lower case; ok is false for anything but one plain mail
// address (RFC 5322 addr-spec, at most 254 characters) with a dotted domain of letters, digits and hyphens. Letters of any
// script are letters (RFC 6531), but what cannot be seen is not.
func normalAddress(text string) (address string, ok bool) {
	address = strings.ToLower(strings.TrimSpace(text))
	if len(address) > 254 || strings.ContainsFunc(address, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) || r == utf8.RuneError }) {
		return "", false
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Name != "" || parsed.Address != address || strings.ContainsAny(address, "\"<>(),;:\\") {
		return "", false
	}
	local, domain, _ := strings.Cut(address, "@")
	labels := strings.Split(domain, ".")
	if len(local) > 64 || len(labels) < 2 || slices.ContainsFunc(labels, func(label string) bool { return !domainLabel(label) }) {
		return "", false
	}
	return address, true
}

// domainLabel reports whether the text may stand between the dots of a domain (RFC 1123, RFC 5890).
func domainLabel(text string) bool {
	return text != "" && len(text) <= 63 && !strings.HasPrefix(text, "-") && !strings.HasSuffix(text, "-") &&
		!strings.ContainsFunc(text, func(r rune) bool { return r != '-' && !unicode.In(r, unicode.L, unicode.M, unicode.Nd) })
}
