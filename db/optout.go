package db

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
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

// optedOut returns which addresses belong to people who want no invitations. It is given the people by their addresses, with the
// zero ID for somebody who is not known here. Who was erased since is known by a keyed hash.
func (d *DB) optedOut(ctx context.Context, tx bun.IDB, people map[string]ID) (map[string]bool, error) {
	found := map[string]bool{}
	key, err := d.storedKey(ctx, tx)
	if err != nil {
		return nil, err
	}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(people)), 1000) {
		ids, hashes, of := []ID{unknownID}, []string{""}, map[string]string{}
		for _, address := range chunk {
			if id := people[address]; !id.IsZero() {
				ids, of[id.uuid()] = append(ids, id), address
			}
			if key != nil {
				hash := addressHash(key, address)
				hashes, of[hash] = append(hashes, hash), address
			}
		}
		var rows []string
		if err := tx.NewRaw(`SELECT CAST(person_id AS TEXT) FROM opt_outs WHERE person_id IN (?)
			UNION ALL SELECT hash FROM erased_opt_outs WHERE hash IN (?)`, bun.List(ids), bun.List(hashes)).Scan(ctx, &rows); err != nil {
			return nil, fmt.Errorf("opt-outs: %w", err)
		}
		for _, row := range rows {
			found[of[row]] = true
		}
	}
	return found, nil
}

// rememberOptOut keeps a keyed hash of the address of somebody who wants no invitations and is being erased.
func rememberOptOut(ctx context.Context, tx bun.Tx, hash string, person ID) error {
	if _, err := tx.NewRaw(`INSERT INTO erased_opt_outs (hash, opted_out_at) SELECT ?, opted_out_at FROM opt_outs WHERE person_id = ?
		ON CONFLICT DO NOTHING`, hash, person).Exec(ctx); err != nil {
		return fmt.Errorf("remember opt-out: %w", err)
	}
	return nil
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
	if err != nil || people[id] == nil || people[id].ErasedAt != nil {
		return nil, err
	}
	wanted, err := d.wantsInvitations(ctx, people[id])
	return &InvitationMails{Person: people[id], Wanted: wanted}, err
}

// WantsInvitations reports whether the actor gets invitations.
func (d *DB) WantsInvitations(ctx context.Context, actor Actor) (bool, error) {
	people, err := d.view(Actor{}).loadPeople(ctx, []ID{actor.PersonID}, nil)
	if err != nil || people[actor.PersonID] == nil {
		return false, err
	}
	return d.wantsInvitations(ctx, people[actor.PersonID])
}

func (d *DB) wantsInvitations(ctx context.Context, p *Person) (bool, error) {
	address := ""
	if p.Address != nil {
		address = *p.Address
	}
	out, err := d.optedOut(ctx, d.read, map[string]ID{address: p.ID})
	return !out[address], err
}

// ChooseInvitationMails records the choice of the holder of an opt-out link. Choosing the same again changes nothing. It returns
// nil when the token stands for nobody.
func (d *DB) ChooseInvitationMails(ctx context.Context, token string, wanted bool, by OptOutMeans) (*InvitationMails, error) {
	chosen, err := d.InvitationMails(ctx, token)
	if chosen == nil || err != nil {
		return nil, err
	}
	chosen.Wanted = wanted
	return chosen, d.chooseInvitationMails(ctx, chosen.Person.ID, wanted, by)
}

// ChangeInvitationMails records the choice of the actor, and returns the actor as Viewer does.
func (d *DB) ChangeInvitationMails(ctx context.Context, actor Actor, wanted bool, person, role Shape) (*Person, []*Role, error) {
	if actor.Anonymous() {
		return nil, nil, notSignedIn()
	}
	if err := d.chooseInvitationMails(ctx, actor.PersonID, wanted, OptOutAPI); err != nil {
		return nil, nil, err
	}
	return d.Viewer(ctx, actor, person, role)
}

// chooseInvitationMails records the choice of a person, if the person is still there.
func (d *DB) chooseInvitationMails(ctx context.Context, person ID, wanted bool, by OptOutMeans) error {
	key, err := d.macKey(ctx)
	if err != nil {
		return err
	}
	return d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		p := new(Person)
		if ok, err := found(d.locked(tx.NewSelect().Model(p)).Where("id = ?", person).Where("erased_at IS NULL").Scan(ctx)); err != nil || !ok {
			return err
		}
		if !wanted {
			return changed(ctx, tx, now, p, "opt out of invitations",
				tx.NewInsert().Model(&optOut{PersonID: person, OptedOutAt: now, Means: by}).On("CONFLICT DO NOTHING"))
		}
		if p.Address != nil {
			if err := changed(ctx, tx, now, p, "opt in to invitations",
				tx.NewRaw("DELETE FROM erased_opt_outs WHERE hash = ?", addressHash(key, *p.Address))); err != nil {
				return err
			}
		}
		return changed(ctx, tx, now, p, "opt in to invitations", tx.NewDelete().Model((*optOut)(nil)).Where("person_id = ?", person))
	})
}

// changed runs a statement, and writes into the audit log what the person did by it if it changed anything.
func changed(ctx context.Context, tx bun.Tx, now time.Time, p *Person, action string, statement interface {
	Exec(ctx context.Context, dest ...any) (sql.Result, error)
}) error {
	result, err := statement.Exec(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if n, err := result.RowsAffected(); n == 0 || err != nil {
		return err
	}
	return audit(ctx, tx, now, Actor{PersonID: p.ID}, action, p.ID)
}
