package db

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// Import writes a programme file in one transaction, as a whole or not at all.
func (d *DB) Import(ctx context.Context, file *programme.File, progress func(done, total int)) ([]programme.Problem, error) {
	return nil, nil
}
