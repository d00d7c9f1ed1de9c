package db

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Dump returns every row of every table as text, by table, so that tests can see what changed and what did not.
func (d *DB) Dump(ctx context.Context) (map[string][]string, error) {
	catalogue := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if d.postgres {
		catalogue = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
	}
	var tables []string
	if err := d.read.NewRaw(catalogue).Scan(ctx, &tables); err != nil {
		return nil, err
	}
	dump := map[string][]string{}
	for _, table := range tables {
		rows, err := d.Rows(ctx, fmt.Sprintf("SELECT * FROM %s", table))
		if err != nil {
			return nil, err
		}
		slices.Sort(rows)
		dump[table] = rows
	}
	return dump, nil
}

// Rows returns the rows of a query, each as one text.
func (d *DB) Rows(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := d.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var texts []string
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for n := range values {
			into[n] = &values[n]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		fields := make([]string, len(columns))
		for n, value := range values {
			if raw, ok := value.([]byte); ok {
				value = string(raw)
			}
			fields[n] = fmt.Sprint(value)
		}
		texts = append(texts, strings.Join(fields, " "))
	}
	return texts, rows.Err()
}

// Exec changes the database past all rules.
func (d *DB) Exec(ctx context.Context, query string, args ...any) error {
	_, err := d.write.ExecContext(ctx, query, args...)
	return err
}
