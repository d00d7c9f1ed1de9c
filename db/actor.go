package db

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// AccessToken is a person's permission to act by the API, kept as a hash.
type AccessToken struct {
	bun.BaseModel `bun:"table:access_tokens,alias:access_token"`

	ID        ID `bun:",pk"`
	PersonID  ID
	Hash      string
	Way       SignInWay
	Device    string // what the browser or program called itself, "" when it did not
	CreatedAt time.Time
	ExpiresAt time.Time

	Current bool `bun:"-"` // whether the reader uses it now
}

func (t *AccessToken) id() ID { return t.ID }

// IssueToken makes a bearer token for the person with the address, valid for the duration. It is for operators: whoever may
// call it may become anybody.
func (d *DB) IssueToken(ctx context.Context, email string, valid time.Duration) (token string, err error) {
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		person, err := personByAddress(ctx, tx, email)
		if err != nil {
			return err
		}
		var row *AccessToken
		if token, row, err = issue(ctx, tx, now, person.ID, ByOperator, "", valid); err != nil {
			return err
		}
		return audit(ctx, tx, now, Actor{}, "issue token", row.ID)
	})
	return token, err
}

// issue makes a bearer token.
func issue(ctx context.Context, tx bun.Tx, now time.Time, person ID, way SignInWay, device string, valid time.Duration) (string, *AccessToken, error) {
	token := "vt_" + secret()
	row := &AccessToken{
		ID: NewID(KindAccessToken, now), PersonID: person, Hash: hashToken(token), Way: way, Device: device,
		CreatedAt: now, ExpiresAt: now.Add(valid),
	}
	if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
		return "", nil, fmt.Errorf("insert token: %w", err)
	}
	return token, row, nil
}

// secret returns 32 random bytes as text that needs no escaping in a URL.
func secret() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return base64.RawURLEncoding.EncodeToString(secret)
}

// Authenticate returns the actor a bearer token stands for; ok is false when it stands for nobody.
func (d *DB) Authenticate(ctx context.Context, token string) (_ Actor, ok bool, err error) {
	return d.authenticate(ctx, "hash = ?", hashToken(token))
}

// Renew returns the actor with the rights it has now; ok is false when it has signed out. What lasts longer than a request asks
// again, so that what is taken from somebody is gone at once.
func (d *DB) Renew(ctx context.Context, a Actor) (_ Actor, ok bool, err error) {
	if a.Anonymous() {
		return a, true, nil
	}
	return d.authenticate(ctx, "access_token.id = ?", a.TokenID)
}

func (d *DB) authenticate(ctx context.Context, condition string, value any) (_ Actor, ok bool, err error) {
	var a Actor
	ok, err = found(d.read.NewSelect().Model((*AccessToken)(nil)).
		ColumnExpr("access_token.id, access_token.person_id, person.organisation_id").
		ColumnExpr("EXISTS (SELECT 1 FROM administrators WHERE administrators.person_id = person.id) AS administrator").
		Join("JOIN people AS person ON person.id = access_token.person_id").
		Where(condition, value).Where("expires_at > ?", d.now()).Scan(ctx, &a.TokenID, &a.PersonID, &a.OrganisationID, &a.Administrator))
	if err != nil || !ok {
		return Actor{}, false, err
	}
	return a, true, viewIn(d.read, a, d.now()).roles(ctx, &a)
}

// roles reads what the actor coordinates and organises.
func (v view) roles(ctx context.Context, a *Actor) error {
	if err := v.tx.NewSelect().TableExpr("coordinators AS coordinator").
		Join("JOIN members AS member ON member.id = coordinator.member_id").
		ColumnExpr("member.partnership_id, member.organisation_id, member.role IN (?) AS lead", bun.List([]MemberRole{RoleLead, RoleSecretariat})).
		Where("coordinator.person_id = ?", a.PersonID).Order("member.partnership_id", "member.position").Scan(ctx, &a.Coordinates); err != nil {
		return fmt.Errorf("select coordinations: %w", err)
	}
	if err := v.tx.NewSelect().Model((*organiser)(nil)).ColumnExpr("coalesce(edition_id, course_id)").
		Where("person_id = ?", a.PersonID).OrderExpr("1").Scan(ctx, &a.Organises); err != nil {
		return fmt.Errorf("select what the person organises: %w", err)
	}
	return nil
}

// RoleName is what a person can be.
type RoleName string

// The roles.
const (
	RoleCoordinator   RoleName = "COORDINATOR"
	RoleLeadership    RoleName = "LEAD"
	RoleOrganiser     RoleName = "ORGANISER"
	RoleAdministrator RoleName = "ADMINISTRATOR"
)

// Role is one thing that an actor may do somewhere.
type Role struct {
	Role         RoleName
	Partnership  *Partnership
	Organisation Party
	Edition      *Edition
	Course       *Course
}

// Viewer returns the person who is asking and what they may do; nil for the anonymous actor.
func (d *DB) Viewer(ctx context.Context, actor Actor, person, role Shape) (*Person, []*Role, error) {
	v := d.view(actor)
	people, err := v.loadPeople(ctx, []ID{actor.PersonID}, person)
	if err != nil || people[actor.PersonID] == nil {
		return nil, nil, err
	}
	partnerships, err := v.loadPartnerships(ctx, actor.partnerships(), role.Of("partnership"))
	if err != nil {
		return nil, nil, err
	}
	editions, err := v.loadEditions(ctx, actor.Organises, role.Of("edition"))
	if err != nil {
		return nil, nil, err
	}
	courses, err := v.loadCourses(ctx, actor.Organises, role.Of("course"))
	if err != nil {
		return nil, nil, err
	}
	roles := []*Role{}
	if actor.Administrator {
		roles = append(roles, &Role{Role: RoleAdministrator})
	}
	for _, c := range actor.Coordinates {
		r := &Role{Role: RoleCoordinator, Partnership: partnerships[c.PartnershipID]}
		v.wantOrganisation(c.OrganisationID, role.Of("organisation"), func(o *Organisation) { r.Organisation = o.party() })
		roles = append(roles, r)
		if c.Lead {
			roles = append(roles, &Role{Role: RoleLeadership, Partnership: r.Partnership})
		}
	}
	for _, id := range actor.Organises {
		roles = append(roles, &Role{Role: RoleOrganiser, Edition: editions[id], Course: courses[id]})
	}
	return people[actor.PersonID], roles, v.finish(ctx, nil)
}

// hashToken is how tokens are kept. They hold 32 random bytes, so a plain hash is enough.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
