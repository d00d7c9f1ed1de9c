package db

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"
)

// Page says which part of a connection is wanted (Relay cursor connections): First with After, or Last with Before.
type Page struct {
	First, Last   *int
	After, Before *string
	Count         bool // whether TotalCount is read
}

// String writes the page so that two that ask for the same are equal.
func (p Page) String() string {
	part := func(size *int, cursor *string) string {
		switch {
		case size == nil && cursor == nil:
			return "-"
		case cursor == nil:
			return fmt.Sprint(*size)
		case size == nil:
			return *cursor
		}
		return fmt.Sprint(*size, " ", *cursor)
	}
	return fmt.Sprintf("%s/%s/%t", part(p.First, p.After), part(p.Last, p.Before), p.Count)
}

// MaxPage is the largest page that can be asked for.
const MaxPage = 100

// PageInfo says where a page lies.
type PageInfo struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

// Edge is a record with the cursor to continue from.
type Edge[T any] struct {
	Cursor string
	Node   *T
}

// Connection is one page of records in a fixed order.
type Connection[T any] struct {
	Nodes      []*T
	Edges      []*Edge[T]
	PageInfo   PageInfo
	TotalCount int // zero unless Page.Count
}

// window is a checked Page.
type window struct {
	limit         int
	backwards     bool
	after, before []string
}

// check refuses a page that is not one, and cursors that are not ours: of another list, or made up.
func (p Page) check(ours func(cursor []string) bool) (w window, err error) {
	size, field := p.First, "first"
	if p.First == nil && p.Last != nil {
		size, field, w.backwards = p.Last, "last", true
	}
	switch {
	case p.First != nil && p.Last != nil:
		return w, problem(CodeInvalid, "last", "Give either first or last, not both.")
	case size == nil:
		return w, problem(CodeRequired, "first", "Say how many to return: first or last, from 1 to %d.", MaxPage)
	case *size < 1 || *size > MaxPage:
		return w, problem(CodeInvalid, field, "Ask for 1 to %d records at a time; this asks for %d.", MaxPage, *size)
	}
	w.limit = *size
	if w.after, err = readCursor(p.After, "after", ours); err != nil {
		return w, err
	}
	w.before, err = readCursor(p.Before, "before", ours)
	return w, err
}

func readCursor(cursor *string, field string, ours func(cursor []string) bool) (values []string, err error) {
	if cursor == nil {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(*cursor)
	if err == nil {
		err = json.Unmarshal(raw, &values)
	}
	if err != nil || !ours(values) {
		return nil, notACursor(field)
	}
	return values, nil
}

func notACursor(field string) *Error {
	return problem(CodeInvalid, field, "This is not a cursor of this list; use a cursor or endCursor exactly as it was returned.")
}

func writeCursor(values []string) string {
	raw, _ := json.Marshal(values) // strings always marshal
	return base64.RawURLEncoding.EncodeToString(raw)
}

// order is how a connection is sorted: by one column and then by the id, both in the same direction. Every order has an index.
type order[T any] struct {
	column     bun.Ident
	descending bool
	key        func(*T) (sort string, id ID)
	cursor     func(sort string, id ID) bool // whether a record of the list may lie there
}

func (o order[T]) ours(cursor []string) bool {
	return len(cursor) == 2 && o.cursor(cursor[0], ParseID(cursor[1]))
}

// byText and byDate are the cursors of lists that are sorted by text or by a day.
func byText(kinds ...Kind) func(string, ID) bool {
	return func(sort string, id ID) bool {
		return slices.Contains(kinds, id.Kind()) && !strings.ContainsRune(sort, 0)
	}
}

func byDate(kind Kind) func(string, ID) bool {
	return func(sort string, id ID) bool {
		_, err := ParseDate(sort)
		return id.Kind() == kind && err == nil && sort >= "0001" // PostgreSQL knows no year 0
	}
}

// keyset restricts and sorts the query to the window and one row more, which tells whether others follow.
func (o order[T]) keyset(q *bun.SelectQuery, w window) *bun.SelectQuery {
	direction := bun.Safe("ASC")
	if o.descending != w.backwards {
		direction = "DESC"
	}
	return o.beyond(q, w).OrderExpr("? ?, ?TableAlias.id ?", o.column, direction, direction).Limit(int64(w.limit) + 1)
}

// beyond restricts the query to rows behind the window's after and before its before.
func (o order[T]) beyond(q *bun.SelectQuery, w window) *bun.SelectQuery {
	if w.after != nil {
		q = q.Where("(?, ?TableAlias.id) ? (?, ?)", o.column, sign(!o.descending), w.after[0], ParseID(w.after[1]))
	}
	if w.before != nil {
		q = q.Where("(?, ?TableAlias.id) ? (?, ?)", o.column, sign(o.descending), w.before[0], ParseID(w.before[1]))
	}
	return q
}

func sign(greater bool) bun.Safe {
	if greater {
		return ">"
	}
	return "<"
}

// page makes the connection of the rows that keyset selected.
func (o order[T]) page(rows []*T, w window) *Connection[T] {
	more := len(rows) > w.limit
	if more {
		rows = rows[:w.limit]
	}
	if w.backwards {
		slices.Reverse(rows)
	}
	c := &Connection[T]{Nodes: rows, Edges: make([]*Edge[T], len(rows))}
	if rows == nil {
		c.Nodes = []*T{}
	}
	for i, row := range rows {
		sort, id := o.key(row)
		c.Edges[i] = &Edge[T]{Cursor: writeCursor([]string{sort, id.String()}), Node: row}
	}
	if n := len(rows); n > 0 {
		c.PageInfo.StartCursor, c.PageInfo.EndCursor = &c.Edges[0].Cursor, &c.Edges[n-1].Cursor
	}
	c.PageInfo.HasNextPage = more && !w.backwards || w.backwards && w.before != nil
	c.PageInfo.HasPreviousPage = more && w.backwards || !w.backwards && w.after != nil
	return c
}

// connect runs a query as a connection: one statement for the page, one more when the total is read.
func connect[T any](ctx context.Context, tx bun.IDB, o order[T], p Page, restrict func(*bun.SelectQuery) *bun.SelectQuery) (*Connection[T], error) {
	w, err := p.check(o.ours)
	if err != nil {
		return nil, err
	}
	var rows []*T
	if err := o.keyset(restrict(tx.NewSelect().Model(&rows)), w).Scan(ctx); err != nil {
		return nil, fmt.Errorf("select page: %w", err)
	}
	c := o.page(rows, w)
	if p.Count {
		total, err := restrict(tx.NewSelect().Model((*T)(nil))).Count(ctx)
		if err != nil {
			return nil, fmt.Errorf("count: %w", err)
		}
		c.TotalCount = int(total)
	}
	return c, nil
}

// connectEach runs a query as one connection for each parent: one statement finds the pages of all parents, one loads their
// rows, one more counts when the totals are read. Links selects from T's table, joined with whatever names the parent.
func connectEach[T any](ctx context.Context, tx bun.IDB, o order[T], p Page, parents []ID, parent bun.Ident,
	links func() *bun.SelectQuery,
) (map[ID]*Connection[T], error) {
	w, err := p.check(o.ours)
	if err != nil {
		return nil, err
	}
	if len(parents) == 0 {
		return nil, nil
	}
	direction := bun.Safe("ASC")
	if o.descending != w.backwards {
		direction = "DESC"
	}
	type link struct {
		ParentID ID
		RowID    ID
	}
	ranked := o.beyond(links(), w).
		ColumnExpr("? AS parent_id, ?TableAlias.id AS row_id", parent).
		ColumnExpr("row_number() OVER (PARTITION BY ? ORDER BY ? ?, ?TableAlias.id ?) AS place", parent, o.column, direction, direction).
		Where("? IN (?)", parent, bun.List(parents))
	var found []link
	if err := tx.NewSelect().ColumnExpr("parent_id, row_id").TableExpr("(?) AS ranked", ranked).
		Where("place <= ?", w.limit+1).OrderExpr("place").Scan(ctx, &found); err != nil {
		return nil, fmt.Errorf("select pages: %w", err)
	}
	ids := make([]ID, len(found))
	for i, l := range found {
		ids[i] = l.RowID
	}
	rows, err := byID[T](ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	ofParent := map[ID][]*T{}
	for _, l := range found {
		ofParent[l.ParentID] = append(ofParent[l.ParentID], rows[l.RowID])
	}
	pages := make(map[ID]*Connection[T], len(parents))
	for _, id := range parents {
		pages[id] = o.page(ofParent[id], w)
	}
	if p.Count {
		var counts []struct {
			ParentID ID
			Total    int
		}
		if err := links().ColumnExpr("? AS parent_id, count(*) AS total", parent).Where("? IN (?)", parent, bun.List(parents)).
			GroupExpr("?", parent).Scan(ctx, &counts); err != nil {
			return nil, fmt.Errorf("count: %w", err)
		}
		for _, count := range counts {
			pages[count.ParentID].TotalCount = count.Total
		}
	}
	return pages, nil
}

// byID loads rows by their ids, each once, in one statement.
func byID[T any](ctx context.Context, tx bun.IDB, ids []ID) (map[ID]*T, error) {
	ids = distinct(ids)
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []*T
	if err := selectAmong(ctx, tx, &rows, tx.NewSelect().Model(&rows), "id", ids); err != nil {
		return nil, fmt.Errorf("select by id: %w", err)
	}
	found := make(map[ID]*T, len(rows))
	for _, row := range rows {
		found[any(row).(identified).id()] = row
	}
	return found, nil
}

// identified is a row with an ID.
type identified interface{ id() ID }

// distinct returns the ids without zeros and repetitions.
func distinct(ids []ID) []ID {
	seen := make(map[ID]bool, len(ids))
	kept := make([]ID, 0, len(ids))
	for _, id := range ids {
		if !id.IsZero() && !seen[id] {
			seen[id] = true
			kept = append(kept, id)
		}
	}
	return kept
}

// idsOf returns the ids of rows.
func idsOf[T identified](rows []T) []ID {
	ids := make([]ID, len(rows))
	for i, row := range rows {
		ids[i] = row.id()
	}
	return ids
}

// idsBy returns an id of each row.
func idsBy[T any](rows []T, id func(T) ID) []ID {
	ids := make([]ID, len(rows))
	for i, row := range rows {
		ids[i] = id(row)
	}
	return ids
}
