package db_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
)

func TestAudiencesAddUpAndNobodyIsInvitedTwice(t *testing.T) {
	t.Parallel()
	const list = "\ufeffLocale,Organisation,Email,Name\nde,,ANNA@example.org,Somebody Else\n,stadt groningen,new@example.org,New\nnl,,new@EXAMPLE.org,Twice\n"
	eachWorld(t, func(t *testing.T, w *world) {
		text := list
		for name, test := range map[string]struct {
			audience db.AudienceInput
			want     []string
		}{
			"people":        {db.AudienceInput{PersonIDs: w.people(t, "emma", "anna", "emma")}, []string{"emma", "anna"}},
			"organisations": {db.AudienceInput{OrganisationIDs: []db.ID{*w.id(t, "organisations", "groningen"), *w.id(t, "organisations", "bremen")}}, []string{"olga", "anna", "bert", "carla", "bettina"}},
			"partnership":   {db.AudienceInput{PartnershipID: w.id(t, "partnerships", "neighbours")}, []string{"olga", "anna", "bert", "carla", "konrad", "dieter", "emma"}},
			"list":          {db.AudienceInput{CSV: &text}, []string{"anna", "new"}},
			"all together": {db.AudienceInput{
				PersonIDs: w.people(t, "bettina", "dieter"), OrganisationIDs: []db.ID{*w.id(t, "organisations", "oldenburg")},
				PartnershipID: w.id(t, "partnerships", "neighbours"), CSV: &text,
			}, []string{"bettina", "dieter", "konrad", "emma", "olga", "anna", "bert", "carla", "new"}},
		} {
			p, err := w.PreviewInvitations(t.Context(), w.konrad, toEdition("k", w.edition(t, "open"), test.audience))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var got []string
			for _, row := range p.Rows {
				key := strings.ToLower(row.Name)
				if row.Email != nil {
					key = strings.TrimSuffix(*row.Email, "@example.org")
				}
				got = append(got, key)
				// Konrad coordinates Oldenburg, and invited nobody yet; the addresses of a list are his own.
				if seen := row.Line != nil || slices.Contains([]string{"konrad", "dieter", "emma"}, key); seen != (row.Email != nil) {
					t.Errorf("%s: the address of %s is shown: %t, want %t", name, key, row.Email != nil, seen)
				}
			}
			if name == "all together" { // in the order they were named, and no order within an organisation
				slices.Sort(got)
				slices.Sort(test.want)
			} else if name != "people" && name != "list" {
				slices.Sort(got)
				slices.Sort(test.want)
			}
			if !slices.Equal(got, test.want) || p.Total != len(test.want) || p.NewRecipients != len(test.want) || len(p.Problems) > 0 {
				t.Errorf("%s: %v of %d, %d new, %v", name, got, p.Total, p.NewRecipients, p.Problems)
			}
		}
		if n := query[int](t, w, "SELECT (SELECT count(*) FROM campaigns) + (SELECT count(*) FROM people WHERE email LIKE 'new%')"); n != 0 {
			t.Errorf("a preview wrote %d rows", n)
		}
	})
}

func TestStandingsAreCountedAndWritten(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		first := w.send(t, w.olga, toEdition("first", w.edition(t, "open"), db.AudienceInput{PersonIDs: w.people(t, "anna", "bert", "carla")}))
		w.answer(t, w.tokens(t, first.ID)[0], true)  // anna is registered
		w.answer(t, w.tokens(t, first.ID)[2], false) // carla declined, and stays invited
		w.exec(t, "INSERT INTO suppressions (email, reason, created_at) VALUES ('dieter@example.org', 'HARD_BOUNCE', ?), ('anna@example.org', 'HARD_BOUNCE', ?)", beginning, beginning)
		in := toEdition("second", w.edition(t, "open"), db.AudienceInput{PersonIDs: w.people(t, "anna", "bert", "carla", "dieter", "emma")})
		p, err := w.PreviewInvitations(t.Context(), w.olga, in)
		if err != nil {
			t.Fatal(err)
		}
		if p.Total != 5 || p.NewRecipients != 1 || p.AlreadyInvited != 2 || p.AlreadyRegistered != 1 || p.Suppressed != 1 {
			t.Errorf("preview: %+v", p)
		}
		if last := p.Rows[4]; last.Name != "Emma" || last.Email != nil || last.Problem != nil || p.Rows[3].Problem == nil {
			t.Errorf("rows with a problem do not come first: %+v", p.Rows)
		}
		c := w.send(t, w.olga, in)
		if c.Total != 2 || c.Suppressed != 1 || c.Status() != db.CampaignSending {
			t.Errorf("campaign: %+v", c)
		}
		w.checkCounts(t, "after the second")
		w.due(t, db.Bulk, 3+1) // dieter's is not among them
		if _, err := w.SendInvitations(t.Context(), w.konrad, toEdition("third", in.EditionID, in.Audience), nil); code(err) != db.CodeConflict {
			t.Errorf("nobody left to invite: %v", err)
		}
		other := w.send(t, w.olga, toEdition("other", w.edition(t, "small"), db.AudienceInput{PersonIDs: w.people(t, "dieter")}))
		if other.Total != 1 || other.Suppressed != 1 || other.Status() != db.CampaignFinished || other.FinishedAt == nil {
			t.Errorf("a campaign to nobody but a suppressed address: %+v", other)
		}
		w.checkCounts(t, "in the end")
	})
}

func TestNewPeopleAreWrittenWithTheirOrganisation(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		list := strings.Join([]string{
			"email;organisation;locale;name",
			"a@x.org;Gemeente Groningen;;A", "b@x.org;groningen;de;B", "c@x.org;;;C", "d@x.org;Somewhere Else;nl;D", "e@x.org;STADT BREMEN;;E",
			"f@x.org;gemeente stad & land;;F", "g@x.org;Firma;;G", `h@x.org;"Comma, and ; semicolon";;"H ""the"" quoted"`, "i@x.org;Oldenburg (Oldb);EN;I",
		}, "\r\n")
		w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: &list}))
		type person struct{ Email, Name, Locale, Affiliation, Organisation string }
		got := rows[person](t, w, `SELECT p.email, p.name, p.locale, p.affiliation, coalesce(o.key, '') AS organisation
			FROM people p LEFT JOIN organisations o ON o.id = p.organisation_id WHERE p.key IS NULL ORDER BY p.email`)
		want := []person{
			{"a@x.org", "A", "nl", "", "groningen"}, {"b@x.org", "B", "de", "", "groningen"}, {"c@x.org", "C", "en", "", ""},
			{"d@x.org", "D", "nl", "Somewhere Else", ""}, {"e@x.org", "E", "de", "", "bremen"}, {"f@x.org", "F", "nl", "", "stad"},
			{"g@x.org", "G", "en", "", "firma"}, {"h@x.org", `H "the" quoted`, "en", "Comma, and ; semicolon", ""}, {"i@x.org", "I", "en", "", "oldenburg"},
		}
		if !slices.Equal(got, want) {
			t.Errorf("written:\n%+v\nwant:\n%+v", got, want)
		}
		again := "name,email,organisation\nRenamed,a@x.org,Bremen\n"
		w.send(t, w.olga, toEdition("again", w.edition(t, "small"), db.AudienceInput{CSV: &again}))
		if name := query[string](t, w, "SELECT name FROM people WHERE email = 'a@x.org'"); name != "A" {
			t.Errorf("a list renamed a known person to %s", name)
		}
	})
}

func TestRefusedInputs(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		anna := db.AudienceInput{PersonIDs: w.people(t, "anna")}
		unknown := db.NewID(db.KindPerson, beginning)
		list := func(text string) db.AudienceInput { return db.AudienceInput{CSV: &text} }
		at := func(at time.Duration) *time.Time { t := beginning.Add(at); return &t }
		text := func(s string) *string { return &s }
		for name, test := range map[string]struct {
			actor  db.Actor
			change func(*db.SendInvitationsInput)
			code   db.ErrorCode
			field  string
			index  int // -1: none
		}{
			"nobody signed in":      {db.Actor{}, func(*db.SendInvitationsInput) {}, db.CodeNotSignedIn, "", -1},
			"not a coordinator":     {w.outsider, func(*db.SendInvitationsInput) {}, db.CodeForbidden, "input.editionId", -1},
			"a draft not one's own": {w.outsider, func(in *db.SendInvitationsInput) { in.EditionID = w.edition(t, "draft") }, db.CodeNotFound, "input.editionId", -1},
			"no key":                {w.olga, func(in *db.SendInvitationsInput) { in.IdempotencyKey = " " }, db.CodeRequired, "input.idempotencyKey", -1},
			"key with a line break": {w.olga, func(in *db.SendInvitationsInput) { in.IdempotencyKey = "a\nb" }, db.CodeInvalid, "input.idempotencyKey", -1},
			"key with a zero byte":  {w.olga, func(in *db.SendInvitationsInput) { in.IdempotencyKey = "a\x00b" }, db.CodeInvalid, "input.idempotencyKey", -1},
			"no target":             {w.olga, func(in *db.SendInvitationsInput) { in.EditionID = nil }, db.CodeRequired, "input.editionId", -1},
			"two targets":           {w.olga, func(in *db.SendInvitationsInput) { in.CourseRunID = w.id(t, "course_runs", "spring") }, db.CodeRequired, "input.editionId", -1},
			"unknown edition":       {w.olga, func(in *db.SendInvitationsInput) { in.EditionID = &unknown }, db.CodeNotFound, "input.editionId", -1},
			"draft edition":         {w.olga, func(in *db.SendInvitationsInput) { in.EditionID = w.edition(t, "draft") }, db.CodeConflict, "input.editionId", -1},
			"cancelled edition":     {w.olga, func(in *db.SendInvitationsInput) { in.EditionID = w.edition(t, "cancelled") }, db.CodeConflict, "input.editionId", -1},
			"past edition":          {w.olga, func(in *db.SendInvitationsInput) { in.EditionID = w.edition(t, "past") }, db.CodeConflict, "input.editionId", -1},
			"cancelled run":         {w.olga, func(in *db.SendInvitationsInput) { in.EditionID, in.CourseRunID = nil, w.id(t, "course_runs", "off") }, db.CodeConflict, "input.courseRunId", -1},
			"draft run":             {w.olga, func(in *db.SendInvitationsInput) { in.EditionID, in.CourseRunID = nil, w.id(t, "course_runs", "later") }, db.CodeConflict, "input.courseRunId", -1},
			"run of another": {w.konrad, func(in *db.SendInvitationsInput) {
				in.EditionID, in.CourseRunID = nil, w.id(t, "course_runs", "spring")
			}, db.CodeForbidden, "input.courseRunId", -1},
			"unknown run":            {w.olga, func(in *db.SendInvitationsInput) { in.EditionID, in.CourseRunID = nil, &unknown }, db.CodeNotFound, "input.courseRunId", -1},
			"no audience":            {w.olga, func(in *db.SendInvitationsInput) { in.Audience = db.AudienceInput{} }, db.CodeRequired, "input.audience", -1},
			"unknown person":         {w.olga, func(in *db.SendInvitationsInput) { in.Audience.PersonIDs = append(in.Audience.PersonIDs, unknown) }, db.CodeNotFound, "input.audience.personIds", 1},
			"person without address": {w.olga, func(in *db.SendInvitationsInput) { in.Audience.PersonIDs = w.people(t, "mute") }, db.CodeInvalid, "input.audience.personIds", 0},
			"unknown organisation":   {w.olga, func(in *db.SendInvitationsInput) { in.Audience.OrganisationIDs = []db.ID{unknown} }, db.CodeNotFound, "input.audience.organisationIds", 0},
			"unknown partnership":    {w.olga, func(in *db.SendInvitationsInput) { in.Audience.PartnershipID = &unknown }, db.CodeNotFound, "input.audience.partnershipId", -1},
			"organisation of nobody": {w.olga, func(in *db.SendInvitationsInput) {
				in.Audience = db.AudienceInput{OrganisationIDs: []db.ID{*w.id(t, "organisations", "firma")}}
			}, db.CodeRequired, "input.audience", -1},
			"list of 5 MB":             {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list(strings.Repeat("x", 5<<20)) }, db.CodeTooLarge, "input.audience.csv", -1},
			"empty list":               {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list("") }, db.CodeRequired, "input.audience.csv", -1},
			"list of a heading":        {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list("name,email\n") }, db.CodeRequired, "input.audience", -1},
			"list without address":     {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list("name\nA\n") }, db.CodeRequired, "input.audience.csv", 1},
			"unknown column":           {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list("name,email,phone\n") }, db.CodeInvalid, "input.audience.csv", 1},
			"column twice":             {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list("name,email,Name\n") }, db.CodeInvalid, "input.audience.csv", 1},
			"not UTF-8":                {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list("name,email\nJos\xe9,a@x.org\n") }, db.CodeInvalid, "input.audience.csv", -1},
			"no address in a line":     {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list("name,email\nA,a@x.org\n\nB,\n") }, db.CodeRequired, "input.audience.csv", 4},
			"no address at all":        {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list("name,email\nA,a@x@y.org\n") }, db.CodeInvalid, "input.audience.csv", 2},
			"no name":                  {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list("name,email\n ,a@x.org\n") }, db.CodeRequired, "input.audience.csv", 2},
			"header in an address":     {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list("name,email\nA,\"a@x.org\r\nBcc: b@x.org\"\n") }, db.CodeInvalid, "input.audience.csv", 2},
			"header in a name":         {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list("name,email\n\"A\r\nBcc: b@x.org\",a@x.org\n") }, db.CodeInvalid, "input.audience.csv", 2},
			"too many fields":          {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list("name,email\nA,a@x.org,x\n") }, db.CodeInvalid, "input.audience.csv", 2},
			"unknown locale":           {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list("name,email,locale\nA,a@x.org,fr\n") }, db.CodeInvalid, "input.audience.csv", 2},
			"quotation mark":           {w.olga, func(in *db.SendInvitationsInput) { in.Audience = list("name,email\nA,a@x.org\nB \"the\" B,b@x.org\n") }, db.CodeInvalid, "input.audience.csv", 3},
			"long message":             {w.olga, func(in *db.SendInvitationsInput) { in.Message = text(strings.Repeat("é", 5001)) }, db.CodeTooLarge, "input.message", -1},
			"control in message":       {w.olga, func(in *db.SendInvitationsInput) { in.Message = text("a\x00b") }, db.CodeInvalid, "input.message", -1},
			"deadline before sending":  {w.olga, func(in *db.SendInvitationsInput) { in.RespondBy, in.SendAt = at(time.Hour), at(2*time.Hour) }, db.CodeInvalid, "input.respondBy", -1},
			"deadline now":             {w.olga, func(in *db.SendInvitationsInput) { in.RespondBy = at(0) }, db.CodeInvalid, "input.respondBy", -1},
			"deadline after the start": {w.olga, func(in *db.SendInvitationsInput) { in.RespondBy = at(200 * 24 * time.Hour) }, db.CodeInvalid, "input.respondBy", -1},
			"sent in two years":        {w.olga, func(in *db.SendInvitationsInput) { in.SendAt = at(2 * 365 * 24 * time.Hour) }, db.CodeInvalid, "input.sendAt", -1},
		} {
			in := toEdition("k", w.edition(t, "open"), anna)
			test.change(&in)
			_, err := w.SendInvitations(t.Context(), test.actor, in, nil)
			problems, ok := db.AsErrors(err)
			if !ok {
				t.Errorf("%s: %v", name, err)
				continue
			}
			p := problems[0]
			index := -1
			if p.Index != nil {
				index = *p.Index
			}
			if p.Code != test.code || strings.Join(p.Field, ".") != test.field || index != test.index || !strings.HasSuffix(p.Message, ".") {
				t.Errorf("%s: %s at %v, index %d: %s", name, p.Code, p.Field, index, p.Message)
			}
		}
		if n := query[int](t, w, "SELECT (SELECT count(*) FROM campaigns) + (SELECT count(*) FROM deliveries) + (SELECT count(*) FROM people WHERE key IS NULL) + (SELECT count(*) FROM idempotency_keys)"); n != 0 {
			t.Errorf("refused inputs left %d rows", n)
		}
	})
}

func TestManyProblemsOfAListAreCut(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		list := "name,email\n" + strings.Repeat("A,not an address\n", 150)
		_, err := w.SendInvitations(t.Context(), w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: &list}), nil)
		problems, _ := db.AsErrors(err)
		if len(problems) != 101 || !strings.Contains(problems[100].Message, "50 more") || *problems[99].Index != 101 {
			t.Errorf("%d problems, the last: %v", len(problems), problems[len(problems)-1])
		}
	})
}

func TestWhatFailsHalfWayLeavesNothing(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		// The very last insert fails.
		if !w.postgres() {
			w.exec(t, `CREATE TRIGGER full_disk BEFORE INSERT ON audit_log WHEN NEW.action = 'send invitations' BEGIN SELECT RAISE(ABORT, 'full disk'); END`)
		} else {
			w.exec(t, `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''full disk''; END'`)
			w.exec(t, `CREATE TRIGGER full_disk BEFORE INSERT ON audit_log FOR EACH ROW WHEN (NEW.action = 'send invitations') EXECUTE FUNCTION full_disk()`)
		}
		in := toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 1200)})
		_, err := w.SendInvitations(t.Context(), w.olga, in, nil)
		if _, expected := db.AsErrors(err); err == nil || expected || !strings.Contains(err.Error(), "full disk") {
			t.Errorf("got %v", err)
		}
		for _, table := range []string{"campaigns", "invitations", "deliveries", "idempotency_keys", "people WHERE key IS NULL"} {
			if n := query[int](t, w, "SELECT count(*) FROM "+table); n != 0 {
				t.Errorf("%d rows of %s are left", n, table)
			}
		}
		if w.postgres() {
			w.exec(t, "DROP TRIGGER full_disk ON audit_log")
		} else {
			w.exec(t, "DROP TRIGGER full_disk")
		}
		if c := w.send(t, w.olga, in); c.Total != 1200 {
			t.Errorf("afterwards: %+v", c)
		}
	})
}

func TestOneKeySendsOneCampaign(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		in := toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 20)})
		var wg sync.WaitGroup
		var mu sync.Mutex
		ids := map[db.ID]bool{}
		for range 8 {
			wg.Go(func() {
				c, err := w.SendInvitations(t.Context(), w.olga, in, db.Shape{"edition": nil})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				ids[c.ID] = true
				if c.Edition == nil {
					t.Error("a replayed campaign has no edition")
				}
			})
		}
		wg.Wait()
		if n := query[int](t, w, "SELECT count(*) FROM campaigns"); len(ids) != 1 || n != 1 {
			t.Errorf("%d campaigns, %d of them returned", n, len(ids))
		}
		other := in
		other.Message = new(string)
		if _, err := w.SendInvitations(t.Context(), w.olga, other, nil); code(err) != db.CodeKeyReused {
			t.Errorf("the key with another input: %v", err)
		}
		theirs := toEdition("k", w.edition(t, "small"), in.Audience)
		if c := w.send(t, w.konrad, theirs); ids[c.ID] {
			t.Error("somebody else's key replays")
		}
		w.checkCounts(t, "in the end")
	})
}

func TestAKeyReplaysAfterTheDeadlineAndNotToWhoMayNotSee(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		in := toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 1)})
		respondBy := beginning.Add(time.Hour)
		in.RespondBy = &respondBy
		c := w.send(t, w.olga, in)
		w.clock.advance(2 * time.Hour)
		if again := w.send(t, w.olga, in); again.ID != c.ID {
			t.Errorf("got %s, want %s", again.ID, c.ID)
		}
		former := w.olga
		former.Coordinates = nil
		if _, err := w.SendInvitations(t.Context(), former, in, db.Shape{"edition": nil}); code(err) != db.CodeForbidden {
			t.Errorf("who no longer organises it gets %v", err)
		}
	})
}

func TestOrganisersWhoInviteTheSamePeopleAtOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		random, seed := seeded()
		for round := range 5 {
			var wg sync.WaitGroup
			for i, edition := range []string{"open", "open", "small", "open", "small", "undated"} {
				actor := []db.Actor{w.olga, w.konrad}[i%2]
				// The same new people in another order, and everybody who organises.
				lines := strings.Split(strings.TrimSpace(*csvOf(fmt.Sprintf("p%d-", round), 30)), "\n")
				random.Shuffle(30, func(a, b int) { lines[a+1], lines[b+1] = lines[b+1], lines[a+1] })
				list := strings.Join(lines[:10+random.IntN(21)], "\n")
				in := toEdition(fmt.Sprint(round, i), w.edition(t, edition), db.AudienceInput{CSV: &list, PartnershipID: w.id(t, "partnerships", "neighbours")})
				wg.Go(func() {
					if _, err := w.SendInvitations(t.Context(), actor, in, nil); err != nil && code(err) != db.CodeConflict {
						t.Errorf("%s: %v", seed, err)
					}
				})
			}
			wg.Wait()
		}
		w.checkCounts(t, seed)
		if n := query[int](t, w, "SELECT count(*) FROM (SELECT 1 FROM invitations GROUP BY person_id, edition_id HAVING count(*) > 1) AS twice"); n > 0 {
			t.Errorf("%s: %d people were invited twice", seed, n)
		}
		w.checkDeadlocks(t, seed)
	})
}

func TestInvitationsComeInTheOrderOfTheAudience(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.send(t, w.olga, toEdition("k", w.edition(t, "open"), db.AudienceInput{CSV: csvOf("p", 150)}))
		var got []string
		var after *string
		for first := 40; ; {
			page, err := w.InvitationsOf(t.Context(), w.olga, c, db.Page{First: &first, After: after, Count: true}, nil, nil, db.Shape{"person": {"email": nil}})
			if err != nil {
				t.Fatal(err)
			}
			if page.TotalCount != 150 {
				t.Errorf("total %d", page.TotalCount)
			}
			for _, i := range page.Nodes {
				got = append(got, *i.Person.Email())
			}
			if after = page.PageInfo.EndCursor; !page.PageInfo.HasNextPage {
				break
			}
		}
		for i := range got {
			if want := fmt.Sprintf("p%d@example.org", i); len(got) != 150 || got[i] != want {
				t.Fatalf("place %d of %d: %s, want %s", i, len(got), got[i], want)
			}
		}
	})
}

func BenchmarkSendInvitations10k(b *testing.B) {
	for name, address := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, dbtest.Open(b, address(b)))
			known := csvOf("known", 10_000)
			w.send(b, w.olga, toEdition("warm", w.edition(b, "small"), db.AudienceInput{CSV: known}))
			edition := w.edition(b, "open")
			for i := 0; b.Loop(); i++ {
				list := known
				if i > 0 {
					list = csvOf(fmt.Sprintf("p%d-", i), 10_000)
				}
				w.send(b, w.olga, toEdition(fmt.Sprint(i), edition, db.AudienceInput{CSV: list}))
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/campaign")
		})
	}
}
