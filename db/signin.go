package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Signing in by mail: who asks for it gets a link, whose page posts its token, which gives a bearer token. Of both tokens the
// database keeps hashes only. That of the link is made when the mail is written, so it is never stored at all; a copy of the
// mail that is sent again after a crash has one of its own.

// SignInWay is how somebody came by a bearer token.
type SignInWay string

// The ways.
const (
	ByMail     SignInWay = "MAIL"
	ByOpenID   SignInWay = "OPENID"
	ByOperator SignInWay = "OPERATOR"
)

// SignInLinkValid is for how long a mailed link works.
const SignInLinkValid = 15 * time.Minute

// signedInFor is for how long a bearer token is valid.
const signedInFor = 30 * 24 * time.Hour

// signInLink is a link in a mail that signs one person in, once.
type signInLink struct {
	bun.BaseModel `bun:"table:sign_in_links,alias:sign_in_link"`

	ID        ID `bun:",pk"`
	PersonID  ID
	Hash      string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// RequestSignIn mails a sign-in link to the person with the address. It says nothing about whether there is such a person: known
// and unknown addresses are answered alike and after the same statements, of which one writes nothing for unknown ones. It
// refuses only what is no mail address.
func (d *DB) RequestSignIn(ctx context.Context, email string) error {
	address, ok := normalAddress(email)
	if !ok {
		return problem(CodeInvalid, "input.email", "This is not a mail address.")
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		delivery := NewID(KindDelivery, now)
		if _, err := tx.NewRaw(`INSERT INTO deliveries (id, kind, lane, state, person_id, created_at, not_before, attempts, drops, last_code)
			SELECT ?, ?, ?, ?, person.id, ?, ?, 0, 0, 0 FROM people AS person WHERE person.email = ?`,
			delivery, MailSignIn, Urgent, Queued, now, now, address).Exec(ctx); err != nil {
			return fmt.Errorf("queue sign-in mail: %w", err)
		}
		return audit(ctx, tx, now, Actor{}, "request sign-in", delivery)
	})
	d.woken()
	return err
}

// signInLinks makes the links of the sign-in mails among deliveries, and returns their tokens by delivery. A mail that comes too
// late gets none.
func (d *DB) signInLinks(ctx context.Context, deliveries []*Delivery) (map[ID]string, error) {
	now, tokens := d.now(), map[ID]string{}
	var links []*signInLink
	for _, x := range deliveries {
		if x.Kind == MailSignIn && now.Sub(x.CreatedAt) < SignInLinkValid {
			token := secret()
			tokens[x.ID] = token
			links = append(links, &signInLink{
				ID: NewID(KindSignInLink, now), PersonID: x.PersonID, Hash: hashToken(token), CreatedAt: now, ExpiresAt: now.Add(SignInLinkValid),
			})
		}
	}
	if len(links) == 0 {
		return nil, nil
	}
	return tokens, d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error { return insertAll(ctx, tx, links) })
}

// SignInLinkWorks reports whether the token of a link would sign somebody in. It changes nothing: programs that look at mails
// follow their links.
func (d *DB) SignInLinkWorks(ctx context.Context, token string) (bool, error) {
	return d.read.NewSelect().Model((*signInLink)(nil)).Where("hash = ?", hashToken(token)).Where("expires_at > ?", d.now()).Exists(ctx)
}

// SignedIn is somebody who has just signed in.
type SignedIn struct {
	Token  string // a bearer token, shown this once
	SignIn *AccessToken
	Person *Person
}

// SignIn exchanges the token of a mailed link for a bearer token. The link works once, and with it every other link that was
// mailed to the person ends. The device is what the caller's program calls itself.
func (d *DB) SignIn(ctx context.Context, token, device string, person Shape) (*SignedIn, error) {
	in := new(SignedIn)
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		var of []ID
		if err := tx.NewDelete().Model((*signInLink)(nil)).Where("hash = ?", hashToken(token)).Where("expires_at > ?", now).
			Returning("person_id").Scan(ctx, &of); err != nil {
			return fmt.Errorf("use sign-in link: %w", err)
		}
		if len(of) == 0 {
			return problem(CodeInvalid, "input.token", "This link was used before or is over. Ask for a new one.")
		}
		if _, err := tx.NewDelete().Model((*signInLink)(nil)).Where("person_id = ?", of[0]).Exec(ctx); err != nil {
			return fmt.Errorf("end other sign-in links: %w", err)
		}
		var err error
		in.Token, in.SignIn, err = signIn(ctx, tx, now, of[0], ByMail, device)
		return err
	})
	if err != nil {
		return nil, err
	}
	in.Person, err = d.person(ctx, Actor{PersonID: in.SignIn.PersonID}, in.SignIn.PersonID, person)
	return in, err
}

// SignInAs signs the person with the address in, which an OpenID provider has verified. It refuses an address that nobody has.
func (d *DB) SignInAs(ctx context.Context, verified, device string) (*SignedIn, error) {
	in := new(SignedIn)
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) (err error) {
		if in.Person, err = personByAddress(ctx, tx, verified); err != nil {
			return err
		}
		in.Token, in.SignIn, err = signIn(ctx, tx, now, in.Person.ID, ByOpenID, device)
		return err
	})
	if err != nil {
		return nil, err
	}
	return in, nil
}

func signIn(ctx context.Context, tx bun.Tx, now time.Time, person ID, way SignInWay, device string) (string, *AccessToken, error) {
	token, row, err := issue(ctx, tx, now, person, way, deviceName(device), signedInFor)
	if err != nil {
		return "", nil, err
	}
	return token, row, audit(ctx, tx, now, Actor{PersonID: person}, "sign in", row.ID)
}

// deviceName keeps what may be shown of a name that somebody else made up.
func deviceName(text string) string {
	text = strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text), "")
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:200])
	}
	return text
}

// SignIns lists where the actor is signed in, the latest first.
func (d *DB) SignIns(ctx context.Context, actor Actor) ([]*AccessToken, error) {
	rows := []*AccessToken{}
	if err := d.read.NewSelect().Model(&rows).Where("person_id = ?", actor.PersonID).Where("expires_at > ?", d.now()).
		Order("created_at DESC", "id DESC").Scan(ctx); err != nil {
		return nil, fmt.Errorf("sign-ins: %w", err)
	}
	for _, row := range rows {
		row.Current = row.ID == actor.TokenID
	}
	return rows, nil
}

func (v view) knownSignIn(ctx context.Context, id ID) (Node, error) {
	rows, err := byID[AccessToken](ctx, v.tx, []ID{id})
	if err != nil || rows[id] == nil || v.actor.Anonymous() || rows[id].PersonID != v.actor.PersonID || !rows[id].ExpiresAt.After(v.now) {
		return nil, err
	}
	rows[id].Current = id == v.actor.TokenID
	return rows[id], nil
}

// SignOut ends one of the actor's own sign-ins, the one the actor uses when none is named, and at once. Ending it again changes
// nothing.
func (d *DB) SignOut(ctx context.Context, actor Actor, which *ID) error {
	if which == nil {
		which = &actor.TokenID
	}
	return d.endSignIns(ctx, actor, *which, "sign out", func(q *bun.DeleteQuery) *bun.DeleteQuery { return q.Where("id = ?", *which) })
}

// SignOutEverywhere ends all of the actor's sign-ins.
func (d *DB) SignOutEverywhere(ctx context.Context, actor Actor) error {
	return d.endSignIns(ctx, actor, actor.PersonID, "sign out everywhere", func(q *bun.DeleteQuery) *bun.DeleteQuery { return q })
}

func (d *DB) endSignIns(ctx context.Context, actor Actor, record ID, action string, which func(*bun.DeleteQuery) *bun.DeleteQuery) error {
	if actor.Anonymous() {
		return notSignedIn()
	}
	return d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		ended, err := which(tx.NewDelete().Model((*AccessToken)(nil)).Where("person_id = ?", actor.PersonID)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		if n, err := ended.RowsAffected(); n == 0 {
			return err
		}
		return audit(ctx, tx, now, actor, action, record)
	})
}

// SweepSignIns forgets links and tokens whose time is over.
func (d *DB) SweepSignIns(ctx context.Context) error {
	for _, model := range []any{(*signInLink)(nil), (*AccessToken)(nil)} {
		if _, err := d.write.NewDelete().Model(model).Where("expires_at <= ?", d.now()).Exec(ctx); err != nil {
			return fmt.Errorf("forget old sign-ins: %w", err)
		}
	}
	return nil
}

// Mine is what the own page of somebody who is signed in shows.
type Mine struct {
	Person        *Person
	Registrations []*Registration // the latest first, at most MaxPage
	Tokens        []string        // of the personal link of each registration
	SignIns       []*AccessToken
	Doors         []*Door // where people can be checked in now or soon
}

// OwnPlaces returns what the own page of the actor shows.
func (d *DB) OwnPlaces(ctx context.Context, actor Actor) (*Mine, error) {
	mine, most := new(Mine), MaxPage
	var err error
	if mine.Person, err = d.person(ctx, actor, actor.PersonID, nil); err != nil {
		return nil, err
	}
	places, err := d.OwnRegistrations(ctx, actor, Page{First: &most}, placeShape)
	if err != nil {
		return nil, err
	}
	mine.Registrations = places.Nodes
	for _, r := range mine.Registrations {
		token, err := d.RegistrationToken(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		mine.Tokens = append(mine.Tokens, token)
	}
	if mine.SignIns, err = d.SignIns(ctx, actor); err != nil {
		return nil, err
	}
	mine.Doors, err = d.view(actor).doors(ctx)
	return mine, err
}
