package graph_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"

	"github.com/vaktreffen/vaktreffen/db"
)

// path is one that is the same for everybody.
func path(is string) func(*scene, string) string {
	return func(*scene, string) string { return is }
}

// under is a path below another, with the id of a record.
func under(folder string, id func(*scene) string, end string) func(*scene, string) string {
	return func(s *scene, _ string) string { return folder + id(s) + end }
}

// fields is a form that is the same for everybody.
func fields(pairs ...string) func(*scene, string) url.Values {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return func(*scene, string) url.Values { return form }
}

// signedOut is what nobody hears of whoever is refused.
func signedOut(status int) map[string]int { return map[string]int{nobody: status} }

// The personal links of the scene: what each stands for.
var personal = []string{"/a/", "/d/", "/f/", "/i/", "/r/", "/unsubscribe/", "/sign-in/", "/calendar/"}

// link returns the token of a personal link that begins so.
func (s *scene) link(begins string) string {
	s.Helper()
	ctx, paula := s.Context(), idOf(s.paula)
	var token string
	var err error
	switch begins {
	case "/a/":
		token, err = s.db.ActionsToken(ctx, idOf(s.person("acts")))
	case "/d/":
		token, err = s.db.DelegationToken(ctx, idOf(s.delegation("oldenburg")), idOf(s.person("konrad-koordinator")))
	case "/f/":
		token, err = s.db.FeedbackToken(ctx, idOf(s.one("SELECT id FROM surveys")), paula)
	case "/i/":
		token, err = s.db.AnswerToken(ctx, idOf(s.one("SELECT id FROM invitations WHERE person_id = (SELECT id FROM people WHERE key = 'paula-participant')")))
	case "/r/":
		token, err = s.db.RegistrationToken(ctx, idOf(s.placeOf("edition")))
	case "/unsubscribe/":
		token, err = s.db.OptOutToken(ctx, paula)
	case "/sign-in/":
		token = s.mayEnter(nobody)
	case "/calendar/":
		token, err = s.db.CalendarToken(ctx, paula)
	}
	if err != nil {
		s.Fatal(err)
	}
	return token
}

// linked makes something of what the personal links of the scene stand for.
func (s *scene) linked() {
	s.Helper()
	s.surveyed()
	s.exec("UPDATE surveys SET anonymous = (1 = 0)") // whose answers can be changed
	s.exec("INSERT INTO survey_readers (survey_id, person_id, answered) SELECT surveys.id, people.id, 1 = 0 FROM surveys, people WHERE key = 'paula-participant'")
	s.exec("INSERT INTO survey_tallies (survey_id, tally) SELECT id, '{}' FROM surveys")
	s.exec(`INSERT INTO certificates (id, course_run_id, person_id, code, issued_at, issued_by) SELECT course_runs.id, course_runs.id, people.id, '` + certificate + `', '2027-01-15 12:00:00+00:00', people.id
		FROM course_runs, people WHERE starts_on = '2027-04-15' AND people.key = 'paula-participant'`)
	body, kind := form(s.T, "notes.txt", "Notes.", "title", "Notes")
	report("DRAFT", held)(s)
	if got := s.fetch(organiser, http.MethodPost, "/reports/"+s.one("SELECT report_id FROM report_questions")+"/files", body, "Content-Type", kind); got.StatusCode != http.StatusSeeOther {
		s.Fatalf("file: %s %s", got.Status, got.body)
	}
	for _, begins := range personal {
		s.links[begins] = s.link(begins)
	}
}

// certificate is the code of the member's.
const certificate = "2222222222222222"

// mayEnter writes a link to sign in for a colleague of the member, another for each role, and returns its token.
func (s *scene) mayEnter(as string) string {
	token := "a-link-to-sign-in-that-is-of-" + spare(as)
	hash := sha256.Sum256([]byte(token))
	s.exec("INSERT INTO sign_in_links (id, person_id, hash, created_at, expires_at) SELECT id, id, '" + hex.EncodeToString(hash[:]) +
		"', '2027-01-15 12:00:00+00:00', '2027-01-15 12:15:00+00:00' FROM people WHERE key = '" + spare(as) + "' ON CONFLICT DO NOTHING")
	return token
}

// stray is the path of a personal link with a token that stands for something else, or for nothing: another for each role.
func stray(begins string) func(*scene, string) string {
	return func(s *scene, as string) string {
		own := s.links[begins]
		tokens := []string{own[1:], own + "A", own[:len(own)-1], "x"}
		for _, other := range personal {
			if other != begins {
				tokens = append(tokens, s.links[other])
			}
		}
		return begins + tokens[slices.Index(everybody, as)%len(tokens)] + ending(begins)
	}
}

// followed is the path of a personal link.
func followed(begins string) func(*scene, string) string {
	return func(s *scene, as string) string {
		if begins == "/sign-in/" {
			return begins + s.mayEnter(as)
		}
		return begins + s.link(begins) + ending(begins)
	}
}

func ending(begins string) string {
	if begins == "/calendar/" {
		return ".ics"
	}
	return ""
}

// served are the rows. To add one, say who gets what, and what everybody else.
func served() (rows []route) {
	edition := func(s *scene) string { return s.seats }
	run := func(s *scene) string { return s.place }
	ofDraft := of("SELECT seats.id FROM seats JOIN editions ON editions.id = edition_id WHERE key = 'draft'")
	ofHidden := of("SELECT seats.id FROM seats JOIN course_runs ON course_runs.id = course_run_id WHERE status = 'DRAFT'")
	partnership := []string{neighbour, colleague, organiser, leader, administrator}
	file := func(status string) func(*scene, string) string {
		return func(s *scene, _ string) string {
			return "/reports/" + report(status, held)(s) + "/files/" + s.one("SELECT id FROM materials WHERE title = 'Notes'") + "/notes.txt"
		}
	}
	files := func(status string) func(*scene, string) string {
		return under("/reports/", report(status, held), "/files")
	}
	removal := func(s *scene, as string) url.Values {
		title := "Superfluous to " + spare(as)
		s.do(organiser, "addMaterial", vars{"reportId": s.one("SELECT report_id FROM report_questions"), "title": title, "url": "https://example.org"})
		return url.Values{"remove": {s.one("SELECT id FROM materials WHERE title = '" + title + "'")}}
	}
	public := func(title string) func(*scene, string) string {
		return under("/practices/", func(s *scene) string { return s.practice(title) }, "")
	}
	add := func(more ...route) { rows = append(rows, more...) }
	add(
		route{pattern: "/graphql", token: true, path: path("/graphql?query=%7B__typename%7D"), may: everybody, status: 200},
		route{pattern: "/graphiql/", path: path("/graphiql/"), may: everybody, status: 200},
		route{pattern: "GET /healthz", path: path("/healthz"), may: everybody, status: 200},
		route{pattern: "GET /readyz", path: path("/readyz"), may: everybody, status: 200},
		route{pattern: "GET /example", path: path("/example"), may: everybody, status: 200},

		route{pattern: "GET /registrations/{file}", token: true, path: under("/registrations/", edition, ".csv"), may: and(organisers, neighbour, colleague, trainer), status: 200, refusal: 403, except: signedOut(401)},
		route{pattern: "GET /registrations/{file}", token: true, path: under("/registrations/", run, ".csv"), may: and(providers, neighbour, colleague, organiser, leader), status: 200, refusal: 403, except: signedOut(401)},
		route{pattern: "GET /registrations/{file}", token: true, path: under("/registrations/", ofDraft, ".csv"), may: partnership, status: 200, refusal: 404, except: signedOut(401)},
		route{pattern: "GET /registrations/{file}", token: true, path: under("/registrations/", ofHidden, ".csv"), may: providers, status: 200, refusal: 404, except: signedOut(401)},
		route{pattern: "GET /registrations/{file}", path: under("/registrations/", edition, ".csv"), refusal: 401}, // a cookie is no token
		route{pattern: "OPTIONS /registrations/{file}", path: under("/registrations/", edition, ".csv"), refusal: 404},

		route{pattern: "GET /calendar/edition/{file}", path: under("/calendar/edition/", func(s *scene) string { return s.edition }, ".ics"), may: everybody, status: 200},
		route{pattern: "GET /calendar/edition/{file}", path: under("/calendar/edition/", func(s *scene) string { return s.draft }, ".ics"), refusal: 404},
		route{pattern: "GET /calendar/partnership/{file}", path: under("/calendar/partnership/", func(s *scene) string { return s.id("partnerships", "groningen-oldenburg-bremen") }, ".ics"), may: everybody, status: 200},
		route{pattern: "GET /calendar/{file}", knows: everybody, path: followed("/calendar/"), may: everybody, status: 200},
		route{pattern: "GET /calendar/{file}", path: stray("/calendar/"), refusal: 404},

		route{pattern: "GET /certificates/{code...}", knows: everybody, path: path("/certificates/" + certificate), may: everybody, status: 200},
		route{pattern: "GET /certificates/{code...}", path: path("/certificates/2222-2222-2222-2223"), refusal: 404},

		route{pattern: "GET /check-in/{seats}", path: under("/check-in/", edition, ""), may: organisers, status: 200, refusal: 404, except: signedOut(303)},
		route{pattern: "GET /check-in/{seats}", path: under("/check-in/", run, ""), may: and(providers, teacher), status: 200, refusal: 404, except: signedOut(303), knows: []string{teacher}},
		route{pattern: "GET /check-in/{seats}", path: under("/check-in/", ofDraft, ""), may: []string{organiser, leader, administrator}, status: 200, refusal: 404, except: signedOut(303)},
		route{pattern: "GET /check-in/{seats}", path: under("/check-in/", ofHidden, ""), may: providers, status: 200, refusal: 404, except: signedOut(303)},

		route{pattern: "GET /reports/{report}", path: under("/reports/", report("DRAFT", held), ""), may: organisers, status: 200, refusal: 404},
		route{pattern: "GET /reports/{report}", path: under("/reports/", report("IN_REVIEW", held), ""), may: present, status: 200, refusal: 404},
		route{pattern: "GET /reports/{report}", path: under("/reports/", report("PUBLISHED", held), ""), may: everybody, status: 200},
		route{pattern: "GET /reports/{report}", path: under("/reports/", report("PUBLISHED", "draft"), ""), may: partnership, status: 200, refusal: 404},
		route{pattern: "GET /reports/{report}", path: under("/reports/", report("DRAFT", held), ".pdf"), may: organisers, status: 200, refusal: 404},
		route{pattern: "GET /reports/{report}", path: under("/reports/", report("IN_REVIEW", held), ".pdf"), may: present, status: 200, refusal: 404},
		route{pattern: "GET /reports/{report}", path: under("/reports/", report("PUBLISHED", held), ".pdf"), may: everybody, status: 200},
		route{pattern: "GET /reports/{report}/files/{material}/{name}", path: file("DRAFT"), may: organisers, status: 200, refusal: 404},
		route{pattern: "GET /reports/{report}/files/{material}/{name}", path: file("IN_REVIEW"), may: present, status: 200, refusal: 404},
		route{pattern: "GET /reports/{report}/files/{material}/{name}", path: file("PUBLISHED"), may: everybody, status: 200},
		route{pattern: "POST /reports/{report}/files", file: true, form: fields(), path: files("DRAFT"), may: organisers, status: 303, refusal: 404},
		route{pattern: "POST /reports/{report}/files", file: true, form: fields(), path: files("IN_REVIEW"), may: organisers, status: 303, refusal: 404, except: map[string]int{member: 403, neighbour: 403}},
		route{pattern: "POST /reports/{report}/files", file: true, form: fields(), path: files("PUBLISHED"), may: organisers, status: 303, refusal: 403},
		route{pattern: "POST /reports/{report}/files", form: removal, path: files("DRAFT"), may: organisers, status: 303, refusal: 404},
		route{pattern: "POST /reports/{report}/files", form: removal, path: files("PUBLISHED"), may: organisers, status: 303, refusal: 403},

		route{pattern: "GET /practices/{id}", path: public("In public"), may: everybody, status: 200, knows: everybody}, // who comments signs it
		route{pattern: "GET /practices/{id}", path: public("In preparation"), may: organisers, status: 200, refusal: 404},
		route{pattern: "POST /practices/{id}", form: fields("do", "comment", "text", "Well done."), path: public("In public"), may: signedIn, status: 303, refusal: 303},
		route{pattern: "POST /practices/{id}", form: fields("do", "rate", "stars", "4"), path: public("In preparation"), may: organisers, status: 422, refusal: 404, except: signedOut(303)},

		route{pattern: "GET /me", path: path("/me"), may: signedIn, status: 200, refusal: 303},
		route{pattern: "GET /openid", path: path("/openid"), may: everybody, status: 303},
		route{pattern: "GET /openid/callback", path: path("/openid/callback?code=guessed&state=guessed"), refusal: 400},
		route{pattern: "GET /sign-in", path: path("/sign-in"), may: everybody, status: 200},
	)
	for _, link := range []struct {
		begins string
		press  func(*scene, string) url.Values
	}{
		{"/a/", func(s *scene, as string) url.Values {
			return url.Values{"do": {"save"}, "action": {s.one("SELECT id FROM report_actions")}, "note": {"By " + as}}
		}},
		{"/d/", fields("do", "decline")},
		{"/f/", fields("action", "send", "overall", "4")},
		{"/i/", fields("answer", "decline")},
		{"/r/", fields("action", string(db.PlaceList), "listing", string(db.ListNobody))},
		{"/unsubscribe/", fields("invitations", "out")},
		{"/sign-in/", fields()},
	} {
		pattern := link.begins + "{token...}"
		add(
			route{pattern: "GET " + pattern, knows: everybody, path: followed(link.begins), may: everybody, status: 200},
			route{pattern: "GET " + pattern, path: stray(link.begins), refusal: 404},
			route{pattern: "POST " + pattern, form: link.press, path: stray(link.begins), refusal: 404},
			route{pattern: "POST " + pattern, form: link.press, knows: everybody, path: followed(link.begins), may: everybody, status: 303},
		)
	}
	press := func(s *scene, _ string) url.Values {
		s.exec("DELETE FROM attendances WHERE person_id = (SELECT id FROM people WHERE key = 'paula-participant')")
		return url.Values{"in": {s.paula}}
	}
	add(
		route{pattern: "POST /check-in/{seats}", form: press, path: under("/check-in/", func(s *scene) string { return s.today(s.seats) }, ""), may: organisers, status: 303, refusal: 404, except: signedOut(303)},
		route{pattern: "POST /check-in/{seats}", form: press, path: under("/check-in/", func(s *scene) string { return s.today(s.place) }, ""), may: and(providers, teacher), status: 303, refusal: 404, except: signedOut(303), knows: []string{teacher}},
		route{pattern: "POST /sign-in", form: fields("email", member), path: path("/sign-in"), may: everybody, status: 200},
		route{pattern: "POST /me/calendar", form: fields("calendar", "renew"), path: path("/me/calendar"), may: signedIn, status: 303, refusal: 303},
		route{pattern: "POST /me/sign-out", form: fields("where", "here"), path: path("/me/sign-out"), may: signedIn, status: 303, refusal: 303},
	)
	return rows
}
