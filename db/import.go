package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// Import writes a programme file in one transaction, as a whole or not at all. The file has to come from [programme.Parse], or
// to be without problems for [programme.Check].
//
// Records are found again by their keys: importing a file again updates what it says of them and keeps their ids. Nothing is
// removed because a file doesn't mention it, with one exception. Themes, contributions, coordinators, trainers, related courses
// and the rotation of hosts are lists that belong to their record: they become what the file says of the record, and so do the
// questions of an intake as long as nobody has answered them. Members,
// agreements, rooms, sessions and course runs that the file leaves out stay.
//
// A report and the description of a practice are only begun by a file: what is there belongs to those who edit it, and stays as it is.
//
// So do the capacity and the rules of registration that the file leaves out: it wins for those it names, and the others stay as
// organisers have set them.
//
// The status of a course run is what organisers have made of it until a file says another than the last one did. What a file does
// not ask of participants any more holds up no place: those that were held for it are certain.
//
// What a file says of a public programme is published with it: that makes the next version, and people are told of it. What
// organisers have prepared stays prepared.
//
// What contradicts the database is reported all at once, and then nothing is written.
//
// Progress is called now and then with how many rows of how many are written; after a deadlock it begins again. It may be
// nil, and must not use the database.
func (d *DB) Import(ctx context.Context, file *programme.File, progress func(done, total int)) ([]programme.Problem, error) {
	outside := file.Outside()
	var i *importing
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		i = &importing{db: d, tx: tx, now: now, file: file, outside: outside, progress: progress}
		if err := i.alone(ctx); err != nil {
			return err
		}
		if err := i.plan(ctx); err != nil {
			return err
		}
		if len(i.problems) > 0 {
			return errProblems
		}
		return i.write(ctx)
	})
	switch {
	case errors.Is(err, errProblems):
		file.Locate(i.problems)
		return i.problems, nil
	case err != nil:
		return nil, fmt.Errorf("import: %w", err)
	}
	d.woken()
	return nil, nil
}

// errProblems undoes an import whose file has problems.
var errProblems = errors.New("the file contradicts the database")

// importing is one import at work. It plans all rows first, with their ids, so that every problem is found before anything is
// written.
type importing struct {
	db       *DB
	tx       bun.Tx
	now      time.Time
	file     *programme.File
	outside  []programme.Reference
	ids      map[programme.Kind]map[string]ID // by key, of all records that the file holds or refers to
	problems []programme.Problem

	progress    func(done, total int)
	done, total int
	before      []*changing

	importedOrganisations
	importedPartnerships
	importedEditions
	importedCourses
	importedSeats
	importedReports
	importedPractices
	themes []*Theme
}

// problem reports what contradicts the database, at a path such as "people[3].email".
func (i *importing) problem(path, message string, args ...any) {
	i.problems = append(i.problems, programme.Problem{Path: path, Message: fmt.Sprintf(message, args...)})
}

// alone makes imports wait for each other until the transaction ends, so that keys looked up stay as they are.
func (i *importing) alone(ctx context.Context) error {
	_, err := i.tx.NewRaw(`INSERT INTO settings (name, value) VALUES ('importing', '') ON CONFLICT (name) DO UPDATE SET value = ''`).Exec(ctx)
	if err != nil {
		return fmt.Errorf("wait for other imports: %w", err)
	}
	return nil
}

func (i *importing) plan(ctx context.Context) error {
	i.ids = map[programme.Kind]map[string]ID{}
	for _, plan := range []func(context.Context) error{
		i.planOrganisations, i.planPeople, i.planThemes, i.planPartnerships, i.planSeries, i.planEditions, i.planCourses, i.planSeats,
		i.planReports, i.planPractices,
	} {
		if err := plan(ctx); err != nil {
			return err
		}
	}
	var unknown []programme.Problem
	for _, reference := range i.outside {
		if i.ids[reference.Kind][reference.Key].IsZero() {
			unknown = append(unknown, reference.Unknown())
		}
	}
	i.problems = append(unknown, i.problems...)
	return nil
}

func (i *importing) write(ctx context.Context) error {
	i.total = len(i.organisations) + len(i.people) + len(i.themes) + len(i.partnerships) + len(i.members) + len(i.agreements) + len(i.series) +
		len(i.editions) + len(i.retained) + len(i.rooms) + len(i.sessions) + len(i.shifted) + len(i.contributions) + len(i.courses) + len(i.runs) + len(i.kept) + len(i.questions) +
		len(i.searchable) + len(i.addedSeats) + len(i.changedSeats)
	for _, write := range []func(context.Context) error{
		i.keepFacts, i.writeOrganisations, i.writePeople, i.writeThemes, i.writePartnerships, i.writeSeries, i.writeEditions, i.writeSessions, i.writeCourses,
		i.writeSearch, i.tellChanges, i.writeSeats, i.writeReports, i.writePractices, i.writeAudit,
	} {
		if err := write(ctx); err != nil {
			return err
		}
	}
	return nil
}

// keepFacts keeps what is told of the meetings that the file may change.
func (i *importing) keepFacts(ctx context.Context) error {
	keep := func(editions, runs []ID) error {
		before, err := i.db.beforeChange(ctx, i.tx, i.now, editions, runs)
		i.before = append(i.before, before)
		return err
	}
	for part := range slices.Chunk(slices.SortedFunc(slices.Values(idsOf(i.editions)), ID.compare), chunk) {
		if err := keep(part, nil); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(slices.SortedFunc(slices.Values(i.knownRuns), ID.compare), chunk) {
		if err := keep(nil, part); err != nil {
			return err
		}
	}
	return nil
}

// tellChanges tells people what the file changed for them.
func (i *importing) tellChanges(ctx context.Context) error {
	for _, before := range i.before {
		if err := i.db.afterChange(ctx, i.tx, i.now, before); err != nil {
			return err
		}
	}
	return nil
}

// wrote tells how far the import is.
func (i *importing) wrote(rows int) {
	i.done += rows
	if i.progress != nil && rows > 0 {
		i.progress(i.done, i.total)
	}
}

func (i *importing) planThemes(ctx context.Context) error {
	known, err := lookUp(ctx, i, programme.ThemeKind, keysOf(i.file.Themes, func(t programme.Theme) string { return t.Key }),
		func(t *Theme) string { return t.Key })
	if err != nil {
		return err
	}
	for _, t := range i.file.Themes {
		i.themes = append(i.themes, &Theme{ID: i.idOf(programme.ThemeKind, t.Key, known[t.Key] != nil, KindTheme), Key: t.Key, Name: t.Name})
	}
	return nil
}

func (i *importing) writeThemes(ctx context.Context) error {
	return upsert(ctx, i, i.themes, "name")
}

// writeAudit records what was imported. Sessions, members and the like go with what they are part of.
func (i *importing) writeAudit(ctx context.Context) error {
	var entries []*AuditEntry
	for _, records := range [][]ID{idsOf(i.partnerships), idsOf(i.editions), idsOf(i.courses)} {
		for _, id := range records {
			entries = append(entries, &AuditEntry{ID: NewID(KindAudit, i.now), At: i.now, Action: "import", RecordID: id})
		}
	}
	return insertAll(ctx, i.tx, entries)
}

// chunk is how many rows one statement reads or writes.
const chunk = 1000

func keysOf[T any](records []T, key func(T) string) []string {
	keys := make([]string, len(records))
	for n, record := range records {
		keys[n] = key(record)
	}
	return keys
}

// lookUp loads the records of a kind that the file holds, whose keys are given, or refers to, and notes their ids.
func lookUp[T any](ctx context.Context, i *importing, kind programme.Kind, keys []string, key func(*T) string) (map[string]*T, error) {
	for _, reference := range i.outside {
		if reference.Kind == kind {
			keys = append(keys, reference.Key)
		}
	}
	slices.Sort(keys)
	rows, err := selectBy[*T](ctx, i, "key", slices.Compact(keys))
	if err != nil {
		return nil, err
	}
	known := make(map[string]*T, len(rows))
	i.ids[kind] = make(map[string]ID, len(keys))
	for _, row := range rows {
		known[key(row)] = row
		i.ids[kind][key(row)] = any(row).(identified).id()
	}
	return known, nil
}

// idOf returns the id of a record of the file: the one it has, or a new one.
func (i *importing) idOf(kind programme.Kind, key string, known bool, of Kind) ID {
	if !known {
		i.ids[kind][key] = NewID(of, i.now)
	}
	return i.ids[kind][key]
}

// all returns the ids of the records with the keys. Keys that are unknown have none; they are reported elsewhere.
func (i *importing) all(kind programme.Kind, keys []string) []ID {
	ids := make([]ID, len(keys))
	for n, key := range keys {
		ids[n] = i.ids[kind][key]
	}
	return ids
}

// selectBy loads the rows of which the column has one of the values.
func selectBy[T, V any](ctx context.Context, i *importing, column bun.Ident, values []V) ([]T, error) {
	var found []T
	for part := range slices.Chunk(values, chunk) {
		var rows []T
		if err := i.tx.NewSelect().Model(&rows).Where("?TableAlias.? IN (?)", column, bun.List(part)).Scan(ctx); err != nil {
			return nil, fmt.Errorf("look up by %s: %w", column, err)
		}
		found = append(found, rows...)
	}
	return found, nil
}

// upsert writes rows by their ids: a new one as it is, of one that is there already the columns. Without
// columns all are new.
func upsert[T any](ctx context.Context, i *importing, rows []T, columns ...bun.Ident) error {
	for part := range slices.Chunk(rows, chunk) {
		q := i.tx.NewInsert().Model(&part).Returning("NULL")
		for n, column := range columns {
			if n == 0 {
				q = q.On("CONFLICT (id) DO UPDATE")
			}
			q = q.Set("? = EXCLUDED.?", column, column)
		}
		if _, err := q.Exec(ctx); err != nil {
			return fmt.Errorf("write %T: %w", part, err)
		}
		i.wrote(len(part))
	}
	return nil
}

// replace writes a list that belongs to its owners: the rows take the place of those that the owners, named by the column, had.
func replace[T any](ctx context.Context, i *importing, column bun.Ident, owners []ID, rows []*T) error {
	for part := range slices.Chunk(owners, chunk) {
		if _, err := i.tx.NewDelete().Model((*T)(nil)).Where("? IN (?)", column, bun.List(part)).Exec(ctx); err != nil {
			return fmt.Errorf("clear by %s: %w", column, err)
		}
	}
	for part := range slices.Chunk(rows, chunk) {
		if _, err := i.tx.NewInsert().Model(&part).Returning("NULL").Exec(ctx); err != nil {
			return fmt.Errorf("write %T: %w", part, err)
		}
	}
	return nil
}
