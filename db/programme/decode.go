package programme

import (
	"fmt"
	"reflect"
	"slices"
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
	case reflect.Bool:
		if first != 't' && first != 'f' {
			reject("Write true or false, without quotes.")
			return
		}
		target.SetBool(string(d.raw()) == "true")
	default:
		panic("programme: no rule to read a " + target.Type().String())
	}
}

// record consumes an object and puts its fields into those of the target.
func (d *decoder) record(target reflect.Value, at *place, depth int) {
	start := d.pos
	known := fields(target.Type())
	written := make([]bool, len(known))
	d.fields(func(name string) {
		offset := d.pos
		i := slices.IndexFunc(known, func(f field) bool { return f.name == name })
		switch {
		case i < 0:
			d.raw()
			d.report(at.field(name), offset, fmt.Sprintf("Correct or remove the field %q; %s has the fields %s.",
				name, recordName(target.Type()), names(known)))
		case written[i]:
			d.raw()
			d.report(at.field(name), offset, fmt.Sprintf("Remove one of the fields %q; it is written twice here.", name))
		default:
			written[i] = true
			d.value(target.Field(i), at.field(name), depth+1)
		}
	})
	for i, f := range known {
		if f.required && !written[i] {
			d.report(at.field(f.name), start, missing(f.name))
		}
	}
}

// missing says that a field is.
func missing(name string) string {
	return fmt.Sprintf("Add the field %q; it is required here.", name)
}

// A field of a record, as its Go type declares it.
type field struct {
	name     string
	required bool
}

// fields gives the fields of a record, each at its index in the struct.
func fields(record reflect.Type) []field {
	var list []field
	for f := range record.Fields() {
		if tag, ok := f.Tag.Lookup("json"); ok {
			name, options, _ := strings.Cut(tag, ",")
			list = append(list, field{name, options != "omitempty"})
		}
	}
	return list
}

func names(list []field) string {
	var all []string
	for _, f := range list {
		all = append(all, f.name)
	}
	return strings.Join(all, ", ")
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
	case strings.Contains("aeio", name[:1]):
		return "an " + name
	}
	return "a " + name
}
