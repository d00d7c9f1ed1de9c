package db

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// inputHash is the same for two inputs that ask for the same.
func inputHash(input any) (string, error) {
	raw, err := json.Marshal(input)
	if err != nil {
		return "", fmt.Errorf("hash input: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

// idempotencyKey remembers what a key was used for.
type idempotencyKey struct {
	bun.BaseModel `bun:"table:idempotency_keys,alias:idempotency_key"`

	PersonID  ID     `bun:",pk"`
	Key       string `bun:",pk"`
	InputHash string
	ResultID  ID
	CreatedAt time.Time
}

func newKey(now time.Time, actor Actor, key, hash string, result ID) *idempotencyKey {
	return &idempotencyKey{PersonID: actor.PersonID, Key: key, InputHash: hash, ResultID: result, CreatedAt: now}
}

// replay returns what came of the key, and refuses another input than the one it was used with.
func (k *idempotencyKey) replay(hash string) (ID, error) {
	if k.InputHash != hash {
		return ID{}, problem(CodeKeyReused, "input.idempotencyKey", "This key was used before with another input; choose a new one.")
	}
	return k.ResultID, nil
}

// replayed returns the result of an earlier use of the key with the same input, zero when there was none.
func replayed(ctx context.Context, tx bun.Tx, actor Actor, key, hash string) (ID, error) {
	k := new(idempotencyKey)
	ok, err := found(tx.NewSelect().Model(k).Where("person_id = ?", actor.PersonID).Where("key = ?", key).Scan(ctx))
	if err != nil {
		return ID{}, fmt.Errorf("idempotency key: %w", err)
	}
	if !ok {
		return ID{}, nil
	}
	return k.replay(hash)
}

func remember(ctx context.Context, tx bun.Tx, now time.Time, actor Actor, key, hash string, result ID) error {
	if _, err := tx.NewInsert().Model(newKey(now, actor, key, hash, result)).Exec(ctx); err != nil {
		return fmt.Errorf("remember idempotency key: %w", err)
	}
	return nil
}

// keyUse names a key: everybody has keys of their own.
type keyUse struct {
	PersonID ID     `bun:"type:uuid"` // for PostgreSQL, which has to be told in a VALUES
	Key      string `bun:"type:text"`
}

// usedKeys returns what came of the keys that were used before.
func usedKeys(ctx context.Context, tx bun.Tx, keys []keyUse) (map[keyUse]*idempotencyKey, error) {
	var rows []*idempotencyKey
	if err := tx.NewSelect().With("wanted", tx.NewValues(&keys)).Model(&rows).
		Join("JOIN wanted ON wanted.person_id = idempotency_key.person_id AND wanted.key = idempotency_key.key").Scan(ctx); err != nil {
		return nil, fmt.Errorf("idempotency keys: %w", err)
	}
	used := make(map[keyUse]*idempotencyKey, len(rows))
	for _, row := range rows {
		used[keyUse{row.PersonID, row.Key}] = row
	}
	return used, nil
}

// rememberAll remembers what came of keys. When somebody else has used one meanwhile it returns errOvertaken: the transaction
// has to be undone and to run again, which finds that use.
func rememberAll(ctx context.Context, tx bun.Tx, keys []*idempotencyKey) error {
	// In one order, so that two of these never wait for each other.
	slices.SortFunc(keys, func(a, b *idempotencyKey) int {
		return cmp.Or(bytes.Compare(a.PersonID[:], b.PersonID[:]), cmp.Compare(a.Key, b.Key))
	})
	inserted, err := tx.NewInsert().Model(&keys).On("CONFLICT DO NOTHING").Exec(ctx)
	if err != nil {
		return fmt.Errorf("remember idempotency keys: %w", err)
	}
	if n, err := inserted.RowsAffected(); err != nil || n < int64(len(keys)) {
		return cmp.Or(err, errOvertaken)
	}
	return nil
}
