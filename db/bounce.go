package db

import (
	"context"
	"crypto/hmac"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// bounce remembers that a mail came back, so that addresses which take none are found out.
type bounce struct {
	bun.BaseModel `bun:"table:bounces,alias:bounce"`

	DeliveryID   ID     `bun:",pk"`
	RecipientTag string // of the address the mail went to
	StatusCode   string // "" when the report had none
	BouncedAt    time.Time
}

// Bounce is the report that one mail could not be delivered after all (RFC 3464).
type Bounce struct {
	Token      string // of the mail's return path
	StatusCode string // enhanced status code (RFC 3463), "" when the report has none
	Detail     string // one line: what the other mail server said, without addresses
}

// After so many mails that came back within so long, an address takes no mail any more.
const (
	softBounces      = 3
	softBounceWithin = 30 * 24 * time.Hour
)

// A return path carries a token: the id of the delivery, a tag of the address it went to, and a MAC of both. It survives mail
// servers that change the case of letters, and with it a report says which mail came back, however little else it says.

const recipientTagSize, bounceMACSize = 4, 12 // bytes

var bounceEncoding = base32.HexEncoding.WithPadding(base32.NoPadding)

// bounceToken returns the token of a delivery's return path: 52 letters and digits.
func (d *DB) bounceToken(ctx context.Context, delivery ID, address string) (string, error) {
	key, err := d.macKey(ctx)
	if err != nil {
		return "", err
	}
	raw := append(delivery[:], recipientTag(key, address)...)
	raw = append(raw, mac(key, "bounce", raw)[:bounceMACSize]...)
	return strings.ToLower(bounceEncoding.EncodeToString(raw)), nil
}

func recipientTag(key *linkKey, address string) []byte {
	return mac(key, "bounce address", []byte(address))[:recipientTagSize]
}

// bounced returns the delivery and the tag of the address that a token was made for; ok is false for any other text.
func (d *DB) bounced(ctx context.Context, token string) (id ID, tag []byte, ok bool, err error) {
	raw, err := bounceEncoding.DecodeString(strings.ToUpper(token))
	if err != nil || len(raw) != len(id)+recipientTagSize+bounceMACSize {
		return ID{}, nil, false, nil
	}
	signed := raw[:len(id)+recipientTagSize]
	key, err := d.macKey(ctx)
	if err != nil {
		return ID{}, nil, false, err
	}
	copy(id[:], raw)
	return id, signed[len(id):], hmac.Equal(mac(key, "bounce", signed)[:bounceMACSize], raw[len(signed):]) && id.Kind() == KindDelivery, nil
}

// MadeBounceToken reports whether the token is one of a return path made here.
func (d *DB) MadeBounceToken(ctx context.Context, token string) (bool, error) {
	_, _, ok, err := d.bounced(ctx, token)
	return ok, err
}

// hardBounce finds status codes (RFC 3463) that say there is no such address, now or later: a bad mailbox or a bad host, a
// mailbox that was closed, a host that cannot be found. Codes about the sender's address are not among them.
var hardBounce = regexp.MustCompile(`^5\.(1\.([0-6]|10)|2\.1|4\.4)$`)

// RecordBounce records that a mail came back: it is BOUNCED, and so is not counted as sent any more. An address that does not
// exist takes no mail from then on, nor does one from which several mails came back within a month. It reports whether the
// token was made here. The same report again changes nothing.
func (d *DB) RecordBounce(ctx context.Context, b Bounce) (known bool, err error) {
	id, tag, ok, err := d.bounced(ctx, b.Token)
	if err != nil || !ok {
		return false, err
	}
	return true, d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		x := new(Delivery)
		if ok, err := found(d.locked(tx.NewSelect().Model(x)).Where("id = ?", id).Scan(ctx)); err != nil || !ok {
			return err
		}
		row := &bounce{DeliveryID: id, RecipientTag: hex.EncodeToString(tag), StatusCode: b.StatusCode, BouncedAt: now}
		inserted, err := tx.NewInsert().Model(row).On("CONFLICT DO NOTHING").Exec(ctx)
		if err != nil {
			return fmt.Errorf("insert bounce: %w", err)
		}
		if n, err := inserted.RowsAffected(); n == 0 || err != nil {
			return err
		}
		if err := d.cameBack(ctx, tx, now, x, b); err != nil {
			return err
		}
		return d.judgeAddress(ctx, tx, now, x.PersonID, row)
	})
}

// cameBack moves a delivery to BOUNCED, and the counts of its campaign with it. A report may be faster than the commit of what
// it is about. A mail that waits for another attempt keeps waiting: it is looked at again before it leaves.
func (d *DB) cameBack(ctx context.Context, tx bun.Tx, now time.Time, x *Delivery, b Bounce) error {
	if x.State != Sent && x.State != Uncertain && x.State != Sending {
		return nil
	}
	if _, err := tx.NewUpdate().Model((*Delivery)(nil)).Set("state = ?", Bounced).Set("claim = NULL").Set("worker_id = NULL").
		Set("sent_at = coalesce(sent_at, ?)", now).Set("status_code = ?", optional(b.StatusCode)).Set("last_error = ?", optional(b.Detail)).
		Where("id = ?", x.ID).Exec(ctx); err != nil {
		return fmt.Errorf("bounce delivery: %w", err)
	}
	if x.CampaignID.IsZero() {
		return nil
	}
	if x.State == Sending {
		if err := countOutcomes(ctx, tx, now, x.CampaignID, finalCounts[Bounced], 1); err != nil {
			return err
		}
	} else if _, err := tx.NewUpdate().Model((*Campaign)(nil)).Set("bounced = bounced + 1").Set("version = version + 1").
		Set("? = ? - 1", finalCounts[x.State], finalCounts[x.State]).Where("id = ?", x.CampaignID).Exec(ctx); err != nil {
		return fmt.Errorf("count bounce: %w", err)
	}
	return d.moveInvitations(ctx, tx, []ID{x.InvitationID}, InvitationUndelivered)
}

// judgeAddress suppresses the address that a mail came back from, when it is time. A person who has another address by now
// keeps it.
func (d *DB) judgeAddress(ctx context.Context, tx bun.Tx, now time.Time, person ID, b *bounce) error {
	p := new(Person)
	if ok, err := found(tx.NewSelect().Model(p).Where("id = ?", person).Where("email IS NOT NULL").Scan(ctx)); err != nil || !ok {
		return err
	}
	key, err := d.storedKey(ctx, tx)
	if err != nil || hex.EncodeToString(recipientTag(key, *p.Address)) != b.RecipientTag {
		return err
	}
	if hardBounce.MatchString(b.StatusCode) {
		return suppress(ctx, tx, now, p, SuppressedHardBounce)
	}
	n, err := tx.NewSelect().Model((*bounce)(nil)).Join("JOIN deliveries AS delivery ON delivery.id = bounce.delivery_id").
		Where("delivery.person_id = ?", p.ID).Where("recipient_tag = ?", b.RecipientTag).
		Where("bounced_at > ?", now.Add(-softBounceWithin)).Count(ctx)
	if err != nil || n < softBounces {
		return err
	}
	return suppress(ctx, tx, now, p, SuppressedSoftBounces)
}

// statusCode returns the enhanced status code (RFC 2034) that a mail server's words begin with, "" when there is none.
func statusCode(words string) string {
	return leadingStatus.FindString(words)
}

var leadingStatus = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// suppressRefused suppresses the addresses of mails that were refused at once with a code that says there is no such address.
func suppressRefused(ctx context.Context, tx bun.IDB, now time.Time, deliveries []ID) error {
	var people []*Person
	if err := tx.NewSelect().Model(&people).Where("email IS NOT NULL").
		Where("id IN (SELECT person_id FROM deliveries WHERE id IN (?) AND state = ?)", bun.List(deliveries), Failed).
		Order("email").Scan(ctx); err != nil { // in one order, so that two of these never wait in a circle
		return fmt.Errorf("people of refused mails: %w", err)
	}
	for _, p := range people {
		if err := suppress(ctx, tx, now, p, SuppressedHardBounce); err != nil {
			return err
		}
	}
	return nil
}

// RecordComplaint records that a mail was reported as spam: its reader gets no more invitations. The token is that of the
// mail's return path or of its opt-out link. It reports whether the token was made here.
func (d *DB) RecordComplaint(ctx context.Context, token string) (known bool, err error) {
	id, ok, err := d.linked(ctx, KindPerson, token)
	if err != nil {
		return false, err
	}
	if !ok {
		delivery, _, ok, err := d.bounced(ctx, token)
		if err != nil || !ok {
			return false, err
		}
		if ok, err := found(d.read.NewSelect().Model((*Delivery)(nil)).Column("person_id").Where("id = ?", delivery).Scan(ctx, &id)); err != nil || !ok {
			return false, err
		}
	}
	return true, d.chooseInvitationMails(ctx, id, false, OptOutComplaint)
}
