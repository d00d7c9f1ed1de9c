package db_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun/dialect"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// world is a database with a partnership of Groningen and Oldenburg, whose coordinators are Olga and Konrad, and their
// meetings and courses. Three more people work for Groningen, two for Oldenburg, and one for Bremen, which is no member.
type world struct {
	*db.DB
	clock        *clock
	olga, konrad db.Actor
	outsider     db.Actor
}

// beginning is the time at which every world begins; the edition "open" begins in May.
var beginning = time.Date(2027, 1, 10, 9, 0, 0, 0, time.UTC)

// eachWorld runs the test on both databases.
func eachWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	worlds.Each(t, func(t *testing.T, d *db.DB) { test(t, enter(t, d)) })
}

// worlds is a database with the content of a world.
var worlds = dbtest.NewTemplate(func(ctx context.Context, d *db.DB) error {
	d.SetClock(func() time.Time { return beginning })
	problems, err := d.Import(ctx, content(), nil)
	if len(problems) > 0 {
		err = fmt.Errorf("the content has problems: %+v", problems)
	}
	return err
})

// newWorld makes a world in an empty database.
func newWorld(t testing.TB, d *db.DB) *world {
	t.Helper()
	d.SetClock(func() time.Time { return beginning })
	(&world{DB: d}).importFile(t, content())
	return enter(t, d)
}

// enter returns the world in a database.
func enter(t testing.TB, d *db.DB) *world {
	t.Helper()
	w := &world{DB: d, clock: &clock{now: beginning}}
	d.SetClock(w.clock.Now)
	w.olga, w.konrad, w.outsider = w.actor(t, "olga@example.org"), w.actor(t, "konrad@example.org"), w.actor(t, "bettina@example.org")
	return w
}

func (w *world) importFile(t testing.TB, file *programme.File) {
	t.Helper()
	if problems := programme.Check(file); len(problems) > 0 {
		t.Fatalf("the content has problems: %+v", problems)
	}
	if problems, err := w.Import(t.Context(), file, nil); err != nil || len(problems) > 0 {
		t.Fatalf("import: %v %+v", err, problems)
	}
}

func content() *programme.File {
	three, fifteen := 3, 15
	person := func(key, organisation, locale string) programme.Person {
		return programme.Person{Key: key, Name: strings.ToUpper(key[:1]) + key[1:], Email: key + "@example.org", Organisation: organisation, Locale: locale}
	}
	edition := func(key, status, day string) programme.Edition {
		return programme.Edition{
			Key: key, Series: "vaktreffen", Title: "Vaktreffen " + key, Year: 2027, Status: status, Host: "groningen", StartsOn: day, EndsOn: day,
			TimeZone: "Europe/Amsterdam", Languages: []string{"de"},
		}
	}
	small := edition("small", "PUBLISHED", "2027-05-20")
	small.Capacity = &three
	past := edition("past", "PUBLISHED", "2026-05-20")
	past.Year = 2026
	undated := edition("undated", "PUBLISHED", "")
	return &programme.File{
		Organisations: []programme.Organisation{
			{Key: "groningen", Kind: "MUNICIPALITY", Name: "Groningen", Country: "NL", Code: "GM0014"},
			{Key: "oldenburg", Kind: "MUNICIPALITY", Name: "Oldenburg (Oldb)", Country: "DE"},
			{Key: "bremen", Kind: "MUNICIPALITY", Name: "Bremen", Country: "DE"},
			{Key: "stad", Kind: "INSTITUTION", InstitutionKind: "AGENCY", Name: "Gemeente Stad & Land", Country: "NL"},
			{Key: "firma", Kind: "INSTITUTION", InstitutionKind: "COMPANY", Name: "Firma", Country: "GB"},
		},
		People: []programme.Person{
			person("olga", "groningen", "nl"), person("anna", "groningen", "nl"), person("bert", "groningen", "nl"), person("carla", "groningen", "de"),
			person("konrad", "oldenburg", "de"), person("dieter", "oldenburg", "de"), person("emma", "oldenburg", "en"),
			person("bettina", "bremen", "de"), {Key: "mute", Name: "Mute", Organisation: "groningen", Locale: "nl"},
		},
		Partnerships: []programme.Partnership{{
			Key: "neighbours", Name: "Neighbours", Kind: "CROSS_BORDER", Members: []programme.Member{
				{Organisation: "groningen", Role: "LEAD", Coordinators: []string{"olga"}},
				{Organisation: "oldenburg", Role: "LEAD", Coordinators: []string{"konrad"}},
			},
		}},
		Series: []programme.Series{{Key: "vaktreffen", Partnership: "neighbours", Name: "Vaktreffen", Cadence: "YEARLY"}},
		Editions: []programme.Edition{
			edition("open", "PUBLISHED", "2027-05-20"), small, undated, edition("draft", "DRAFT", "2027-06-20"),
			edition("cancelled", "CANCELLED", "2027-07-20"), past,
		},
		Courses: []programme.Course{{
			Key: "masterclass", Organisation: "groningen", Title: "Masterclass", Days: 1, MaxParticipants: &fifteen, Runs: []programme.Run{
				{Key: "spring", StartsOn: "2027-04-01", EndsOn: "2027-04-01", TimeZone: "Europe/Amsterdam", Status: "PLANNED", Languages: []string{"nl"}},
				{Key: "off", StartsOn: "2027-04-02", EndsOn: "2027-04-02", TimeZone: "Europe/Amsterdam", Status: "CANCELLED", Languages: []string{"nl"}},
				{Key: "later", StartsOn: "2027-04-03", EndsOn: "2027-04-03", TimeZone: "Europe/Amsterdam", Status: "DRAFT", Languages: []string{"nl"}},
			},
		}},
	}
}

// id returns the id of the record with the key.
func (w *world) id(t testing.TB, table, key string) *db.ID {
	t.Helper()
	id := query[db.ID](t, w, "SELECT id FROM "+table+" WHERE key = ?", key)
	return &id
}

func (w *world) edition(t testing.TB, key string) *db.ID { t.Helper(); return w.id(t, "editions", key) }

func (w *world) people(t testing.TB, keys ...string) []db.ID {
	t.Helper()
	ids := make([]db.ID, len(keys))
	for i, key := range keys {
		ids[i] = *w.id(t, "people", key)
	}
	return ids
}

// actor signs the person with the address in.
func (w *world) actor(t testing.TB, address string) db.Actor {
	t.Helper()
	token, err := w.IssueToken(t.Context(), address, 24*365*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	actor, ok, err := w.Authenticate(t.Context(), token)
	if !ok || err != nil {
		t.Fatalf("%s is not signed in: %v", address, err)
	}
	return actor
}

// query returns the one value that a statement yields.
func query[T any](t testing.TB, w *world, statement string, args ...any) (value T) {
	t.Helper()
	if err := w.Raw().NewRaw(statement, args...).Scan(t.Context(), &value); err != nil {
		t.Fatalf("%s %v: %v", statement, args, err)
	}
	return value
}

// rows returns what a statement yields.
func rows[T any](t testing.TB, w *world, statement string, args ...any) (all []T) {
	t.Helper()
	if err := w.Raw().NewRaw(statement, args...).Scan(t.Context(), &all); err != nil {
		t.Fatalf("%s %v: %v", statement, args, err)
	}
	return all
}

func (w *world) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	if _, err := w.Raw().NewRaw(statement, args...).Exec(t.Context()); err != nil {
		t.Fatalf("%s %v: %v", statement, args, err)
	}
}

func (w *world) postgres() bool { return w.Raw().Dialect().Name() == dialect.PG }

// csvOf lists n people whose addresses begin with the prefix.
func csvOf(prefix string, n int) *string {
	var b strings.Builder
	b.WriteString("name;email;organisation;locale\n")
	for i := range n {
		fmt.Fprintf(&b, "%s %d;%[1]s%[2]d@example.org;Gemeente Groningen;\n", prefix, i)
	}
	text := b.String()
	return &text
}

func toEdition(key string, edition *db.ID, audience db.AudienceInput) db.SendInvitationsInput {
	return db.SendInvitationsInput{IdempotencyKey: key, EditionID: edition, Audience: audience}
}

// send invites and fails the test when that is refused.
func (w *world) send(t testing.TB, actor db.Actor, in db.SendInvitationsInput) *db.Campaign {
	t.Helper()
	c, err := w.SendInvitations(t.Context(), actor, in, nil)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	return c
}

// tokens returns the tokens of the personal links of a campaign, in the order of the people's addresses.
func (w *world) tokens(t testing.TB, campaign db.ID) []string {
	t.Helper()
	ids := rows[db.ID](t, w, "SELECT i.id FROM invitations i JOIN people p ON p.id = i.person_id WHERE campaign_id = ? ORDER BY length(p.email), p.email", campaign)
	tokens := make([]string, len(ids))
	for i, id := range ids {
		var err error
		if tokens[i], err = w.AnswerToken(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	return tokens
}

// code returns the code of the first expected problem, the text of any other error, and "" for none.
func code(err error) db.ErrorCode {
	if err == nil {
		return ""
	}
	if problems, ok := db.AsErrors(err); ok {
		return problems[0].Code
	}
	return db.ErrorCode("unexpected: " + err.Error())
}

// checkCounts fails when a counter differs from the rows it counts, or a rule over several rows does not hold.
func (w *world) checkCounts(t testing.TB, when string) {
	t.Helper()
	const finals = "('SENT', 'FAILED', 'SUPPRESSED', 'CANCELLED', 'UNCERTAIN', 'BOUNCED')"
	deliveries := func(state string) string {
		return "(SELECT count(*) FROM deliveries x WHERE x.campaign_id = c.id AND x.state = '" + state + "')"
	}
	for rule, wrong := range map[string]string{
		"seats taken":            "seats s WHERE taken <> (SELECT count(*) FROM registrations r WHERE r.seats_id = s.id AND r.status IN ('CONFIRMED', 'HELD', 'OFFERED'))",
		"seats waiting":          "seats s WHERE waiting <> (SELECT count(*) FROM registrations r WHERE r.seats_id = s.id AND r.status = 'WAITLISTED')",
		"over capacity":          "seats WHERE taken > capacity",
		"a free place is waited": "seats WHERE waiting > 0 AND (capacity IS NULL OR taken < capacity)",
		"tickets":                "seats s WHERE last_ticket <> (SELECT count(*) FROM registrations r WHERE r.seats_id = s.id)",
		"overtaken":              `registrations a JOIN registrations b ON b.seats_id = a.seats_id WHERE a.status = 'WAITLISTED' AND b.status = 'CONFIRMED' AND b.ticket > a.ticket`,
		"accepted":               "campaigns c WHERE accepted <> (SELECT count(*) FROM invitations i WHERE i.campaign_id = c.id AND i.status = 'ACCEPTED')",
		"declined":               "campaigns c WHERE declined <> (SELECT count(*) FROM invitations i WHERE i.campaign_id = c.id AND i.status = 'DECLINED')",
		"total":                  "campaigns c WHERE total <> (SELECT count(*) FROM deliveries x WHERE x.campaign_id = c.id) OR total <> (SELECT count(*) FROM invitations i WHERE i.campaign_id = c.id)",
		"outcomes": "campaigns c WHERE sent <> " + deliveries("SENT") + " OR failed <> " + deliveries("FAILED") + " OR suppressed <> " + deliveries("SUPPRESSED") +
			" OR cancelled <> " + deliveries("CANCELLED") + " OR uncertain <> " + deliveries("UNCERTAIN") + " OR bounced <> " + deliveries("BOUNCED"),
		"finished exactly when nothing is open": "campaigns c WHERE status <> 'CANCELLED' AND (status = 'FINISHED') = EXISTS (SELECT 1 FROM deliveries x WHERE x.campaign_id = c.id AND x.state NOT IN " + finals + ")",
		"time of the end":                       "campaigns WHERE (finished_at IS NULL) <> (status IN ('SENDING', 'PAUSED'))",
		"accepted without a place or ticket": `invitations i JOIN seats s ON s.edition_id = i.edition_id OR s.course_run_id = i.course_run_id
			WHERE (i.status = 'ACCEPTED') <> EXISTS (SELECT 1 FROM registrations r WHERE r.seats_id = s.id AND r.person_id = i.person_id AND r.status IN ('CONFIRMED', 'HELD', 'WAITLISTED'))`,
		"mails of registrations": `(SELECT r.status,
				(SELECT count(*) FROM deliveries x WHERE x.registration_id = r.id AND kind = 'registration_confirmed') AS confirmed,
				(SELECT count(*) FROM deliveries x WHERE x.registration_id = r.id AND kind = 'registration_waitlisted') AS waitlisted,
				(SELECT count(*) FROM deliveries x WHERE x.registration_id = r.id AND kind = 'intake_requested') AS requested,
				(SELECT count(*) FROM deliveries x WHERE x.registration_id = r.id AND kind = 'registration_cancelled') AS cancelled
			FROM registrations r WHERE cancelled_with IS NULL) AS m WHERE NOT CASE status
				WHEN 'CONFIRMED' THEN confirmed = 1 AND waitlisted <= 1 AND cancelled = 0
				WHEN 'HELD' THEN requested = 1 AND confirmed = 0 AND waitlisted <= 1 AND cancelled = 0
				WHEN 'WAITLISTED' THEN confirmed = 0 AND waitlisted = 1 AND cancelled = 0
				ELSE cancelled = confirmed AND confirmed + waitlisted BETWEEN 1 AND 2 AND confirmed <= 1 AND waitlisted <= 1 END`,
	} {
		if n := query[int](t, w, "SELECT count(*) FROM "+wrong); n > 0 {
			t.Errorf("%s: %s: %d rows are wrong", when, rule, n)
		}
	}
}

// checkDeadlocks fails when the database had to break deadlocks: verbs try again then, but each costs a second.
func (w *world) checkDeadlocks(t testing.TB, when string) {
	t.Helper()
	if !w.postgres() {
		return
	}
	w.exec(t, "SELECT pg_stat_force_next_flush()")
	if n := query[int](t, w, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); n > 0 {
		t.Errorf("%s: PostgreSQL had to break %d deadlocks", when, n)
	}
}

// seeded returns a generator of random numbers and its seed for messages.
func seeded() (*rand.Rand, string) {
	seed := rand.Uint64()
	return rand.New(rand.NewPCG(seed, 0)), fmt.Sprintf("seed %d", seed)
}
