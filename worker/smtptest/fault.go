package smtptest

import (
	"math"
	"slices"
	"strings"
	"time"
)

// Always is the number of times for a fault that does not wear off.
const Always = math.MaxInt

// A Fault is a way in which mail servers misbehave. Give it to [Start], or to [Server.Inject] while the server runs.
//
// Faults that name recipients take whole addresses, or "@example.org" for everybody at that domain; without any they
// concern every recipient.
type Fault func(*faults)

func (f Fault) apply(s *Server) { s.Inject(f) }

// Inject adds faults to those the server has. A fault with a single value replaces its earlier value.
func (s *Server) Inject(added ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, add := range added {
		add(&s.faults)
	}
}

// Heal takes all faults away. Connections that are open go on without them.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults{}
}

// faults is what is wrong with a server at the moment. Its methods want the server's lock held.
type faults struct {
	slowDot         time.Duration
	dropNth         []int
	dropTo          []*rule
	greylist        []*rule
	refuse          []*rule
	busyOnConnect   int
	busyOnMail      int
	connectionLimit int
	badCertificate  bool
}

// SlowDot delays the reply to the final dot, as servers do that scan a mail before they answer for it. Clients should
// wait ten minutes for that reply (RFC 5321 section 4.5.3.2.6). The message is in Messages before the delay begins.
func SlowDot(d time.Duration) Fault {
	return func(f *faults) { f.slowDot = d }
}

// DropAfterDot cuts the connection when the nth message (counting from 1 since the start or Reset) is complete, without
// a reply. A server that crashes there, or a firewall that forgets the connection, leaves the client unable to know
// whether the mail arrived (RFC 1047); here it did, and Messages has it.
func DropAfterDot(nth ...int) Fault {
	return func(f *faults) { f.dropNth = append(f.dropNth, nth...) }
}

// DropAfterDotTo does what [DropAfterDot] does, to the first so many messages for each of the recipients.
func DropAfterDotTo(times int, recipients ...string) Fault {
	return func(f *faults) { f.dropTo = append(f.dropTo, newRule(times, recipients)) }
}

// Greylist answers 451 to the first so many attempts at each of the recipients and accepts the next. Servers use it
// against senders that do not try again (RFC 6647); a full mailbox and an unreachable user directory look the same.
func Greylist(times int, recipients ...string) Fault {
	return func(f *faults) { f.greylist = append(f.greylist, newRule(times, recipients)) }
}

// Refuse answers 550 to each of the recipients, as servers do for an address that does not exist.
func Refuse(recipients ...string) Fault {
	return func(f *faults) { f.refuse = append(f.refuse, newRule(Always, recipients)) }
}

// BusyOnConnect greets the next so many connections with 421 and closes them, as servers do that have too many clients,
// or too many connections from this one. Zero ends it.
func BusyOnConnect(times int) Fault {
	return func(f *faults) { f.busyOnConnect = times }
}

// BusyOnMail answers the next so many MAIL commands with 421 and closes the connection, as servers do that run out of
// resources or are told to shut down while clients are connected (RFC 5321 section 3.8). Zero ends it.
func BusyOnMail(times int) Fault {
	return func(f *faults) { f.busyOnMail = times }
}

// LimitPerConnection answers 421 to MAIL and closes the connection once it has carried so many messages, as large mail
// providers do. Zero ends it.
func LimitPerConnection(messages int) Fault {
	return func(f *faults) { f.connectionLimit = messages }
}

// BadCertificate presents a certificate for another host, as servers do after a move. It needs [STARTTLS]; CertPool
// holds this certificate too, so that only the name is wrong.
func BadCertificate() Fault {
	return func(f *faults) { f.badCertificate = true }
}

func (f *faults) dropsAfterDot(nth int, to []string) bool {
	drops := slices.Contains(f.dropNth, nth)
	for _, recipient := range to {
		drops = strike(f.dropTo, recipient) || drops
	}
	return drops
}

// rule is a fault for some recipients, counted for each of them.
type rule struct {
	times      int
	recipients []string
	struck     map[string]int
}

func newRule(times int, recipients []string) *rule {
	lower := make([]string, len(recipients))
	for i, recipient := range recipients {
		lower[i] = strings.ToLower(recipient)
	}
	return &rule{times: times, recipients: lower, struck: make(map[string]int)}
}

func (r *rule) concerns(recipient string) bool {
	return len(r.recipients) == 0 || slices.ContainsFunc(r.recipients, func(named string) bool {
		return named == recipient || strings.HasPrefix(named, "@") && strings.HasSuffix(recipient, named)
	})
}

// strike says whether one of the rules hits the recipient now, and counts it.
func strike(rules []*rule, recipient string) bool {
	recipient = strings.ToLower(recipient)
	for _, r := range rules {
		if r.concerns(recipient) && r.struck[recipient] < r.times {
			r.struck[recipient]++
			return true
		}
	}
	return false
}
