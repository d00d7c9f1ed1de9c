// Package migrations holds the schema: one tree of SQL files for both dialects, with the column types filled in by the
// migrator (see db/dialect.go).
package migrations

import "embed"

// Files are the migrations in the order of their names.
//
//go:embed *.sql
var Files embed.FS
