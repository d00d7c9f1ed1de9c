package browser

import (
	"net/http"
	"strings"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
)

// link is a page that the browser opens.
type link struct {
	Path    string            `json:"path"`
	As      string            `json:"as,omitempty"`      // token of whoever is signed in; "" for nobody
	Status  int               `json:"status"`            // of the answer
	Only    string            `json:"only,omitempty"`    // the one language of a page that has no others
	Fill    map[string]string `json:"fill,omitempty"`    // what is typed in before a button is pressed, by selector
	Press   string            `json:"press,omitempty"`   // selector of a button, to see what the page says then
	Pressed int               `json:"pressed,omitempty"` // status of the answer to that
}

// links are pages by a name that says what is on them.
type links map[string]link

func (l links) at(name, path string) { l[name] = link{Path: path, Status: http.StatusOK} }
func (l links) signedIn(name, path, as string) {
	l[name] = link{Path: path, As: as, Status: http.StatusOK}
}
func (l links) missing(name, path, only string) {
	l[name] = link{Path: path, Status: http.StatusNotFound, Only: only}
}
func (l links) pressed(name, of, button string, status int, fill map[string]string) {
	page := l[of]
	page.Press, page.Pressed, page.Fill = button, status, fill
	l[name] = page
}

// longName is as long as names of organisations get, with a word as long as words of theirs get.
const longName = "Zweckverband Verkehrsverbund Bremen/Niedersachsen, Kommunalverbindungsstraßenbeleuchtungsangelegenheiten"

// meetings are what the demo has not: meetings that are over, one that is nearly full, and a course with questions.
func meetings() *programme.File {
	edition := func(key, title, on string, capacity *int) programme.Edition {
		return programme.Edition{
			Key: key, Series: "vaktreffen", Title: title, Year: 2027, Status: "PUBLISHED", Host: "groningen", StartsOn: on, EndsOn: on,
			Summary:  "Een dag over wat steden aan beide kanten van de grens van elkaar leren.\nNeem een vraag mee waar u zelf niet uitkomt.",
			TimeZone: "Europe/Amsterdam", Languages: []string{"nl", "de"}, Capacity: capacity,
			Venue: &programme.Venue{Name: "Provinciehuis, Statenzaal", Address: "Martinikerkhof 12", City: "Groningen", Country: "NL"},
			Sessions: []programme.Session{
				{Key: key + "-opening", Kind: "PLENARY", Title: "Opening", Starts: on + "T10:00", Ends: on + "T11:00"},
				{Key: key + "-dykes", Kind: "BREAKOUT", Title: "Hochwasserschutz und Deichbau: wie hoog is hoog genoeg?", Starts: on + "T11:15", Ends: on + "T12:30"},
			},
		}
	}
	return &programme.File{
		Organisations: []programme.Organisation{{Key: "long", Kind: "INSTITUTION", InstitutionKind: "ASSOCIATION", Name: longName, Country: "DE"}},
		People: []programme.Person{
			{Key: "long", Name: "Maximiliane-Friederike von und zu Musterhausen-Beispielsdorf", Email: "maximiliane-friederike.von-und-zu-musterhausen-beispielsdorf@example.org", Organisation: "long", Locale: "de"},
		},
		Editions: []programme.Edition{
			edition("winter", "Winterbijeenkomst grensoverschrijdende samenwerking", "2027-02-10", nil),
			edition("spring", "Frühjahrstreffen der Partnerstädte", "2027-03-10", nil),
			edition("autumn", "Water in de stad", "2027-10-14", new(3)),
			edition("full", "Klein overleg", "2027-11-04", new(1)),
			edition("later", "Jahresabschluss", "2027-12-02", nil),
		},
		Courses: []programme.Course{{
			Key: "questions", Organisation: "vng-academie", Title: "Omgaan met grensoverschrijdende vraagstukken", Days: 2, Price: &programme.Money{AmountMinor: 53500, Currency: "EUR"},
			Runs: []programme.Run{{
				Key: "run", StartsOn: "2027-09-16", EndsOn: "2027-09-17", TimeZone: "Europe/Amsterdam", Status: "CONFIRMED", Languages: []string{"nl"}, Capacity: new(10),
				IntakeDue: "2027-09-01T17:00", Intake: []programme.Question{
					{Key: "case", Kind: "LONG_TEXT", Label: "Welke casus brengt u in?", Help: "Een paar zinnen zijn genoeg.", Required: true},
					{Key: "goal", Kind: "TEXT", Label: "Wat wilt u na afloop kunnen?"},
					{Key: "level", Kind: "SINGLE_CHOICE", Label: "Hoe goed kent u het onderwerp?", Options: []string{"Ik begin net", "Ik werk er dagelijks mee"}, Required: true},
					{Key: "themes", Kind: "MULTIPLE_CHOICE", Label: "Welke thema’s spreken u aan?", Options: []string{"Recht", "Geld", "Mensen"}},
					{Key: "lunch", Kind: "YES_NO", Label: "Luncht u mee?", Required: true},
					{Key: "years", Kind: "NUMBER", Label: "Hoeveel jaar werkt u hier?"},
				},
			}},
		}},
	}
}

// furnish fills the house until there is a page of every kind in every state, and returns them.
func (h *house) furnish() links {
	h.Helper()
	h.load(meetings())
	l := links{}
	h.invite(l)
	var expected []*db.Registration
	for _, person := range []string{"martha-muster", "max-muster", "vera-voorbeeld", "long", "emil-entwurf"} {
		expected = append(expected, h.register(person, h.seatsOf("vaktreffen-2027")))
	}
	winter := h.survey("winter", false, time.Date(2027, 4, 1, 12, 0, 0, 0, time.UTC), "vera-voorbeeld")
	h.clock.Store(&doors)
	l.at("feedback, over", winter("vera-voorbeeld"))
	h.seat(l)
	h.afterwards(l)
	h.present(l, expected)
	h.describe(l)
	h.enter(l)
	return l
}

// invite makes invitations and delegations: open, answered and over.
func (h *house) invite(l links) {
	h.Helper()
	olga, ctx := h.as(organiser), h.Context()
	soon, late := time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC), time.Date(2027, 10, 1, 15, 0, 0, 0, time.UTC)
	message := "**Beste {name}**,\n\nWij zien uit naar uw komst. Neem mee:\n\n- een vraag\n- een antwoord\n\nMeer op [onze site](https://example.org/een-heel-lang-adres-dat-nergens-een-plek-heeft-om-afgebroken-te-worden)."
	send := func(key, edition string, until time.Time, people ...string) func(person string) string {
		ids := make([]db.ID, len(people))
		for i, person := range people {
			ids[i] = h.person(person)
		}
		id := h.edition(edition)
		c := need(h.db.SendInvitations(ctx, olga, db.SendInvitationsInput{
			IdempotencyKey: key, EditionID: &id, Audience: db.AudienceInput{PersonIDs: ids}, Message: &message, RespondBy: &until,
		}, nil))(h)
		return func(person string) string {
			invitation := h.one("SELECT id FROM invitations WHERE campaign_id = $1 AND person_id = $2", c.ID, h.person(person))
			return need(h.db.AnswerToken(ctx, invitation))(h)
		}
	}
	open := send("open", "autumn", late, "long", "vera-voorbeeld", "piet-proefpersoon")
	answered := open("piet-proefpersoon")
	need(h.db.RecordAnswer(ctx, answered, false))(h)
	l.at("invitation, open", "/i/"+open("long"))
	l.at("invitation, answered", "/i/"+answered)
	l.at("invitation to answer", "/i/"+send("to answer", "later", late, "truus-testpersoon")("truus-testpersoon"))
	over := send("over", "vaktreffen-2027", soon, "femke-fictief")
	l.at("invitation, over", "/i/"+over("femke-fictief"))

	delegation := func(edition, organisation, coordinator string, until time.Time) string {
		need(h.db.InviteDelegations(ctx, olga, db.InviteDelegationsInput{
			EditionID: h.edition(edition), RespondBy: until, Message: new("Kom met z’n drieën: bestuur, beleid en uitvoering."),
			Delegations: []db.DelegationInput{{OrganisationID: h.organisation(organisation), Places: 3}},
		}, nil))(h)
		id := h.one("SELECT delegations.id FROM delegations WHERE edition_id = $1 AND organisation_id = $2", h.edition(edition), h.organisation(organisation))
		return need(h.db.DelegationToken(ctx, id, h.person(coordinator)))(h)
	}
	l.at("delegation, open", "/d/"+delegation("autumn", "oldenburg", "konrad-koordinator", late))
	l.pressed("delegation, problem", "delegation, open", "button[value=name]", http.StatusUnprocessableEntity, map[string]string{"#name0": "Zonder adres"})
	named := delegation("autumn", "bremen", "bettina-beispiel", late)
	need(h.db.AnswerDesk(ctx, named, db.NameDelegatesInput{PersonIDs: []db.ID{h.person("petra-probe")}}, false))(h)
	l.at("delegation, answered", "/d/"+named)
	l.at("delegation, over", "/d/"+delegation("vaktreffen-2027", "bremen", "bettina-beispiel", soon))
	l.at("delegation to name", "/d/"+delegation("later", "oldenburg", "konrad-koordinator", late))

	l.at("invitation mails, wanted", "/unsubscribe/"+need(h.db.OptOutToken(ctx, h.person("long")))(h))
	out := need(h.db.OptOutToken(ctx, h.person("karl-kurzname")))(h)
	need(h.db.ChooseInvitationMails(ctx, out, false, db.OptOutPage))(h)
	l.at("invitation mails, not wanted", "/unsubscribe/"+out)
	l.at("invitation mails to refuse", "/unsubscribe/"+need(h.db.OptOutToken(ctx, h.person("wim-willekeurig")))(h))
}

// survey has people come to a meeting, asks them about it, and returns the path of each one's page.
func (h *house) survey(edition string, anonymous bool, until time.Time, people ...string) func(person string) string {
	h.Helper()
	ctx, olga, id := h.Context(), h.as(organiser), h.edition(edition)
	seats := h.seatsOf(edition)
	for _, key := range people {
		person := h.person(key)
		need(h.db.CheckInWalkIn(ctx, olga, db.WalkInInput{IdempotencyKey: edition + key, SeatsID: seats, PersonID: &person}, nil))(h)
	}
	_, _, err := h.db.AskForFeedback(ctx, olga, db.AskForFeedbackInput{IdempotencyKey: "about " + edition, EditionID: id, ClosesAt: until, Anonymous: anonymous}, nil, nil)
	h.must(err)
	survey := h.one("SELECT id FROM surveys WHERE edition_id = $1", id)
	return func(person string) string { return "/f/" + need(h.db.FeedbackToken(ctx, survey, h.person(person)))(h) }
}

// register puts a person on seats and returns the registration.
func (h *house) register(person string, seats db.ID) *db.Registration {
	h.Helper()
	id := h.person(person)
	as := h.as(organiser)
	if seats == h.seatsOfCourse("questions") || seats == h.seatsOfCourse("masterclass-regionale-samenwerking") {
		as = h.as(trainer)
	}
	return need(h.db.Register(h.Context(), as, db.RegisterInput{IdempotencyKey: person + seats.String(), SeatsID: seats, PersonID: &id}, nil))(h)
}

func (h *house) seatsOfCourse(course string) db.ID {
	h.Helper()
	return h.one(`SELECT seats.id FROM seats JOIN course_runs ON course_runs.id = course_run_id JOIN courses ON courses.id = course_id WHERE courses.key = $1`, course)
}

func (h *house) place(r *db.Registration) string {
	h.Helper()
	return "/r/" + need(h.db.RegistrationToken(h.Context(), r.ID))(h)
}

// seat registers people: with a place, on the waiting list, with an offer, without either, and with questions to answer.
func (h *house) seat(l links) {
	h.Helper()
	ctx, autumn, offers := h.Context(), h.seatsOf("autumn"), db.PolicyOffer
	need(h.db.ChangeSeats(ctx, h.as(organiser), db.ChangeSeatsInput{SeatsID: autumn, Policy: &offers}))(h)
	l.at("place, confirmed", h.place(h.register("max-muster", autumn)))
	leaves := h.register("daan-demonstratie", autumn)
	offered := h.register("nora-naam", autumn)
	l.at("place, on the waiting list", h.place(h.register("long", autumn)))
	need(h.db.CancelRegistration(ctx, h.as(organiser), leaves.ID, nil))(h)
	l.at("place, offered", h.place(offered))
	l.at("place, cancelled", h.place(leaves))
	later := h.seatsOf("later")
	l.at("place to give up", h.place(h.register("frieda-fiktiv", later)))
	full := h.register("otto-oefening", h.seatsOf("full"))
	next := h.register("dora-demo", h.seatsOf("full"))
	need(h.db.ChangeSeats(ctx, h.as(organiser), db.ChangeSeatsInput{SeatsID: h.seatsOf("full"), Policy: &offers}))(h)
	need(h.db.CancelRegistration(ctx, h.as(organiser), full.ID, nil))(h)
	l.at("offer to take", h.place(next))

	course := h.seatsOfCourse("questions")
	l.at("intake, open", h.place(h.register("long", course)))
	l.pressed("intake, problems", "intake, open", "button[value=answer]", http.StatusUnprocessableEntity, map[string]string{"[name=q-years]": "veel"})
	l.at("intake to fill in", h.place(h.register("sam-sample", course)))
	answered := h.place(h.register("femke-fictief", course))
	asked := func(key string) db.ID {
		return h.one("SELECT id FROM intake_questions WHERE key = $1 AND course_run_id = (SELECT course_run_id FROM seats WHERE id = $2)", key, course)
	}
	answers := []db.IntakeAnswerInput{
		{QuestionID: asked("case"), Text: new("Een fietspad\ndat aan de grens ophoudt.")}, {QuestionID: asked("level"), Choices: []string{"Ik begin net"}},
		{QuestionID: asked("lunch"), YesNo: new(true)},
	}
	need(h.db.AnswerPlace(ctx, strings.TrimPrefix(answered, "/r/"), answers, &db.InvoiceInput{Organisation: "Hogeschool", Address: "Kade 1\n9711 AA Groningen"}))(h)
	l.at("intake, complete", answered)
}

// afterwards asks what people thought, and writes reports: one that is being written, and one that is published.
func (h *house) afterwards(l links) {
	h.Helper()
	ctx, olga := h.Context(), h.as(organiser)
	spring := h.survey("spring", true, time.Date(2027, 6, 30, 12, 0, 0, 0, time.UTC), "long", "piet-proefpersoon", "petra-probe", "max-muster")
	four := 4
	need(h.db.GiveFeedback(ctx, strings.TrimPrefix(spring("piet-proefpersoon"), "/f/"), db.FeedbackInput{Overall: &four, Remark: "Mooi."}))(h)
	l.at("feedback, open", spring("long"))
	l.pressed("feedback, problem", "feedback, open", "button[value=send]", http.StatusUnprocessableEntity, nil)
	l.at("feedback, given", spring("piet-proefpersoon"))
	l.at("feedback to give", spring("petra-probe"))

	report := func(edition string) *db.Report {
		r := need(h.db.StartReport(ctx, olga, h.edition(edition), nil))(h)
		dykes, vera, long := h.one("SELECT id FROM sessions WHERE key = $1", edition+"-dykes"), h.person("vera-voorbeeld"), h.organisation("long")
		write := func(part *db.ID, text string) {
			need(h.db.SaveReportText(ctx, olga, db.SaveReportTextInput{ReportID: r.ID, PartID: part, Locale: db.Dutch, Text: text}, nil))(h)
		}
		write(nil, "De dag begon met **één vraag**:\n\n- Wat doen wij met het water?\n- En wie betaalt dat?")
		write(&dykes, "De dijk bij [Emden](https://example.org/emden) is hoog genoeg tot 2050.")
		due, overdue := db.Date("2027-07-01"), db.Date("2027-04-01")
		for _, a := range []db.AddReportActionInput{
			{Description: "Stuurt de cijfers over de Kommunalverbindungsstraßenbeleuchtungsangelegenheiten rond", OwnerID: long, PersonID: new(h.person("long")), DueOn: &overdue},
			{Description: "Nodigt de waterschappen uit", OwnerID: h.organisation("groningen"), PersonID: &vera, DueOn: &due},
			{Description: "Vraagt de provincie om geld", OwnerID: h.organisation("groningen"), PersonID: &vera},
			{Description: "Belt Emden", OwnerID: h.organisation("groningen"), PersonID: new(h.person("truus-testpersoon")), DueOn: &due},
		} {
			a.ReportID, a.Locale = r.ID, db.Dutch
			need(h.db.AddReportAction(ctx, olga, a, nil))(h)
		}
		need(h.db.AddReportQuestion(ctx, olga, db.AddReportQuestionInput{ReportID: r.ID, SessionID: &dykes, OrganisationID: &long, Locale: db.Dutch, Text: "Wie heeft al een dijk verlegd?"}, nil))(h)
		question := h.one("SELECT id FROM report_questions WHERE report_id = $1", r.ID)
		need(h.db.OfferHelp(ctx, olga, db.OfferHelpInput{QuestionID: question, OrganisationID: new(h.organisation("bremen")), Note: new("Wij, in 2019.")}, nil))(h)
		need(h.db.AddMaterial(ctx, olga, db.AddMaterialInput{ReportID: r.ID, SessionID: &dykes, Title: "Verder lezen", URL: "https://example.org/verder/lezen/op/een/adres/dat/lang/is"}, nil))(h)
		need(h.db.AddFile(ctx, olga, db.AddFileInput{ReportID: r.ID, Title: "Presentatie", Name: "notities.txt", Content: strings.NewReader("Dijken\n")}, nil))(h)
		return r
	}
	written := report("spring")
	l.signedIn("report, being written", "/reports/"+written.ID.String(), h.token(organiser))
	published := report("winter")
	_, _, err := h.db.PublishReport(ctx, olga, db.PublishReportInput{IdempotencyKey: "report", ReportID: published.ID}, nil, nil)
	h.must(err)
	l.at("report, published", "/reports/"+published.ID.String())
	l.at("report of the demo", "/reports/"+h.one("SELECT id FROM reports WHERE edition_id = $1", h.edition("ledenbijeenkomst-pmg-2017")).String())

	own := func(person string) string { return "/a/" + need(h.db.ActionsToken(ctx, h.person(person)))(h) }
	undated := h.one("SELECT id FROM report_actions WHERE report_id = $1 AND person_id = $2 AND due_on IS NULL", published.ID, h.person("vera-voorbeeld"))
	need(h.db.ChangeReportAction(ctx, olga, db.ChangeReportActionInput{ActionID: undated, Status: new(db.ActionDone)}, nil))(h)
	l.at("actions", own("vera-voorbeeld"))
	l.at("actions, none", own("paul-platzhalter"))
	l.at("action to do", own("truus-testpersoon"))
}

// present opens the doors of the meeting of today to those who are expected.
func (h *house) present(l links, expected []*db.Registration) {
	h.Helper()
	ctx, olga, seats := h.Context(), h.as(organiser), h.seatsOf("vaktreffen-2027")
	came := h.person("max-muster")
	need(h.db.CheckIn(ctx, olga, db.PresenceInput{SeatsID: &seats, PersonID: &came}, nil))(h)
	need(h.db.CheckInWalkIn(ctx, olga, db.WalkInInput{IdempotencyKey: "walk-in", SeatsID: seats, Name: new("Nina Neu"), Organisation: new("Bakkerij")}, nil))(h)
	desk, as := "/check-in/"+seats.String(), h.token(organiser)
	l.signedIn("check-in", desk, as)
	l.signedIn("check-in, searched", desk+"?q=muster&done="+came.String(), as)
	l.signedIn("check-in, nobody found", desk+"?q=niemand", as)
	l.pressed("check-in, problem", "check-in", "button[value=code]", http.StatusUnprocessableEntity, map[string]string{"#code": "2222-2222"})
	l.signedIn("check-in, too early", "/check-in/"+h.seatsOf("later").String(), as)
	l.at("own code", h.place(expected[0]))
}

// describe has people say what they think of a practice.
func (h *house) describe(l links) {
	h.Helper()
	ctx := h.Context()
	practice := h.one("SELECT id FROM practices")
	path := "/practices/" + practice.String()
	comments := func(email, text string) *db.PracticeComment {
		return need(h.db.CommentOnPractice(ctx, h.as(email), db.CommentOnPracticeInput{PracticeID: practice, Text: text}, nil))(h)
	}
	comments("vera.voorbeeld@example.org", "Bij ons werkte het pas toen de wethouders elkaar kenden.\nDaarna ging het snel.")
	hidden := comments(trainer, "Kommt zu unserem Kurs!")
	h.must(h.db.AppointAdministrator(ctx, "anna.anonym@example.org")) // nobody leads this partnership
	need(h.db.ModeratePracticeComment(ctx, h.as("anna.anonym@example.org"), db.ModeratePracticeCommentInput{CommentID: hidden.ID, Status: db.CommentHidden, Reason: new("Werbung")}, nil))(h)
	need(h.db.RatePractice(ctx, h.as(trainer), db.RatePracticeInput{PracticeID: practice, Stars: 4}, nil))(h)
	l.at("practice", path)
	l.signedIn("practice, signed in", path, h.token(trainer))
	l.signedIn("practice to discuss", path, h.token("participant@example.org"))
	l.pressed("practice, problem", "practice, signed in", "button[value=comment]", http.StatusUnprocessableEntity, nil)
}

// enter is about signing in, what people find then, certificates, and what is not there.
func (h *house) enter(l links) {
	h.Helper()
	ctx := h.Context()
	l.at("sign-in", "/sign-in")
	l.pressed("sign-in, link sent", "sign-in", "main button", http.StatusOK, map[string]string{"#email": "vera.voorbeeld@example.org"})
	l.pressed("sign-in, bad address", "sign-in", "main button", http.StatusUnprocessableEntity, map[string]string{"#email": "vera@voorbeeld"})
	l.missing("sign-in, link over", "/sign-in/nothing", "")
	h.must(h.db.RequestSignIn(ctx, "daan.demonstratie@example.org"))
	_, mails, err := h.db.StartDeliveries(ctx, db.Urgent, db.NewID(db.KindWorker, doors), 1000)
	h.must(err)
	for _, mail := range mails {
		if mail.SignInToken != "" {
			l.at("sign-in, link opened", "/sign-in/"+mail.SignInToken)
		}
	}
	h.register("olga-organisator", h.seatsOf("later"))
	l.signedIn("own page", "/me", h.token(organiser))
	l.signedIn("own page, empty", "/me", h.token("jan.jedermann@example.org"))
	l.signedIn("own page to leave", "/me", h.token("erna.exempel@example.org"))

	seats := h.seatsOfCourse("masterclass-regionale-samenwerking")
	run := h.one("SELECT course_run_id FROM seats WHERE id = $1", seats)
	attended := h.person("long")
	need(h.db.CheckInWalkIn(ctx, h.as(trainer), db.WalkInInput{IdempotencyKey: "course", SeatsID: seats, PersonID: &attended}, nil))(h)
	need(h.db.IssueCertificates(ctx, h.as(trainer), run, nil))(h)
	var code string
	h.must(h.raw.QueryRowContext(ctx, "SELECT code FROM certificates").Scan(&code))
	l.at("certificate, valid", "/certificates/"+code)
	l.missing("certificate, unknown", "/certificates/2222-2222-2222-2222", "")
	l.at("certificate, asked for", "/certificates/")

	l["example"] = link{Path: "/example", Status: http.StatusOK, Only: "en"}
	l["busy"] = link{Path: "/busy", Status: http.StatusTooManyRequests, Only: "en"}
	l["failure"] = link{Path: "/failure", Status: http.StatusInternalServerError, Only: "en"}
	l.missing("unknown link", "/i/nothing", "en")
}
