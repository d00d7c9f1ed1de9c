package db

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// optOut is the wish of a person to get no invitations. It holds back invitations and reminders of them, and nothing else: what
// a person registered for, that person hears of.
type optOut struct {
	bun.BaseModel `bun:"table:opt_outs,alias:opt_out"`

	PersonID   ID `bun:",pk"`
	OptedOutAt time.Time
	Means      OptOutMeans
}

// OptOutMeans is how somebody opted out.
type OptOutMeans string

// The ways to opt out.
const (
	OptOutOneClick  OptOutMeans = "ONE_CLICK" // the mail program's own button (RFC 8058)
	OptOutPage      OptOutMeans = "PAGE"      // the page that the mail links to
	OptOutAPI       OptOutMeans = "API"
	OptOutComplaint OptOutMeans = "COMPLAINT" // an invitation was reported as spam (RFC 5965)
)

// optOutDetail is what invitations that are held back say.
const optOutDetail = "The person asked for no more invitations."

// optedOut returns which of the people want no invitations.
func optedOut(ctx context.Context, tx bun.IDB, people []ID) (map[ID]bool, error) {
	found := map[ID]bool{}
	for chunk := range slices.Chunk(distinct(people), 1000) {
		var ids []ID
		if err := tx.NewSelect().Model((*optOut)(nil)).Column("person_id").Where("person_id IN (?)", bun.List(chunk)).Scan(ctx, &ids); err != nil {
			return nil, fmt.Errorf("opt-outs: %w", err)
		}
		for _, id := range ids {
			found[id] = true
		}
	}
	return found, nil
}

// InvitationMails is whether a person wants invitations.
type InvitationMails struct {
	Person *Person
	Wanted bool
}

// InvitationMails returns what the holder of an opt-out link chose; nil when the token stands for nobody. It changes nothing.
func (d *DB) InvitationMails(ctx context.Context, token string) (*InvitationMails, error) {
	id, ok, err := d.linked(ctx, KindPerson, token)
	if err != nil || !ok {
		return nil, err
	}
	people, err := d.view(Actor{}).loadPeople(ctx, []ID{id}, nil)
	if err != nil || people[id] == nil {
		return nil, err
	}
	wanted, err := d.WantsInvitations(ctx, Actor{PersonID: id})
	return &InvitationMails{Person: people[id], Wanted: wanted}, err
}

// WantsInvitations reports whether the actor gets invitations.
func (d *DB) WantsInvitations(ctx context.Context, actor Actor) (bool, error) {
	out, err := optedOut(ctx, d.read, []ID{actor.PersonID})
	return !out[actor.PersonID], err
}

// ChooseInvitationMails records the choice of the holder of an opt-out link. Choosing the same again changes nothing. It returns
// nil when the token stands for nobody.
func (d *DB) ChooseInvitationMails(ctx context.Context, token string, wanted bool, by OptOutMeans) (*InvitationMails, error) {
	chosen, err := d.InvitationMails(ctx, token)
	if chosen == nil || err != nil {
		return nil, err
	}
	chosen.Wanted = wanted
	return chosen, d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		return chooseInvitationMails(ctx, tx, now, chosen.Person.ID, wanted, by)
	})
}

// ChangeInvitationMails records the choice of the actor, and returns the actor as Viewer does.
func (d *DB) ChangeInvitationMails(ctx context.Context, actor Actor, wanted bool, person, role Shape) (*Person, []*Role, error) {
	if actor.Anonymous() {
		return nil, nil, notSignedIn()
	}
	if err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		return chooseInvitationMails(ctx, tx, now, actor.PersonID, wanted, OptOutAPI)
	}); err != nil {
		return nil, nil, err
	}
	return d.Viewer(ctx, actor, person, role)
}

func chooseInvitationMails(ctx context.Context, tx bun.Tx, now time.Time, person ID, wanted bool, by OptOutMeans) error {
	var action string
	var changed sql.Result
	var err error
	if wanted {
		action = "opt in to invitations"
		changed, err = tx.NewDelete().Model((*optOut)(nil)).Where("person_id = ?", person).Exec(ctx)
	} else {
		action = "opt out of invitations"
		changed, err = tx.NewInsert().Model(&optOut{PersonID: person, OptedOutAt: now, Means: by}).On("CONFLICT DO NOTHING").Exec(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if n, err := changed.RowsAffected(); n == 0 || err != nil {
		return err
	}
	return audit(ctx, tx, now, Actor{PersonID: person}, action, person)
}
