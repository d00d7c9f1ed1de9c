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

	organisation   *Organisation `bun:"-"`
	contactVisible bool          // whether the viewer may see address and language
}

// Locale is a language that mails and pages are written in.
type Locale string

// The languages of mails and pages.
const (
	Dutch   Locale = "nl"
	German  Locale = "de"
	English Locale = "en"
)

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

// worksFor names whom the person works for, as far as known and loaded.
func (p *Person) worksFor() string {
	if p.organisation != nil {
		return p.organisation.Name
	}
	return p.Affiliation
}

func (v view) people(rows []*Person, shape Shape) {
	for _, row := range rows {
		row.contactVisible = v.actor.maySeeContact(row.ID, row.OrganisationID)
		if shape.Has("organisation") {
			v.wantOrganisation(row.OrganisationID, func(o *Organisation) { row.organisation = o })
		}
	}
}

// loadPeople loads people by id and completes them.
func (v view) loadPeople(ctx context.Context, ids []ID, shape Shape) (map[ID]*Person, error) {
	found, err := byID[Person](ctx, v.tx, ids)
	if err != nil {
		return nil, fmt.Errorf("people: %w", err)
	}
	v.people(values(found), shape)
	return found, nil
}

// publicPerson reports whether anybody may know of the person: who contributes to a published edition, teaches a course or
// coordinates a partnership does so in public.
func (v view) publicPerson(ctx context.Context, person ID) (bool, error) {
	for _, q := range []*bun.SelectQuery{
		v.visible(v.tx.NewSelect().Model((*Edition)(nil))).
			Join("JOIN sessions AS session ON session.edition_id = edition.id").
			Join("JOIN contributions AS contribution ON contribution.session_id = session.id").
			Where("contribution.person_id = ?", person),
		v.tx.NewSelect().TableExpr("course_trainers").Where("person_id = ?", person),
		v.tx.NewSelect().TableExpr("coordinators").Where("person_id = ?", person),
	} {
		if ok, err := q.Exists(ctx); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
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
