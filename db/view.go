package db

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/uptrace/bun"
)

// view is what one actor sees of the graph. Its methods complete rows that were loaded: each takes all rows of one type at one
// place of the answer and the shape below them, and loads every edge in the shape with one statement for all rows.
//
// Organisations stand at many places of an answer. They are gathered while the rest is loaded and come with one statement at
// the end: every reading verb returns through finish.
type view struct {
	tx      bun.IDB
	actor   Actor
	now     time.Time
	parties *partiesOfAnswer
}

// partiesOfAnswer are the organisations of an answer: those that have come with other rows and those that are still wanted.
type partiesOfAnswer struct {
	came   []*Organisation
	wanted []wantedParty
}

type wantedParty struct {
	id   ID
	read Shape
	set  func(*Organisation)
}

func (d *DB) view(actor Actor) view { return viewIn(d.read, actor, d.now()) }

func viewIn(tx bun.IDB, actor Actor, now time.Time) view {
	if pool, ok := tx.(*readers); ok && actor.Organiser() {
		tx = pool.DB // an organiser's rights are written into the text of queries, which then is not worth keeping
	}
	return view{tx: tx, actor: actor, now: now, parties: new(partiesOfAnswer)}
}

// wantOrganisation has finish load what is read of the organisation and hand it over; nothing happens for the zero ID.
func (v view) wantOrganisation(id ID, read Shape, set func(*Organisation)) {
	if !id.IsZero() {
		v.parties.wanted = append(v.parties.wanted, wantedParty{id, read, set})
	}
}

// finish ends a load: it returns the error so far, or brings the organisations that were wanted and have not come yet.
func (v view) finish(ctx context.Context, err error) error {
	if err != nil || len(v.parties.wanted)+len(v.parties.came) == 0 {
		return err
	}
	rows := v.parties.came
	found := make(map[ID]*Organisation, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	var missing []ID
	var read Shape
	for _, wanted := range v.parties.wanted {
		if found[wanted.id] == nil || readsMore(wanted.read) {
			missing, read = append(missing, wanted.id), read.With(wanted.read)
		}
	}
	if missing = distinct(missing); len(missing) > 0 {
		var loaded []*Organisation
		if err := selectAmong(ctx, v.tx, &loaded, organisationColumns(v.tx.NewSelect().Model(&loaded), read), "organisation.id", missing); err != nil {
			return fmt.Errorf("organisations: %w", err)
		}
		for _, row := range loaded {
			found[row.ID] = row
		}
		rows = append(rows, loaded...)
	}
	organisationsTogether(rows)
	for _, wanted := range v.parties.wanted {
		wanted.set(found[wanted.id])
	}
	*v.parties = partiesOfAnswer{}
	return nil
}

// organisationColumns has a query bring what is read of organisations.
func organisationColumns(q *bun.SelectQuery, read Shape) *bun.SelectQuery {
	q = q.Column("id", "kind", "name", "country")
	if readsMore(read) {
		q = q.Column("code", "population", "institution_kind", "website")
	}
	return q
}

// readsMore reports whether an organisation is looked at more closely than in passing.
func readsMore(read Shape) bool { return read.Has("code", "population", "kind", "website") }

// siblings are the rows that were loaded together. A connection below a row is loaded for all siblings at once, when the first
// of them is asked for it, so that it costs the same number of statements for one row and for a hundred.
type siblings struct {
	ids   []ID
	mu    sync.Mutex
	edges map[string]*edgeOnce
}

type edgeOnce struct {
	sync.Once
	below any
	err   error
}

func newSiblings(ids []ID) *siblings { return &siblings{ids: ids, edges: map[string]*edgeOnce{}} }

// pageOf returns the page at an edge of one sibling. Siblings that ask for the same page with the same shape share the load.
func pageOf[T any](s *siblings, id ID, edge string, p Page, shape Shape, load func(ids []ID) (map[ID]*Connection[T], error)) (*Connection[T], error) {
	return together(s, id, fmt.Sprintf("%s %s %v", edge, p, shape), load)
}

// together returns what is below one sibling. Siblings that ask for the same share the load.
func together[T any](s *siblings, id ID, what string, load func(ids []ID) (map[ID]T, error)) (below T, err error) {
	s.mu.Lock()
	once, ok := s.edges[what]
	if !ok {
		once = new(edgeOnce)
		s.edges[what] = once
	}
	s.mu.Unlock()
	once.Do(func() { once.below, once.err = load(s.ids) })
	if once.err != nil {
		return below, once.err
	}
	return once.below.(map[ID]T)[id], nil
}

// all returns the rows of several pages, so that they can be completed together.
func all[T any](pages map[ID]*Connection[T]) []*T {
	var rows []*T
	seen := map[*T]bool{}
	for _, page := range pages {
		for _, row := range page.Nodes {
			if !seen[row] {
				seen[row] = true
				rows = append(rows, row)
			}
		}
	}
	return rows
}
