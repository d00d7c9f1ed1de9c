package db

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"
)

// calendarLink counts how often the address of a person's calendar was renewed. The count is part of the token's MAC, so that a
// renewal ends what was handed out before.
type calendarLink struct {
	bun.BaseModel `bun:"table:calendar_links,alias:link"`

	PersonID  ID `bun:",pk"`
	Renewals  int
	RenewedAt time.Time
}

// CalendarToken returns the token of the address under which a person's calendar is: 48 characters that need no escaping in a URL.
// It holds until the person renews it.
func (d *DB) CalendarToken(ctx context.Context, person ID) (string, error) {
	mac, err := d.calendarMAC(ctx, person)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(person[:], mac...)), nil
}

func (d *DB) calendarMAC(ctx context.Context, person ID) ([]byte, error) {
	link := new(calendarLink)
	if _, err := found(d.read.NewSelect().Model(link).Where("person_id = ?", person).Scan(ctx)); err != nil {
		return nil, fmt.Errorf("calendar link: %w", err)
	}
	return d.mac(ctx, "calendar "+strconv.Itoa(link.Renewals), person[:])
}

// calendarOwner returns whose calendar a token opens; nil for a token that stands for nobody, was renewed, or is of somebody who
// was erased.
func (d *DB) calendarOwner(ctx context.Context, token string) (*Person, error) {
	id, given, ok := readToken(token)
	if !ok || id.Kind() != KindPerson {
		return nil, nil
	}
	if mac, err := d.calendarMAC(ctx, id); err != nil || !hmac.Equal(mac, given) {
		return nil, err
	}
	people, err := d.view(Actor{}).loadPeople(ctx, []ID{id}, nil)
	if err != nil || people[id] == nil || people[id].ErasedAt != nil {
		return nil, err
	}
	return people[id], nil
}

// RenewCalendar gives the actor's calendar another address. The former one leads nowhere from now on.
func (d *DB) RenewCalendar(ctx context.Context, actor Actor) error {
	if actor.Anonymous() {
		return notSignedIn()
	}
	return d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		if ok, err := found(d.locked(tx.NewSelect().Model(new(Person)).Column("id")).Where("id = ?", actor.PersonID).Where("erased_at IS NULL").Scan(ctx)); err != nil || !ok {
			return err
		}
		link := &calendarLink{PersonID: actor.PersonID, Renewals: 1, RenewedAt: now}
		if _, err := tx.NewInsert().Model(link).On("CONFLICT (person_id) DO UPDATE").Set("renewals = link.renewals + 1").
			Set("renewed_at = excluded.renewed_at").Exec(ctx); err != nil {
			return fmt.Errorf("renew calendar link: %w", err)
		}
		return audit(ctx, tx, now, actor, "renew calendar link", actor.PersonID)
	})
}
