// Package direct writes the answers of some root fields as JSON straight from the loaded records, along the selection set, where
// the ordinary executor visits every field of every record by itself. It decides nothing: what may be seen was decided when the
// records were loaded.
//
// It knows fields that are a plain value of a record: no arguments, no directives, no resolver. At anything else it refuses the
// whole root field before it is resolved, and the ordinary executor answers; so it does for a null where the schema has none,
// since it is the ordinary executor that reports it. Either way the bytes are the same.
package direct

import (
	"context"
	"encoding/base64"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/exec"
)

// Install has srv write the answers of the named fields of Query directly.
func Install(srv *handler.Server, schema *ast.Schema, fields ...string) {
	w := writer{schema: schema, roots: map[string]reflect.Type{}}
	for _, name := range fields {
		resolver, ok := member(reflect.TypeFor[exec.QueryResolver](), name)
		if !ok {
			panic("direct: Query has no field " + name)
		}
		w.roots[name] = resolver.Type.Out(0)
	}
	srv.AroundOperations(w.around)
}

// writer knows what may be written directly.
type writer struct {
	schema *ast.Schema
	roots  map[string]reflect.Type // the results of root fields
}

// around plans the root fields of an operation. The middleware would run for every field, so it is set only where it is needed.
func (w writer) around(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	if op.Operation.Operation != ast.Query {
		return next(ctx)
	}
	plans := map[*ast.Field]*step{}
	for _, f := range graphql.CollectFields(op, op.Operation.SelectionSet, []string{w.schema.Query.Name}) {
		if result, ok := w.roots[f.Name]; ok && len(f.Deferrables) == 0 {
			if s := (planner{w.schema, op}).value(f, result); s != nil {
				plans[f.Field] = s
			}
		}
	}
	if len(plans) == 0 {
		return next(ctx)
	}
	ordinary := op.ResolverMiddleware
	op.ResolverMiddleware = func(ctx context.Context, resolve graphql.Resolver) (any, error) {
		result, err := ordinary(ctx, resolve)
		s := plans[graphql.GetFieldContext(ctx).Field.Field]
		if s == nil || err != nil || result == nil {
			return result, err
		}
		b := buffers.Get().(*[]byte)
		written, ok := s.write((*b)[:0], reflect.ValueOf(result), s.typ)
		*b = written
		if !ok {
			buffers.Put(b)
			return result, nil
		}
		return (*answer)(b), nil
	}
	return next(ctx)
}

// largestKept is the capacity in bytes of the largest buffer that is used again.
const largestKept = 1 << 20

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// answer is JSON that is ready.
type answer []byte

// MarshalGQL writes the answer; the executor calls it once.
func (a *answer) MarshalGQL(w io.Writer) {
	_, _ = w.Write(*a) // into memory
	if cap(*a) <= largestKept {
		buffers.Put((*[]byte)(a))
	}
}

// step writes one field.
type step struct {
	key     []byte // `"alias":`, with the value when that is known
	typ     *ast.Type
	index   int           // of the struct's field, unless there is a getter
	get     func(any) any // returns the value of a record
	leaf    leaf          // writes one value that is no record
	objects []object      // writes one record, by its type
}

type leaf func(b []byte, v reflect.Value) (_ []byte, ok bool)

// object writes one type of record.
type object struct {
	record reflect.Type
	steps  []step
}

// write appends a value, or a list of them, of the type in the schema. It is not ok when the value may not stand there.
func (s *step) write(b []byte, v reflect.Value, t *ast.Type) (_ []byte, ok bool) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return append(b, "null"...), !t.NonNull
		}
		v = v.Elem()
	}
	switch {
	case !v.IsValid(): // a getter returned nil
		return append(b, "null"...), !t.NonNull
	case t.Elem != nil:
		if v.IsNil() && !t.NonNull {
			return append(b, "null"...), true
		}
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			if b, ok = s.write(b, v.Index(i), t.Elem); !ok {
				return b, false
			}
		}
		return append(b, ']'), true
	case s.leaf != nil:
		return s.leaf(b, v)
	}
	for i := range s.objects {
		if s.objects[i].record == v.Type() {
			return s.objects[i].write(b, v)
		}
	}
	return b, false
}

func (o *object) write(b []byte, v reflect.Value) (_ []byte, ok bool) {
	b = append(b, '{')
	for i := range o.steps {
		if i > 0 {
			b = append(b, ',')
		}
		s := &o.steps[i]
		b = append(b, s.key...)
		switch {
		case s.typ == nil:
			continue
		case s.get != nil:
			b, ok = s.write(b, reflect.ValueOf(s.get(v.Addr().Interface())), s.typ)
		default:
			b, ok = s.write(b, v.Field(s.index), s.typ)
		}
		if !ok {
			return b, false
		}
	}
	return append(b, '}'), true
}

// planner makes the steps of one operation; nil stands for "refused".
type planner struct {
	schema *ast.Schema
	op     *graphql.OperationContext
}

// value plans a field whose values are of the Go type, or lists of it.
func (p planner) value(f graphql.CollectedField, t reflect.Type) *step {
	s := &step{key: append(appendText(nil, f.Alias), ':'), typ: f.Definition.Type}
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	def := p.schema.Types[s.typ.Name()]
	if def.IsLeafType() {
		if s.leaf = leafOf(def, t); s.leaf == nil {
			return nil
		}
		return s
	}
	possible := []reflect.Type{t}
	if t.Kind() == reflect.Interface {
		possible = nil
		for _, record := range parties {
			if !record.Implements(t) {
				return nil
			}
			possible = append(possible, record.Elem())
		}
		if len(possible) != len(p.schema.GetPossibleTypes(def)) {
			return nil
		}
	}
	for _, record := range possible {
		name := def.Name
		if def.IsAbstractType() {
			name = record.Name()
		}
		o := p.object(f.Selections, p.schema.Types[name], record)
		if o == nil {
			return nil
		}
		s.objects = append(s.objects, *o)
	}
	return s
}

// object plans the fields of a record.
func (p planner) object(selected ast.SelectionSet, def *ast.Definition, record reflect.Type) *object {
	if def == nil || def.Kind != ast.Object || record.Kind() != reflect.Struct {
		return nil
	}
	bound, ok := member(reflect.TypeFor[exec.ComplexityRoot](), def.Name)
	if !ok {
		return nil
	}
	o := &object{record: record}
	for _, f := range graphql.CollectFields(p.op, selected, append([]string{def.Name}, def.Interfaces...)) {
		if f.Name == "__typename" && len(f.Deferrables) == 0 {
			o.steps = append(o.steps, step{key: appendText(append(appendText(nil, f.Alias), ':'), def.Name)})
			continue
		}
		// The generated code names the member of the record that each field is bound to.
		target, ok := member(bound.Type, f.Name)
		if !ok || len(f.Deferrables) > 0 || len(f.Definition.Arguments) > 0 || len(f.Definition.Directives) > 0 || resolved(def.Name, target.Name) {
			return nil
		}
		s := p.bound(f, record, target.Name)
		if s == nil {
			return nil
		}
		o.steps = append(o.steps, *s)
	}
	return o
}

// bound plans a field that is bound to a method or a field of the record.
func (p planner) bound(f graphql.CollectedField, record reflect.Type, name string) *step {
	if method, ok := reflect.PointerTo(record).MethodByName(name); ok {
		for _, g := range getters {
			if g.of.Method(0).Name != name || !reflect.PointerTo(record).Implements(g.of) {
				continue
			}
			if s := p.value(f, method.Type.Out(0)); s != nil {
				s.get = g.get
				return s
			}
		}
		return nil
	}
	field, ok := record.FieldByName(name)
	if !ok || !field.IsExported() || len(field.Index) != 1 {
		return nil
	}
	s := p.value(f, field.Type)
	if s != nil {
		s.index = field.Index[0]
	}
	return s
}

// resolved reports whether a resolver stands behind the field.
func resolved(typeName, name string) bool {
	resolvers, ok := reflect.TypeFor[exec.ResolverRoot]().MethodByName(typeName)
	if !ok {
		return false
	}
	_, ok = resolvers.Type.Out(0).MethodByName(name)
	return ok
}

// member finds a field of a struct or a method of an interface by its name in the schema, which differs in case only.
func member(t reflect.Type, name string) (found struct {
	Name string
	Type reflect.Type
}, ok bool) {
	if t.Kind() == reflect.Interface {
		for m := range t.Methods() {
			if strings.EqualFold(m.Name, name) {
				found.Name, found.Type = m.Name, m.Type
				return found, true
			}
		}
		return found, false
	}
	f, ok := t.FieldByNameFunc(func(other string) bool { return strings.EqualFold(other, name) })
	found.Name, found.Type = f.Name, f.Type
	return found, ok
}

// parties are the records behind interfaces.
var parties = []reflect.Type{reflect.TypeFor[*db.Municipality](), reflect.TypeFor[*db.Institution]()}

// getters call the methods that fields are bound to: reflection would take many times as long.
var getters = []getter{
	through(func(r interface{ Affiliation() *string }) any { return r.Affiliation() }),
	through(func(r interface{ Budget() *db.Money }) any { return r.Budget() }),
	through(func(r interface{ EndsOn() *db.Date }) any { return r.EndsOn() }),
	through(func(r interface{ Host() db.Party }) any { return r.Host() }),
	through(func(r interface{ Name() string }) any { return r.Name() }),
	through(func(r interface{ NextHost() db.Party }) any { return r.NextHost() }),
	through(func(r interface{ Organisation() db.Party }) any { return r.Organisation() }),
	through(func(r interface{ Price() *db.Money }) any { return r.Price() }),
	through(func(r interface{ Rotation() []db.Party }) any { return r.Rotation() }),
	through(func(r interface{ Venue() *db.Venue }) any { return r.Venue() }),
}

// getter calls the one method of an interface.
type getter struct {
	of  reflect.Type
	get func(record any) any
}

func through[I any](get func(I) any) getter {
	return getter{of: reflect.TypeFor[I](), get: func(record any) any { return get(record.(I)) }}
}

// leafOf returns how values of the Go type are written where the schema has the type; nil when that is not known here.
func leafOf(def *ast.Definition, t reflect.Type) leaf {
	switch def.Name {
	case "ID":
		if t == reflect.TypeFor[db.ID]() {
			return writeID
		}
	case "DateTime":
		if t == reflect.TypeFor[time.Time]() {
			return writeInstant
		}
	case "Date", "LocalDateTime":
		if t == reflect.TypeFor[db.Date]() || t == reflect.TypeFor[db.LocalTime]() {
			return writeDay
		}
	case "Int":
		if t.Kind() == reflect.Int {
			return func(b []byte, v reflect.Value) ([]byte, bool) { return strconv.AppendInt(b, v.Int(), 10), true }
		}
	case "Boolean":
		if t.Kind() == reflect.Bool {
			return func(b []byte, v reflect.Value) ([]byte, bool) { return strconv.AppendBool(b, v.Bool()), true }
		}
	default:
		known := def.Kind == ast.Enum || slices.Contains([]string{"String", "TimeZone", "EmailAddress", "URL", "Locale"}, def.Name)
		if known && t.Kind() == reflect.String && !t.Implements(reflect.TypeFor[graphql.Marshaler]()) {
			return func(b []byte, v reflect.Value) ([]byte, bool) { return appendText(b, v.String()), true }
		}
	}
	return nil
}

func writeID(b []byte, v reflect.Value) ([]byte, bool) {
	id := v.Addr().Interface().(*db.ID)
	b = append(b, '"')
	b = base64.RawURLEncoding.AppendEncode(b, id[:])
	return append(b, '"'), true
}

// writeInstant leaves the zero time, which is null, to the ordinary executor.
func writeInstant(b []byte, v reflect.Value) ([]byte, bool) {
	instant := v.Addr().Interface().(*time.Time)
	b = append(b, '"')
	b = instant.UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"'), !instant.IsZero()
}

// writeDay leaves "", which is null, to the ordinary executor.
func writeDay(b []byte, v reflect.Value) ([]byte, bool) {
	return appendText(b, v.String()), v.Len() > 0
}

// appendText writes a string as the ordinary executor does, which escapes what JSON demands and nothing more.
func appendText(b []byte, text string) []byte {
	const hexDigits = "0123456789ABCDEF"
	b = append(b, '"')
	start := 0
	for i := range len(text) {
		c := text[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		start = i + 1
	}
	b = append(b, text[start:]...)
	return append(b, '"')
}
