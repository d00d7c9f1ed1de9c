package pages

import (
	"fmt"
	"strconv"

	"github.com/vaktreffen/vaktreffen/db"
)

// The names of the fields of the form: the rating of the edition, and of a session before its id.
const (
	RatingOverall = "overall"
	RatingOf      = "session-"
)

// feedbackWords are what the page of a survey says in one language.
type feedbackWords struct {
	For                                            string // name
	Anonymous, Once, Named                         string // who sees what
	Question                                       string
	Terms                                          string // deadline
	Skip, Overall, Sessions, Remark, RemarkHelp    string
	RemarkMost                                     string // number of characters
	Grades                                         [5]string
	NoGrade, Send, Change                          string
	Thanks, ThanksAnonymous                        string
	ThanksNamed                                    string // deadline
	Wrong, Empty, BadRating, BadRemark, Incomplete string
	NotOpen                                        string // moment
	Closed, ClosedThen                             string
}

// TypedFeedback is a form that came back with problems.
type TypedFeedback struct {
	db.FeedbackInput
	Problems []*db.Error
}

type feedbackPage struct {
	head
	Tongue                         *tongue
	Words                          *feedbackWords
	For, Meeting, News, Then, Mood string
	Problems                       []string
	Facts                          []fact
	Open                           bool
	Terms, Privacy, Send           string
	Overall                        ratingField
	Sessions                       []ratingField
	Remark                         string
	RemarkMost                     string
	Most                           int
	RemarkWrong                    bool
}

// ratingField is one question: five grades, and none.
type ratingField struct {
	Name, Label string
	Grades      []grade
}

type grade struct {
	Value, Label string
	Chosen       bool
}

// Feedback returns the page of a survey. Unclear says that a form came that is none; typed is what came with a form that was
// refused, nil when none was.
func Feedback(form *db.FeedbackForm, language db.Locale, typed *TypedFeedback, unclear bool) ([]byte, error) {
	w, t := feedbackTongues()[language], tongues()[language]
	m := meetingOf(form.Edition, nil)
	closes := t.deadline(form.Survey.ClosesAt.In(m.zone))
	p := &feedbackPage{
		Tongue: t, Words: w, For: fmt.Sprintf(w.For, form.Person.Name), Meeting: m.title, Facts: newPersonal(language, m).Facts, Open: form.Open(),
		Terms: fmt.Sprintf(w.Terms, closes), Privacy: w.Named, Send: w.Send, Most: db.MaxRemark, RemarkMost: fmt.Sprintf(w.RemarkMost, db.MaxRemark),
	}
	if form.Survey.Anonymous {
		p.Privacy = w.Anonymous + " " + w.Once
	}
	switch {
	case form.Opening:
		p.News, p.Mood = fmt.Sprintf(w.NotOpen, t.moment(form.Survey.OpensAt.In(m.zone))), "wait"
	case form.Answered && form.Survey.Anonymous:
		p.News, p.Then, p.Mood = w.Thanks, w.ThanksAnonymous, "yes"
	case form.Answered && form.Open():
		p.News, p.Then, p.Mood, p.Send = w.Thanks, fmt.Sprintf(w.ThanksNamed, closes), "yes", w.Change
	case form.Answered:
		p.News, p.Then, p.Mood = w.Thanks, w.Closed, "yes"
	case form.Closed:
		p.News, p.Then, p.Mood = w.Closed, w.ClosedThen, "wait"
	}
	given := form.Given
	if typed != nil && p.Open {
		given = typed.FeedbackInput
		p.News, p.Then = "", ""
		p.refuse(typed.Problems)
	}
	if unclear && p.Open {
		p.News, p.Then, p.Problems = "", "", []string{w.Incomplete}
	}
	p.Overall, p.Remark = w.field(RatingOverall, w.Overall, given.Overall), given.Remark
	for _, s := range form.Sessions {
		var rating *int
		if n, ok := given.Sessions[s.ID]; ok {
			rating = &n
		}
		p.Sessions = append(p.Sessions, w.field(RatingOf+s.ID.String(), s.Title, rating))
	}
	title := m.title
	if len(p.Problems) > 0 {
		title = w.Wrong + " " + title
	} else if p.News != "" {
		title = p.News + " " + title
	}
	p.head = framed(language, title)
	return execute("feedback", p)
}

// refuse words what was wrong with a form.
func (p *feedbackPage) refuse(problems []*db.Error) {
	p.Problems = []string{}
	for _, problem := range problems {
		say := p.Words.Empty
		switch {
		case len(problem.Field) == 0:
		case problem.Field[0] == "remark":
			p.RemarkWrong = true
			say = p.Words.BadRemark
			if problem.Code == db.CodeTooLarge {
				say = fmt.Sprintf(p.Tongue.AnswerTooLong, db.MaxRemark)
			}
		default:
			say = p.Words.BadRating
		}
		p.Problems = append(p.Problems, say)
	}
}

// field asks for one rating.
func (w *feedbackWords) field(name, label string, chosen *int) ratingField {
	f := ratingField{Name: name, Label: label}
	for i, said := range w.Grades {
		f.Grades = append(f.Grades, grade{strconv.Itoa(i + 1), fmt.Sprintf("%d – %s", i+1, said), chosen != nil && *chosen == i+1})
	}
	f.Grades = append(f.Grades, grade{"", w.NoGrade, chosen == nil})
	return f
}

func feedbackTongues() map[db.Locale]*feedbackWords {
	return map[db.Locale]*feedbackWords{
		db.Dutch: {
			For:       "Terugblik van %s",
			Anonymous: "Uw antwoord is anoniem: het wordt bewaard zonder iets dat naar u leidt. Wij onthouden alleen dát u heeft geantwoord. De organisator ziet gemiddelden en opmerkingen zodra de vragen gesloten zijn en er ten minste vijf antwoorden zijn. Zet in uw opmerking niets waaraan men u herkent.",
			Once:      "U kunt maar één keer antwoorden en het daarna niet meer wijzigen, want wij kunnen uw antwoord niet terugvinden.",
			Named:     "Uw antwoord is niet anoniem: het wordt bij uw naam bewaard, zodat u het kunt wijzigen. De organisator ziet gemiddelden en opmerkingen zonder namen, zodra er ten minste vijf antwoorden zijn.",
			Question:  "Wat vond u ervan?", Terms: "Antwoord uiterlijk %s.",
			Skip: "U kunt elke vraag overslaan.", Overall: "De bijeenkomst als geheel", Sessions: "Onderdelen van het programma",
			Remark: "Wilt u nog iets kwijt?", RemarkHelp: "Wat was goed, wat kan beter?", RemarkMost: "Ten hoogste %d tekens.",
			Grades: [5]string{"slecht", "matig", "voldoende", "goed", "zeer goed"}, NoGrade: "geen oordeel",
			Send: "Antwoord versturen", Change: "Antwoord wijzigen",
			Thanks: "Bedankt voor uw antwoord.", ThanksAnonymous: "Het is anoniem bewaard en kan niet meer worden gewijzigd.",
			ThanksNamed: "U kunt het nog wijzigen tot uiterlijk %s.",
			Wrong:       "Uw antwoord is nog niet bewaard.", Empty: "Geef ten minste één oordeel of schrijf iets op.",
			BadRating: "Kies voor elk onderdeel een van de oordelen op deze pagina.", BadRemark: "Schrijf gewone tekst, zonder bijzondere tekens.",
			Incomplete: "Het formulier is niet goed aangekomen. Vul het opnieuw in.",
			NotOpen:    "U kunt antwoorden vanaf %s.", Closed: "Antwoorden kan niet meer.",
			ClosedThen: "Wilt u toch nog iets kwijt? Beantwoord dan de e-mail met deze link.",
		},
		db.German: {
			For:       "Rückmeldung von %s",
			Anonymous: "Ihre Antwort ist anonym: Sie wird ohne alles gespeichert, was zu Ihnen führt. Wir merken uns nur, dass Sie geantwortet haben. Die Organisation sieht Durchschnitte und Bemerkungen, sobald die Umfrage beendet ist und mindestens fünf Antworten vorliegen. Schreiben Sie in Ihre Bemerkung nichts, woran man Sie erkennt.",
			Once:      "Sie können nur einmal antworten und danach nichts mehr ändern, denn wir können Ihre Antwort nicht wiederfinden.",
			Named:     "Ihre Antwort ist nicht anonym: Sie wird bei Ihrem Namen gespeichert, damit Sie sie ändern können. Die Organisation sieht Durchschnitte und Bemerkungen ohne Namen, sobald mindestens fünf Antworten vorliegen.",
			Question:  "Wie hat es Ihnen gefallen?", Terms: "Bitte antworten Sie bis %s.",
			Skip: "Sie können jede Frage überspringen.", Overall: "Die Veranstaltung insgesamt", Sessions: "Teile des Programms",
			Remark: "Möchten Sie noch etwas sagen?", RemarkHelp: "Was war gut, was kann besser werden?", RemarkMost: "Höchstens %d Zeichen.",
			Grades: [5]string{"schlecht", "mäßig", "befriedigend", "gut", "sehr gut"}, NoGrade: "keine Bewertung",
			Send: "Antwort senden", Change: "Antwort ändern",
			Thanks: "Vielen Dank für Ihre Antwort.", ThanksAnonymous: "Sie ist anonym gespeichert und kann nicht mehr geändert werden.",
			ThanksNamed: "Sie können sie noch ändern, und zwar bis %s.",
			Wrong:       "Ihre Antwort ist noch nicht gespeichert.", Empty: "Bitte bewerten Sie wenigstens etwas oder schreiben Sie etwas.",
			BadRating: "Bitte wählen Sie für jeden Teil eine der Bewertungen auf dieser Seite.", BadRemark: "Bitte schreiben Sie gewöhnlichen Text ohne besondere Zeichen.",
			Incomplete: "Das Formular ist nicht richtig angekommen. Bitte füllen Sie es noch einmal aus.",
			NotOpen:    "Antworten können Sie ab %s.", Closed: "Eine Antwort ist nicht mehr möglich.",
			ClosedThen: "Möchten Sie doch noch etwas sagen? Dann antworten Sie bitte auf die E-Mail mit diesem Link.",
		},
		db.English: {
			For:       "Feedback of %s",
			Anonymous: "Your answer is anonymous: it is kept without anything that leads to you. We only remember that you have answered. The organiser sees averages and comments once the survey has closed and at least five people have answered. Do not write anything that gives you away.",
			Once:      "You can answer only once and change nothing afterwards, since we cannot find your answer again.",
			Named:     "Your answer is not anonymous: it is kept with your name, so that you can change it. The organiser sees averages and comments without names, once at least five people have answered.",
			Question:  "What did you think of it?", Terms: "Please answer by %s.",
			Skip: "You can skip any question.", Overall: "The meeting as a whole", Sessions: "Parts of the programme",
			Remark: "Is there anything else you would like to say?", RemarkHelp: "What was good, what could be better?", RemarkMost: "At most %d characters.",
			Grades: [5]string{"bad", "poor", "fair", "good", "very good"}, NoGrade: "no rating",
			Send: "Send the answer", Change: "Change the answer",
			Thanks: "Thank you for your answer.", ThanksAnonymous: "It was kept anonymously and cannot be changed any more.",
			ThanksNamed: "You can still change it until %s.",
			Wrong:       "Your answer is not saved yet.", Empty: "Rate at least something, or write something.",
			BadRating: "Choose one of the ratings on this page for each part.", BadRemark: "Write plain text, without special characters.",
			Incomplete: "The form did not arrive as it should. Please fill it in again.",
			NotOpen:    "You can answer from %s.", Closed: "It is too late to answer.",
			ClosedThen: "If there is still something you would like to say, reply to the e-mail with this link.",
		},
	}
}
