package db

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
	"zombiezen.com/go/sqlite"
)

// This file reads the rows of the queries that answers are made of. bun writes those queries and knows where columns go; only the
// rows do not pass through database/sql and bun, which take longer for a nested answer than the database does.

// selectAmong appends to rows what the query finds whose column holds one of the ids. On the pool of reading verbs the ids are the
// one parameter, so that the text is the same for any number of them and the database parses and plans it once for each
// connection. Nothing else in the text may come from outside: there are as many texts as the program has queries. A query that
// orders by the column first is answered by walking an index, where SQLite would have to sort.
func selectAmong[T any](ctx context.Context, tx bun.IDB, rows *[]*T, q *bun.SelectQuery, column bun.Ident, ids []ID) error {
	pool, ok := tx.(*readers)
	if !ok {
		q = q.Where("? IN (?)", column, bun.List(ids))
		if q.GetModel() != nil {
			return q.Scan(ctx)
		}
		return q.Scan(ctx, rows)
	}
	text, err := amongGiven(pool, q, column).AppendQuery(pool.QueryGen(), nil)
	if err != nil {
		return err
	}
	table := pool.Dialect().Tables().Get(reflect.TypeFor[T]())
	add := func() reflect.Value {
		row := new(T)
		*rows = append(*rows, row)
		return reflect.ValueOf(row).Elem()
	}
	began := time.Now()
	if pool.postgres {
		err = pool.fromPostgres(ctx, string(text), table, add, idList(true, ids))
	} else {
		err = pool.fromSQLite(ctx, string(text), ids, table, add)
	}
	ran(ctx, pool.postgres, string(text), began, err)
	return err
}

// fromPostgres runs a query whose text pgx keeps prepared, unless the first argument is another [pgx.QueryExecMode]. The values come in
// PostgreSQL's binary format.
func (r *readers) fromPostgres(ctx context.Context, text string, table *schema.Table, add func() reflect.Value, args ...any) error {
	conn, err := r.DB.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driverConn any) error {
		c := driverConn.(*stdlib.Conn).Conn()
		found, err := c.Query(ctx, text, append([]any{pgx.QueryExecModeCacheStatement}, args...)...)
		if err != nil {
			return err
		}
		defer found.Close()
		columns := make([]column[[]byte], len(found.FieldDescriptions()))
		for i, described := range found.FieldDescriptions() {
			if columns[i], err = columnFor(table, described, c.TypeMap()); err != nil {
				return err
			}
		}
		for found.Next() {
			row := destination{row: add()}
			for i, raw := range found.RawValues() {
				if raw == nil { // the field is as new as the row
					continue
				}
				if err := columns[i].read(row.of(columns[i].field), raw); err != nil {
					return fmt.Errorf("%s: %w", columns[i].field.Name, err)
				}
			}
		}
		return found.Err()
	})
}

// destination finds the fields of one row. Columns of the same record below it come one after the other: that is looked for once.
type destination struct {
	row    reflect.Value
	record reflect.Value // the row or what is below it on the path
	path   []int
}

func (d *destination) of(field *schema.Field) reflect.Value {
	last := len(field.Index) - 1
	if path := field.Index[:last]; !d.record.IsValid() || !slices.Equal(path, d.path) {
		d.record, d.path = d.row, path
		for _, index := range path {
			below := d.record.Field(index)
			if below.IsNil() {
				below.Set(reflect.New(below.Type().Elem()))
			}
			d.record = below.Elem()
		}
	}
	return d.record.Field(field.Index[last])
}

// column is one that the database sends, with values of type V: the field of the record, also below a relation, and what reads a
// value into it.
type column[V any] struct {
	field *schema.Field
	read  func(to reflect.Value, value V) error
}

// columnOf finds the field of the column. It is read by what reader returns for its type, or for what it points to; read is nil
// when that is nothing.
func columnOf[V any](table *schema.Table, name string, reader func(to reflect.Type) func(to reflect.Value, value V) error) (column[V], error) {
	field := table.LookupField(name)
	if field == nil {
		return column[V]{}, fmt.Errorf("%s has no column %s", table.TypeName, name)
	}
	to := field.StructField.Type
	read := reader(to)
	if to.Kind() == reflect.Pointer {
		if below := reader(to.Elem()); below != nil {
			read = func(v reflect.Value, value V) error {
				v.Set(reflect.New(to.Elem()))
				return below(v.Elem(), value)
			}
		}
	}
	return column[V]{field, read}, nil
}

func columnFor(table *schema.Table, described pgconn.FieldDescription, types *pgtype.Map) (column[[]byte], error) {
	found, err := columnOf(table, described.Name, func(to reflect.Type) func(reflect.Value, []byte) error { return binaryReader(to, described) })
	if err == nil && found.read == nil { // what is rare may go bun's way
		found.read = func(v reflect.Value, raw []byte) error {
			known, ok := types.TypeForOID(described.DataTypeOID)
			if !ok {
				return fmt.Errorf("type %d is not known", described.DataTypeOID)
			}
			value, err := known.Codec.DecodeDatabaseSQLValue(types, described.DataTypeOID, described.Format, raw)
			if err != nil {
				return err
			}
			return found.field.ScanWithCheck(v, value)
		}
	}
	return found, err
}

// epoch is what PostgreSQL counts instants and days from.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// binaryReader reads a type in the format of its binary output function into the Go type; nil for what is not read here.
func binaryReader(to reflect.Type, described pgconn.FieldDescription) func(to reflect.Value, raw []byte) error {
	switch oid := described.DataTypeOID; {
	case oid == pgtype.TextOID && to.Kind() == reflect.String: // the same in both formats
		last := "" // kinds, names of rooms and the like come again and again
		return func(v reflect.Value, raw []byte) error {
			if last != string(raw) {
				last = string(raw)
			}
			v.SetString(last)
			return nil
		}
	case described.Format != pgx.BinaryFormatCode:
		return nil
	case oid == pgtype.UUIDOID && to == reflect.TypeFor[ID]():
		return func(v reflect.Value, raw []byte) error {
			copy(v.Addr().Interface().(*ID)[:], raw)
			return nil
		}
	case oid == pgtype.Int4OID && to.Kind() == reflect.Int:
		return func(v reflect.Value, raw []byte) error {
			v.SetInt(int64(int32(binary.BigEndian.Uint32(raw))))
			return nil
		}
	case oid == pgtype.DateOID && to == reflect.TypeFor[Date]():
		return func(v reflect.Value, raw []byte) error {
			v.SetString(epoch.AddDate(0, 0, int(int32(binary.BigEndian.Uint32(raw)))).Format(time.DateOnly))
			return nil
		}
	case oid == pgtype.TimestamptzOID && to == reflect.TypeFor[time.Time]():
		return func(v reflect.Value, raw []byte) error {
			*v.Addr().Interface().(*time.Time) = time.UnixMicro(epoch.UnixMicro() + int64(binary.BigEndian.Uint64(raw))).UTC()
			return nil
		}
	}
	return nil
}

// fromSQLite runs a query that is kept ready.
func (r *readers) fromSQLite(ctx context.Context, text string, ids []ID, table *schema.Table, add func() reflect.Value) error {
	return r.withReady(ctx, text, func(query *sqlite.Stmt) (err error) {
		query.BindText(1, idList(false, ids))
		columns, value := make([]column[*cell], query.ColumnCount()), &cell{Stmt: query}
		for i := range columns {
			if columns[i], err = columnOf(table, query.ColumnName(i), cellReader); err != nil {
				return err
			}
		}
		for {
			if found, err := query.Step(); err != nil || !found {
				return err
			}
			row := destination{row: add()}
			for i, c := range columns {
				value.at, value.kind = i, query.ColumnType(i)
				if value.kind == sqlite.TypeNull { // the field is as new as the row
					continue
				}
				to := row.of(c.field)
				if c.read == nil { // what is rare may go bun's way
					err = c.field.ScanWithCheck(to, value.plain())
				} else {
					err = c.read(to, value)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", c.field.Name, err)
				}
			}
		}
	})
}

// cell is one column of the row at which a query of SQLite stands.
type cell struct {
	*sqlite.Stmt
	at     int
	kind   sqlite.ColumnType
	buffer [256]byte // of a text, so that not each needs memory of its own
}

// plain returns the value as database/sql would.
func (c *cell) plain() any {
	switch c.kind {
	case sqlite.TypeInteger:
		return c.ColumnInt64(c.at)
	case sqlite.TypeFloat:
		return c.ColumnFloat(c.at)
	}
	return c.ColumnText(c.at)
}

// text returns a text: last when it is the same.
func (c *cell) text(last string) (string, error) {
	if c.kind != sqlite.TypeText {
		return "", fmt.Errorf("%s is no text", c.kind)
	}
	n := c.ColumnBytes(c.at, c.buffer[:])
	if n == len(c.buffer) { // and maybe longer
		return c.ColumnText(c.at), nil
	}
	if last != string(c.buffer[:n]) {
		last = string(c.buffer[:n])
	}
	return last, nil
}

// cellReader reads SQLite's texts and numbers into the Go type; nil for what is not read here.
func cellReader(to reflect.Type) func(to reflect.Value, value *cell) error {
	switch {
	case to == reflect.TypeFor[ID]():
		return func(v reflect.Value, value *cell) error {
			id, err := uuid.ParseBytes(value.buffer[:value.ColumnBytes(value.at, value.buffer[:])])
			*v.Addr().Interface().(*ID) = ID(id)
			return err
		}
	case to == reflect.TypeFor[Date](), to == reflect.TypeFor[LocalTime](), to.Kind() == reflect.String && !reflect.PointerTo(to).Implements(reflect.TypeFor[sql.Scanner]()):
		last := ""
		return func(v reflect.Value, value *cell) (err error) {
			last, err = value.text(last)
			v.SetString(last)
			return err
		}
	case to.Kind() == reflect.Int:
		return func(v reflect.Value, value *cell) error {
			if value.kind != sqlite.TypeInteger {
				return fmt.Errorf("%s is no number", value.kind)
			}
			v.SetInt(value.ColumnInt64(value.at))
			return nil
		}
	}
	return nil
}
