package worker

// ReadReport is how a mail to a return path is understood, for tests of any input.
func ReadReport(raw []byte, fromNobody bool) (status, detail string) {
	r := readReport(raw, fromNobody)
	return r.status, r.detail
}
