package programme

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// maxDepth is how deep records may stand in each other. The format itself needs five levels, the contribution to
// a session inside a block of an edition being the deepest; a mistake beyond that is reported by its rule.
const maxDepth = 8

// A decoder fills the Go types from JSON by their field tags, and goes on where a value doesn't fit.
type decoder struct {
	reader
	report func(at *place, offset int, message string)
}

// value consumes one value and puts it into the target.
func (d *decoder) value(target reflect.Value, at *place, depth int) {
	first := d.peek()
	offset := d.pos
	reject := func(message string) {
		d.raw()
		d.report(at, offset, message)
	}
	if first == 'n' {
		reject("Write a value, or leave the field out when there is none; null is neither.")
		return
	}
	switch target.Kind() {
	case reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		d.value(target.Elem(), at, depth)
	case reflect.Struct:
		switch {
		case first != '{':
			reject(fmt.Sprintf("Write an object in braces with the fields of %s.", recordName(target.Type())))
		case depth > maxDepth:
			reject("Move this up: records are nested too deeply here.")
		default:
			d.record(target, at, depth)
		}
	case reflect.Slice:
		if first != '[' {
			reject("Write a list in square brackets, also for a single item.")
			return
		}
		d.items(func(i int) {
			target.Set(reflect.Append(target, reflect.Zero(target.Type().Elem())))
			d.value(target.Index(i), at.item(i), depth)
		})
	case reflect.String:
		if first != '"' {
			reject("Write a text in double quotes.")
			return
		}
		target.SetString(d.text())
		if target.Len() == 0 {
			d.report(at, offset, "Write a text, or leave the field out when there is none; it is empty.")
		}
	case reflect.Int:
		n, err := strconv.Atoi(string(d.raw()))
		if err != nil {
			d.report(at, offset, "Write a whole number in digits, without quotes, fraction or exponent.")
			return
		}
		target.SetInt(int64(n))
	default:
		panic("programme: no rule to read a " + target.Type().String())
	}
}

// record consumes an object and puts its fields into those of the target.
func (d *decoder) record(target reflect.Value, at *place, depth int) {
	names := fieldNames(target.Type())
	written := make([]bool, len(names))
	d.fields(func(name string) {
		offset := d.pos
		i, known := indexOf(names, name)
		switch {
		case !known:
			d.raw()
			d.report(at.field(name), offset, fmt.Sprintf("Correct or remove the field %q; %s has the fields %s.",
				name, recordName(target.Type()), strings.Join(names, ", ")))
		case written[i]:
			d.raw()
			d.report(at.field(name), offset, fmt.Sprintf("Remove one of the fields %q; it is written twice here.", name))
		default:
			written[i] = true
			d.value(target.Field(i), at.field(name), depth+1)
		}
	})
}

// fieldNames gives the JSON names of a record's fields. They come first in the struct, by their index.
func fieldNames(record reflect.Type) []string {
	var names []string
	for field := range record.Fields() {
		if tag, ok := field.Tag.Lookup("json"); ok {
			name, _, _ := strings.Cut(tag, ",")
			names = append(names, name)
		}
	}
	return names
}

func indexOf(names []string, name string) (int, bool) {
	for i, n := range names {
		if n == name {
			return i, true
		}
	}
	return 0, false
}

// recordName says what a record is, with its article: "an edition".
func recordName(record reflect.Type) string {
	name := strings.ToLower(record.Name())
	switch {
	case name == "file":
		return "a programme file"
	case name == "run":
		return "a course run"
	case name == "money":
		return "an amount"
	case strings.Contains("aeo", name[:1]):
		return "an " + name
	}
	return "a " + name
}
