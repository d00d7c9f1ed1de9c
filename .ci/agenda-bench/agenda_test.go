// Package agendabench measures the API with a nested agenda beside PostGraphile 5 and beside a bare SQL handler that answer the same
// from the same PostgreSQL, and prints a table of ratios:
//
//	go test -v -timeout 30m ./.ci/agenda-bench
//
// It needs PostgreSQL's programs and npm, starts everything itself and leaves nothing behind but node_modules. The machine is
// shared by servers, database and load, so only ratios of one run mean something.
package agendabench

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db/dbtest"
)

const (
	rounds = 3
	round  = 4 * time.Second
	few    = 500 // editions
	many   = 5_000
)

// asBare makes the test binary the bare handler: it serves the database named here on the address named in BARE_LISTEN.
const asBare = "BARE_DATABASE_URL"

func TestMain(m *testing.M) {
	if database := os.Getenv(asBare); database != "" {
		fmt.Fprintln(os.Stderr, serveBare(database, os.Getenv("BARE_LISTEN")))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// rival is one line of the table: a server and what it is asked.
type rival struct {
	name string
	server
	requests [][]byte
	rounds   []outcome
}

func TestAgenda(t *testing.T) {
	program := build(t)
	small, large := dbtest.Postgres(t), dbtest.Postgres(t)
	sqlite := dbtest.SQLite(t)
	fill(t, program, small, few)
	fill(t, program, sqlite, few)
	fill(t, program, large, many)
	editions, grown := keysOf(t, small), keysOf(t, large)

	bare, peer := startBare(t, small), startPostGraphile(t, small)
	uncached, cached := startAPI(t, program, small, "0"), startAPI(t, program, small, "64")
	grownAPI := startAPI(t, program, large, "0")
	fileAPI, fileCached := startAPI(t, program, sqlite, "0"), startAPI(t, program, sqlite, "64")
	local := idsOverAPI(t, fileAPI.address)

	agree(t, editions, bare.address, peer.address, uncached.address, cached.address)
	first, last := pages(t, grownAPI.address)
	rivals := []*rival{
		{name: "PostGraphile 5", server: peer, requests: peerRequests(t, editions)},
		{name: "bare SQL handler", server: bare, requests: agendaRequests(t, uuids(editions))},
		{name: "the ordinary executor: by node(id)", server: uncached, requests: nodeRequests(t, opaque(editions))},
		{name: "the encoder", server: uncached, requests: agendaRequests(t, opaque(editions))},
		{name: "the response cache", server: cached, requests: agendaRequests(t, opaque(editions))},
		{name: "SQLite, the encoder", server: fileAPI, requests: agendaRequests(t, local)},
		{name: "SQLite, the response cache", server: fileCached, requests: agendaRequests(t, local)},
		{name: fmt.Sprintf("the encoder, %d editions", many), server: grownAPI, requests: agendaRequests(t, opaque(grown))},
		{name: "editions, page 1", server: grownAPI, requests: [][]byte{first}},
		{name: "editions, page 500", server: grownAPI, requests: [][]byte{last}},
	}
	for n := range rounds + 1 { // the first warms up
		for _, r := range rivals {
			own, database := r.cpu()
			o, err := load(r.address, r.requests, round, 0)
			if err != nil {
				t.Fatalf("%s: %v", r.name, err)
			}
			ownAfter, databaseAfter := r.cpu()
			answers := time.Duration(o.answers)
			o.own, o.database = (ownAfter-own)/answers, (databaseAfter-database)/answers
			if n > 0 {
				r.rounds = append(r.rounds, o)
			}
		}
	}
	half := rivals[4].middle(func(o outcome) float64 { return o.perSecond }) / 2
	atHalf, err := load(cached.address, rivals[4].requests, round, half)
	if err != nil {
		t.Fatal(err)
	}
	report(rivals, atHalf)
}

// middle is the median of the rounds.
func (r *rival) middle(value func(outcome) float64) float64 {
	var values []float64
	for _, o := range r.rounds {
		values = append(values, value(o))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// over is the median of the ratios of the rounds, each taken within its round.
func (r *rival) over(other *rival) float64 {
	var values []float64
	for n := range r.rounds {
		values = append(values, r.rounds[n].perSecond/other.rounds[n].perSecond)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// bar is what was promised.
type bar struct {
	what    string
	ratio   float64
	atLeast float64
}

func report(rivals []*rival, atHalf outcome) {
	peer, bare := rivals[0], rivals[1]
	fmt.Printf("\n%-38s %10s %8s %8s %8s %8s %8s %9s %9s\n", "", "requests/s", "bytes", "p50 ms", "p99 ms", "× PGl", "× bare", "CPU µs", "in SQL µs")
	for _, r := range rivals {
		fmt.Printf("%-38s %10.0f %8.0f %8.1f %8.1f %8.2f %8.2f %9.0f %9.0f\n", r.name, r.middle(func(o outcome) float64 { return o.perSecond }),
			r.middle(func(o outcome) float64 { return float64(o.bytes) }), r.middle(func(o outcome) float64 { return o.p50.Seconds() * 1000 }),
			r.middle(func(o outcome) float64 { return o.p99.Seconds() * 1000 }), r.over(peer), r.over(bare),
			r.middle(func(o outcome) float64 { return o.own.Seconds() * 1e6 }), r.middle(func(o outcome) float64 { return o.database.Seconds() * 1e6 }))
	}
	fmt.Printf("%-38s %10.0f %8d %8.1f %8.1f\n\n", "the response cache at half load", atHalf.perSecond, atHalf.bytes, atHalf.p50.Seconds()*1000, atHalf.p99.Seconds()*1000)
	plain, direct, cache, file, fileCache, grown, first, last := rivals[2], rivals[3], rivals[4], rivals[5], rivals[6], rivals[7], rivals[8], rivals[9]
	for _, b := range []bar{
		{"the encoder beside PostGraphile", direct.over(peer), 3},
		{"the encoder beside the bare handler", direct.over(bare), 1.2},
		{"the ordinary executor beside PostGraphile", plain.over(peer), 1.5},
		{"the ordinary executor beside the bare handler", plain.over(bare), 0.5},
		{"the response cache beside PostGraphile", cache.over(peer), 15},
		{"the response cache beside the bare handler", cache.over(bare), 5},
		{"10 ms beside the p99 of the response cache at half load", 0.010 / atHalf.p99.Seconds(), 1},
		{"SQLite beside PostgreSQL, the encoder", file.over(direct), 1},
		{"SQLite beside PostgreSQL, the response cache", fileCache.over(cache), 1},
		{"ten times the editions beside one time", grown.over(direct), 1 / 1.2},
		{"page 500 beside page 1", last.over(first), 0.95},
	} {
		verdict := "reached"
		if b.ratio < b.atLeast {
			verdict = "NOT REACHED"
		}
		fmt.Printf("%-58s %6.2f, wanted %5.2f: %s\n", b.what, b.ratio, b.atLeast, verdict)
	}
	if average, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Printf("load average at the end: %s", average)
	}
}
