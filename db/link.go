package db

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"sync"

	"github.com/uptrace/bun"
)

// A personal link carries a token: the id of an invitation or a registration and a MAC of it under the database's link key. It
// need not be stored, so a leaked backup of the records alone opens nothing, and every copy of a mail has the same.

// linkPurposes keep the MACs of one kind of record from standing for anything else.
var linkPurposes = map[Kind]string{KindInvitation: "answer", KindRegistration: "registration", KindPerson: "opt out"}

// AnswerToken returns the token of an invitation's personal link: 48 characters that need no escaping in a URL.
func (d *DB) AnswerToken(ctx context.Context, invitation ID) (string, error) {
	return d.linkToken(ctx, KindInvitation, invitation)
}

// RegistrationToken returns the token of a registration's personal link, likewise.
func (d *DB) RegistrationToken(ctx context.Context, registration ID) (string, error) {
	return d.linkToken(ctx, KindRegistration, registration)
}

// OptOutToken returns the token of a person's link to get no more invitations, likewise. It never loses its force.
func (d *DB) OptOutToken(ctx context.Context, person ID) (string, error) {
	return d.linkToken(ctx, KindPerson, person)
}

func (d *DB) linkToken(ctx context.Context, kind Kind, id ID) (string, error) {
	mac, err := d.mac(ctx, linkPurposes[kind], id[:])
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(id[:], mac...)), nil
}

// linked returns the record of the kind that a token was made for; ok is false for any other text.
func (d *DB) linked(ctx context.Context, kind Kind, token string) (id ID, ok bool, err error) {
	id, given, ok := readToken(token)
	if !ok {
		return ID{}, false, nil
	}
	mac, err := d.mac(ctx, linkPurposes[kind], id[:])
	if err != nil {
		return ID{}, false, err
	}
	return id, hmac.Equal(mac, given) && id.Kind() == kind, nil
}

// readToken parts a token into the id and the MAC, which still has to be compared; ok is false for what is no token.
func readToken(token string) (id ID, mac []byte, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != len(id)+20 || base64.RawURLEncoding.EncodeToString(raw) != token { // the decoder skips line breaks
		return ID{}, nil, false
	}
	copy(id[:], raw)
	return id, raw[len(id):], true
}

// mac returns 160 bits that only somebody with the link key can compute for the purpose and the text.
func (d *DB) mac(ctx context.Context, purpose string, text []byte) ([]byte, error) {
	key, err := d.macKey(ctx)
	if err != nil {
		return nil, err
	}
	return mac(key, purpose, text), nil
}

// linkKey is the secret of personal links. It keeps hashes that have worked it in, which takes longer than a MAC.
type linkKey struct{ hashes sync.Pool }

func newLinkKey(secret []byte) *linkKey {
	return &linkKey{hashes: sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }}}
}

func mac(key *linkKey, purpose string, of []byte) []byte {
	h := key.hashes.Get().(hash.Hash)
	defer key.hashes.Put(h)
	h.Reset()
	h.Write([]byte(purpose))
	h.Write([]byte{0})
	h.Write(of)
	return h.Sum(nil)[:20]
}

// addressHash returns what stands for an address that may not be kept.
func addressHash(key *linkKey, address string) string {
	return hex.EncodeToString(mac(key, "address", []byte(address)))
}

// macKey returns the link key, and makes it the first time. Not inside a transaction, which it would wait for on SQLite.
func (d *DB) macKey(ctx context.Context) (*linkKey, error) {
	if key, err := d.storedKey(ctx, d.write); key != nil || err != nil {
		return key, err
	}
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails
	if _, err := d.write.NewRaw("INSERT INTO settings (name, value) VALUES ('link_key', ?) ON CONFLICT (name) DO NOTHING",
		base64.StdEncoding.EncodeToString(fresh)).Exec(ctx); err != nil {
		return nil, fmt.Errorf("make link key: %w", err)
	}
	return d.storedKey(ctx, d.write)
}

// storedKey returns the link key; nil when none was made yet.
func (d *DB) storedKey(ctx context.Context, tx bun.IDB) (*linkKey, error) {
	if key := d.linkKey.Load(); key != nil {
		return key, nil
	}
	key, err := readKey(ctx, tx)
	if key != nil {
		d.linkKey.Store(key)
	}
	return key, err
}

// readKey is storedKey for who holds no DB.
func readKey(ctx context.Context, tx bun.IDB) (*linkKey, error) {
	var text string
	if ok, err := found(tx.NewRaw("SELECT value FROM settings WHERE name = 'link_key'").Scan(ctx, &text)); !ok || err != nil {
		if err != nil {
			err = fmt.Errorf("read link key: %w", err)
		}
		return nil, err
	}
	secret, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("read link key: %w", err)
	}
	return newLinkKey(secret), nil
}
