package programme

// MaxSize is the size, in bytes, of the largest file that [Parse] reads.
const MaxSize = 64 << 20

// Parse reads a programme file and reports all its problems at once, by line. The File is nil if it has any.
func Parse(data []byte) (*File, []Problem) {
	panic("not yet")
}

// Check reports all problems of a file that was built in Go, in the order of its records; lines are 0.
func Check(f *File) []Problem {
	panic("not yet")
}

// Outside lists the references to records that are not in this file, in the order of the file. They have to be
// known from an earlier import.
func (f *File) Outside() []Reference {
	panic("not yet")
}

// Unknown is the problem of a reference that points to nothing.
func (r Reference) Unknown() Problem {
	panic("not yet")
}
