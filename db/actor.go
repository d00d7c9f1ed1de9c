package db

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Actor is who asks or acts. The zero Actor is anonymous: it sees what is published and changes nothing.
type Actor struct {
	PersonID       ID
	OrganisationID ID             // whom the person works for
	Coordinates    []Coordination // read afresh for every request
}

// Coordination is a person's part as coordinator of one organisation in one partnership.
type Coordination struct {
	PartnershipID  ID
	OrganisationID ID
}

// Anonymous reports whether nobody is signed in.
func (a Actor) Anonymous() bool { return a.PersonID.IsZero() }

// partnerships returns the partnerships the actor coordinates in.
func (a Actor) partnerships() []ID {
	ids := make([]ID, len(a.Coordinates))
	for i, c := range a.Coordinates {
		ids[i] = c.PartnershipID
	}
	return distinct(ids)
}

// organisations returns the organisations the actor coordinates for.
func (a Actor) organisations() []ID {
	ids := make([]ID, len(a.Coordinates))
	for i, c := range a.Coordinates {
		ids[i] = c.OrganisationID
	}
	return distinct(ids)
}

// The policy: one function for each thing an actor may do. Every verb and every guarded read asks here.

// mayOrganise reports whether the actor organises what the partnership holds.
func (a Actor) mayOrganise(partnership ID) bool {
	return slices.ContainsFunc(a.Coordinates, func(c Coordination) bool { return c.PartnershipID == partnership })
}

// mayRunCourses reports whether the actor organises the courses that the organisation offers.
func (a Actor) mayRunCourses(organisation ID) bool {
	return slices.ContainsFunc(a.Coordinates, func(c Coordination) bool { return c.OrganisationID == organisation })
}

// maySeeContact reports whether the actor may see the address of a person who works for the organisation, invited or not.
func (a Actor) maySeeContact(person, organisation ID) bool {
	return !a.Anonymous() && a.PersonID == person || !organisation.IsZero() && a.mayRunCourses(organisation)
}

// AccessToken is a person's permission to act by the API, kept as a hash.
type AccessToken struct {
	bun.BaseModel `bun:"table:access_tokens,alias:access_token"`

	ID        ID `bun:",pk"`
	PersonID  ID
	Hash      string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// IssueToken makes a bearer token for the person with the address, valid for the duration. It is for operators: whoever may
// call it may become anybody.
func (d *DB) IssueToken(ctx context.Context, email string, valid time.Duration) (token string, err error) {
	address, ok := normalAddress(email)
	if !ok {
		return "", problem(CodeInvalid, "email", "This is not a mail address.")
	}
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		person := new(Person)
		if ok, err := found(tx.NewSelect().Model(person).Where("email = ?", address).Scan(ctx)); err != nil || !ok {
			if err == nil {
				err = problem(CodeNotFound, "email", "Nobody with this address is known.")
			}
			return err
		}
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // never fails
		token = "vt_" + base64.RawURLEncoding.EncodeToString(secret)
		row := &AccessToken{ID: NewID(KindAccessToken, now), PersonID: person.ID, Hash: hashToken(token), CreatedAt: now, ExpiresAt: now.Add(valid)}
		if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
			return fmt.Errorf("insert token: %w", err)
		}
		return audit(ctx, tx, now, Actor{}, "issue token", row.ID)
	})
	return token, err
}

// Authenticate returns the actor a bearer token stands for; ok is false when it stands for nobody.
func (d *DB) Authenticate(ctx context.Context, token string) (_ Actor, ok bool, err error) {
	var actor struct{ PersonID, OrganisationID ID }
	ok, err = found(d.read.NewSelect().Model((*AccessToken)(nil)).
		ColumnExpr("access_token.person_id, person.organisation_id").
		Join("JOIN people AS person ON person.id = access_token.person_id").
		Where("hash = ?", hashToken(token)).Where("expires_at > ?", d.now()).Scan(ctx, &actor))
	if err != nil || !ok {
		return Actor{}, false, err
	}
	a := Actor{PersonID: actor.PersonID, OrganisationID: actor.OrganisationID}
	err = d.read.NewSelect().TableExpr("coordinators AS coordinator").
		Join("JOIN members AS member ON member.id = coordinator.member_id").
		ColumnExpr("member.partnership_id, member.organisation_id").
		Where("coordinator.person_id = ?", a.PersonID).Scan(ctx, &a.Coordinates)
	if err != nil {
		return Actor{}, false, fmt.Errorf("select roles: %w", err)
	}
	return a, true, nil
}

// RoleView is one part of an actor as coordinator, with its partnership and organisation.
type RoleView struct {
	Partnership  *Partnership
	Organisation Party
}

// Viewer returns the person who is asking and what they coordinate; nil for the anonymous actor.
func (d *DB) Viewer(ctx context.Context, actor Actor, person, role Shape) (*Person, []RoleView, error) {
	v := d.view(actor)
	people, err := v.loadPeople(ctx, []ID{actor.PersonID}, person)
	if err != nil || people[actor.PersonID] == nil {
		return nil, nil, err
	}
	partnerships, err := v.loadPartnerships(ctx, actor.partnerships(), role.Of("partnership"))
	if err != nil {
		return nil, nil, err
	}
	roles := make([]RoleView, len(actor.Coordinates))
	for i, c := range actor.Coordinates {
		roles[i].Partnership = partnerships[c.PartnershipID]
		v.wantOrganisation(c.OrganisationID, func(o *Organisation) { roles[i].Organisation = o.party() })
	}
	return people[actor.PersonID], roles, v.finish(ctx, nil)
}

// hashToken is how tokens are kept. They hold 32 random bytes, so a plain hash is enough.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
