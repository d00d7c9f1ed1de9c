package programme

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Locate sets the lines of problems that were found after [Parse], by their paths, and sorts them by line. A place that isn't
// there, such as that of a field left out, has the line of what surrounds it. Lines stay 0 when the file was built in Go.
func (f *File) Locate(problems []Problem) {
	if f.source == nil {
		return
	}
	places := make([]*place, len(problems))
	for i, p := range problems {
		places[i] = placeAt(p.Path)
	}
	for i, line := range lines(f.source, locate(f.source, places)) {
		problems[i].Line = line
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
}

// placeAt reads a path of fields and items, as [place.String] writes it.
func placeAt(path string) *place {
	var at *place
	for step := range strings.FieldsFuncSeq(path, func(r rune) bool { return strings.ContainsRune(".[]", r) }) {
		if i, err := strconv.Atoi(step); err == nil {
			at = at.item(i)
		} else {
			at = at.field(step)
		}
	}
	return at
}
