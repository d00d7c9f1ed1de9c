package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Suppression says that an address takes no mail from here, of whatever kind, because mail to it does not arrive. Whoever may
// see the address can lift it.
type Suppression struct {
	bun.BaseModel `bun:"table:suppressions,alias:suppression"`

	Address string            `bun:"email,pk"`
	Reason  SuppressionReason `bun:"reason"`
	Since   time.Time         `bun:"created_at"`
}

// SuppressionReason is why an address takes no mail.
type SuppressionReason string

// The reasons of suppressions.
const (
	SuppressedHardBounce  SuppressionReason = "HARD_BOUNCE"  // there is no such address
	SuppressedSoftBounces SuppressionReason = "SOFT_BOUNCES" // several mails within a month could not be delivered
)

// detail is what the mails that are held back say.
func (r SuppressionReason) detail() string {
	if r == SuppressedHardBounce {
		return "The address takes no mail: there is no such mailbox. Correct the address, or lift the suppression."
	}
	return "The address takes no mail: several mails to it came back. Ask the person, or lift the suppression."
}

// suppressed returns which of the addresses take no mail from here, and why. Those of people who were erased are known by a keyed
// hash.
func (d *DB) suppressed(ctx context.Context, tx bun.IDB, addresses []string) (map[string]*Suppression, error) {
	key, err := d.storedKey(ctx, tx)
	if err != nil {
		return nil, err
	}
	return suppressedBy(ctx, tx, key, addresses)
}

func suppressedBy(ctx context.Context, tx bun.IDB, key *linkKey, addresses []string) (map[string]*Suppression, error) {
	found := map[string]*Suppression{}
	for chunk := range slices.Chunk(addresses, 1000) {
		wanted, hashed := slices.Clone(chunk), make(map[string]string, len(chunk))
		if key != nil { // without one, nothing was ever hashed
			for _, address := range chunk {
				hash := addressHash(key, address)
				hashed[hash] = address
				wanted = append(wanted, hash)
			}
		}
		var rows []*Suppression
		if err := tx.NewSelect().Model(&rows).Where("email IN (?)", bun.List(wanted)).Scan(ctx); err != nil {
			return nil, fmt.Errorf("suppressions: %w", err)
		}
		for _, row := range rows {
			found[cmp.Or(hashed[row.Address], row.Address)] = row
		}
	}
	return found, nil
}

// rememberSuppression keeps a keyed hash of an address that takes no mail from here, in place of the address.
func rememberSuppression(ctx context.Context, tx bun.Tx, hash, address string) error {
	if _, err := tx.NewRaw(`INSERT INTO suppressions (email, reason, created_at)
		SELECT ?, reason, created_at FROM suppressions WHERE email = ? ON CONFLICT DO NOTHING`, hash, address).Exec(ctx); err != nil {
		return fmt.Errorf("remember suppression: %w", err)
	}
	if _, err := tx.NewRaw("DELETE FROM suppressions WHERE email = ?", address).Exec(ctx); err != nil {
		return fmt.Errorf("forget address: %w", err)
	}
	return nil
}

// suppress keeps mail from an address. The first reason stays.
func suppress(ctx context.Context, tx bun.IDB, now time.Time, person *Person, reason SuppressionReason) error {
	row := &Suppression{Address: *person.Address, Reason: reason, Since: now}
	inserted, err := tx.NewInsert().Model(row).On("CONFLICT DO NOTHING").Exec(ctx)
	if err != nil {
		return fmt.Errorf("suppress: %w", err)
	}
	if n, err := inserted.RowsAffected(); n == 0 || err != nil {
		return err
	}
	return audit(ctx, tx, now, Actor{}, "suppress address", person.ID)
}

// LiftSuppression lets mail go to a person's address again, and forgets the mails to it that came back. It is for whoever may
// see that address. Lifting what is not there changes nothing.
func (d *DB) LiftSuppression(ctx context.Context, actor Actor, person ID, shape Shape) (*Person, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	key, err := d.macKey(ctx)
	if err != nil {
		return nil, err
	}
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		people, err := viewIn(tx, actor, now).knownPeople(ctx, []ID{person}, nil)
		if err != nil {
			return err
		}
		p := people[person]
		switch {
		case p == nil:
			return problem(CodeNotFound, "input.personId", "There is no such person.")
		case !p.contactVisible:
			return problem(CodeForbidden, "input.personId", "Only the person, coordinators of the person's organisation and organisers who invited the person can do this.")
		case p.Address == nil:
			return nil
		}
		lifted, err := tx.NewDelete().Model((*Suppression)(nil)).Where("email IN (?, ?)", *p.Address, addressHash(key, *p.Address)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("lift suppression: %w", err)
		}
		if n, err := lifted.RowsAffected(); n == 0 || err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model((*bounce)(nil)).
			Where("delivery_id IN (SELECT id FROM deliveries WHERE person_id = ?)", p.ID).Exec(ctx); err != nil {
			return fmt.Errorf("forget bounces: %w", err)
		}
		return audit(ctx, tx, now, actor, "lift suppression", p.ID)
	})
	if err != nil {
		return nil, err
	}
	return d.person(ctx, actor, person, shape)
}

// suppressions finds out which people get no mail, among those whose address the actor may see.
func (v view) suppressions(ctx context.Context, rows []*Person) error {
	var addresses []string
	for _, row := range rows {
		if row.contactVisible && row.Address != nil {
			addresses = append(addresses, *row.Address)
		}
	}
	key, err := readKey(ctx, v.tx)
	if err != nil {
		return err
	}
	found, err := suppressedBy(ctx, v.tx, key, addresses)
	for _, row := range rows {
		if row.contactVisible && row.Address != nil {
			row.suppression = found[*row.Address]
		}
	}
	return err
}
