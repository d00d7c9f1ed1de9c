package db

// Trace is what tests know of a trace.
type Trace struct {
	Table, Column, Via, Label string
	Deleted                   bool
}

// Traces are all columns that lead from records to the people whom they are about.
func Traces() []Trace {
	all := make([]Trace, len(traces))
	for i, x := range traces {
		all[i] = Trace{Table: x.table, Column: x.column, Via: x.via, Label: x.label(), Deleted: x.deleted}
	}
	return all
}
