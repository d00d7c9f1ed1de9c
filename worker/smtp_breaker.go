package worker

import (
	"sync"
	"time"
)

const (
	firstBackoff = time.Second
	maxBackoff   = time.Minute
)

// breaker keeps a mail server that does not answer from being dialled by everyone at once. After a failure it
// refuses for a backoff that doubles up to maxBackoff, then lets one caller try.
type breaker struct {
	mu      sync.Mutex
	backoff time.Duration // 0: closed
	until   time.Time
	trying  bool
	detail  string // of the last failure
}

// allow reports whether the caller may dial. Who may, must call succeeded, failed or abandoned.
func (b *breaker) allow() (detail string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.backoff == 0 {
		return "", true
	}
	if b.trying || time.Now().Before(b.until) {
		return b.detail, false
	}
	b.trying = true
	return "", true
}

// closedFor returns how long nobody may dial, zero when somebody may.
func (b *breaker) closedFor() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.backoff == 0 {
		return 0
	}
	return max(0, time.Until(b.until))
}

func (b *breaker) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backoff, b.trying = 0, false
}

func (b *breaker) failed(detail string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.detail, b.trying = detail, false
	if time.Now().Before(b.until) {
		return // dialled before the failure that opened it: the same outage, not a further one
	}
	b.backoff = min(max(2*b.backoff, firstBackoff), maxBackoff)
	b.until = time.Now().Add(b.backoff)
}

// abandoned says that the caller gave up before the server could answer.
func (b *breaker) abandoned() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trying = false
}
