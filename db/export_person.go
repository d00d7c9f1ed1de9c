package db

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// ExportMyData returns everything held about the actor as a JSON object: "people" holds the person, and every other name a list of
// records as the database has them. Hashes of tokens are left out. It returns nil for the anonymous
// actor.
func (d *DB) ExportMyData(ctx context.Context, actor Actor) (*string, error) {
	if actor.Anonymous() {
		return nil, nil
	}
	all := map[string]any{"exportedAt": d.now()}
	// In a transaction, so that the export is of one moment.
	err := d.read.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		for _, part := range []struct{ name, statement string }{
			{"people", "SELECT * FROM people WHERE id = ?"},
			{"organisations", "SELECT * FROM organisations WHERE id = (SELECT organisation_id FROM people WHERE id = ?)"},
			{"suppressions", "SELECT * FROM suppressions WHERE email = (SELECT email FROM people WHERE id = ?)"},
		} {
			rows, err := records(ctx, tx, nil, part.statement, actor.PersonID)
			if err != nil {
				return fmt.Errorf("export %s: %w", part.name, err)
			}
			all[part.name] = rows
		}
		for _, h := range traces {
			condition, of := h.about(actor.PersonID)
			rows, err := records(ctx, tx, h.secret, "SELECT * FROM "+h.table+" WHERE "+condition, of)
			if err != nil {
				return fmt.Errorf("export %s: %w", h.label(), err)
			}
			all[h.label()] = rows
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	raw, err := json.MarshalIndent(all, "", "  ")
	text := string(raw)
	return &text, err
}

// records returns the rows of a statement as JSON objects, without the secret columns.
func records(ctx context.Context, tx bun.Tx, secret []string, statement string, args ...any) ([]map[string]any, error) {
	rows, err := tx.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	all := []map[string]any{}
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		record := make(map[string]any, len(columns))
		for i, column := range columns {
			if !slices.Contains(secret, column.Name()) {
				record[column.Name()] = plainValue(values[i], column.DatabaseTypeName())
			}
		}
		all = append(all, record)
	}
	return all, rows.Err()
}
