// Package mailbox is where the mail of a demo ends up: a mail server on loopback that accepts everything for everybody,
// delivers nothing, and shows what it caught on a page and to scripts.
package mailbox

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxBytes bounds what all mails together may take up in memory.
const maxBytes = 64 << 20

// Mailbox keeps the newest mails in memory. It is safe for use by many goroutines.
type Mailbox struct {
	limit int
	pages http.Handler

	mu      sync.RWMutex
	mails   []*mail // oldest first
	bytes   int
	lastID  int
	dropped int      // since the mailbox was last emptied
	stops   []func() // one for each mail server
}

// mail is what one recipient was sent. It does not change.
type mail struct {
	id        int
	to        string
	from      string
	subject   string
	kind      string
	messageID string
	received  time.Time
	raw       []byte
}

// New returns an empty mailbox that keeps the newest limit mails, and fewer when those exceed 64 MB together.
func New(limit int) *Mailbox {
	mb := &Mailbox{limit: limit}
	mb.pages = mb.routes()
	return mb
}

// ServeHTTP serves the pages and the machine-readable lists, all at /mailbox and below.
func (mb *Mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mb.pages.ServeHTTP(w, r)
}

// Close stops every mail server of the mailbox and ends its connections. What was caught stays readable.
func (mb *Mailbox) Close() {
	mb.mu.Lock()
	defer mb.mu.Unlock()
	for _, stop := range mb.stops {
		stop()
	}
	mb.stops = nil
}

// add keeps a mail and drops the oldest ones that the bounds leave no room for.
func (mb *Mailbox) add(m *mail) {
	mb.mu.Lock()
	defer mb.mu.Unlock()
	mb.lastID++
	m.id = mb.lastID
	mb.mails = append(mb.mails, m)
	mb.bytes += len(m.raw)
	excess := 0
	for len(mb.mails)-excess > mb.limit || mb.bytes > maxBytes {
		mb.bytes -= len(mb.mails[excess].raw)
		mb.mails[excess] = nil // or it would stay in memory until the slice is next copied
		excess++
	}
	mb.mails = mb.mails[excess:]
	mb.dropped += excess
}

// empty forgets every mail. Ids are not used again.
func (mb *Mailbox) empty() {
	mb.mu.Lock()
	defer mb.mu.Unlock()
	mb.mails, mb.bytes, mb.dropped = nil, 0, 0
}

// mail returns nil for an id that there is not, or no longer.
func (mb *Mailbox) mail(id int) *mail {
	mb.mu.RLock()
	defer mb.mu.RUnlock()
	at, found := slices.BinarySearchFunc(mb.mails, id, func(m *mail, id int) int { return m.id - id })
	if !found {
		return nil
	}
	return mb.mails[at]
}

// list returns the mails that match, newest first, and how many were dropped.
func (mb *Mailbox) list(match func(*mail) bool) (mails []*mail, dropped int) {
	mb.mu.RLock()
	defer mb.mu.RUnlock()
	for _, m := range slices.Backward(mb.mails) {
		if match(m) {
			mails = append(mails, m)
		}
	}
	return mails, mb.dropped
}

// mentions says whether the search words, in lower case, occur in what the list shows of the mail.
func (m *mail) mentions(words []string) bool {
	shown := strings.ToLower(m.to + "\n" + m.subject + "\n" + m.kind)
	for _, word := range words {
		if !strings.Contains(shown, word) {
			return false
		}
	}
	return true
}

// loopbackOnly refuses an address that other machines could reach: the mailbox shows everybody's mail to anybody.
func loopbackOnly(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
		return errors.New("the mailbox shows mail to anybody, so it listens on loopback only (127.0.0.1, ::1 or localhost)")
	}
	return nil
}
