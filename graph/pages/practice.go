package pages

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
)

// practiceWords are what the page of a practice says in one language.
type practiceWords struct {
	Partners, Budget, Term, Rating, RatingOf, Views                                       string
	SuccessFactors, Pitfalls, PointsOfAttention, Recommendations                          string
	Comments, NoComments, Older, Say, YourComment, Public, Send, Remove, Hidden, SignIn   string
	Rate, SaveRating, TooOften, Unclear, TextMissing, TextTooLong, StarsMissing, NotSaved string
	Stars                                                                                 [5]string
}

// PracticeNews is what came of a form on the page of a practice.
type PracticeNews int

// What can come of it.
const (
	PracticeShown PracticeNews = iota
	PracticeUnclear
	PracticeTextMissing
	PracticeStarsMissing
	PracticeNotSaved
	PracticeTooOften
)

// PracticeReader is who reads the page of a practice: nobody that is known, or a person who is signed in.
type PracticeReader struct {
	SignedIn bool
	Typed    string // a comment that could not be saved
	News     PracticeNews
}

type practicePage struct {
	head
	Tongue        *tongue
	Words         *practiceWords
	Practice      *db.PracticeDescription
	About         string
	Written       db.Locale
	Facts         []fact
	Lists         []pointList
	Comments      []shownComment
	More, Problem string
	SignedIn      bool
	Public, Typed string
	Stars         []star
}

type pointList struct {
	Label  string
	Points []string
}

type shownComment struct {
	ID, Text, Short, Author, Day, Hidden string
	Own                                  bool
}

type star struct {
	Value  int
	Label  string
	Chosen bool
}

// Practice returns the public page of a practice with the latest comments on it.
func Practice(practice *db.PracticeDescription, comments *db.Connection[db.PracticeComment], reader PracticeReader, language db.Locale) ([]byte, error) {
	w, t := practiceTongues()[language], tongues()[language]
	p := &practicePage{
		Tongue: t, Words: w, Practice: practice, Written: practice.Locale, SignedIn: reader.SignedIn, Public: w.Public, Typed: reader.Typed,
		Problem: map[PracticeNews]string{
			PracticeUnclear: w.Unclear, PracticeTextMissing: w.TextMissing, PracticeStarsMissing: w.StarsMissing,
			PracticeNotSaved: w.NotSaved, PracticeTooOften: w.TooOften,
		}[reader.News],
	}
	add := func(label, value string) {
		if value != "" {
			p.Facts = append(p.Facts, fact{label, value})
		}
	}
	if practice.Edition != nil {
		p.About = practice.Edition.Title
	} else if practice.Partnership != nil {
		p.About = practice.Partnership.Name
	}
	var partners []string
	for _, party := range practice.Partners() {
		partners = append(partners, name(party))
	}
	add(w.Partners, strings.Join(partners, ", "))
	add(w.Term, practice.Term)
	if budget := practice.Budget(); budget != nil {
		add(w.Budget, t.money(budget))
	}
	if r := practice.Rating; r.Average != nil {
		average := strings.Replace(fmt.Sprintf("%.1f", *r.Average), ".", t.DecimalSeparator, 1)
		add(w.Rating, fmt.Sprintf(w.RatingOf, average, r.Count))
	}
	add(w.Views, fmt.Sprint(practice.Views))
	for _, list := range []pointList{
		{w.SuccessFactors, practice.SuccessFactors}, {w.Pitfalls, practice.Pitfalls}, {w.PointsOfAttention, practice.PointsOfAttention},
		{w.Recommendations, practice.Recommendations},
	} {
		if len(list.Points) > 0 {
			p.Lists = append(p.Lists, list)
		}
	}
	for _, c := range comments.Nodes {
		shown := shownComment{ID: c.ID.String(), Text: c.Text, Short: short(c.Text), Author: c.Author, Day: t.date(c.CreatedAt), Own: c.Own}
		if organisation := name(c.Organisation()); organisation != "" {
			shown.Author += ", " + organisation
		}
		if c.HiddenReason != nil {
			shown.Hidden = fmt.Sprintf(w.Hidden, *c.HiddenReason)
		}
		p.Comments = append(p.Comments, shown)
	}
	if comments.PageInfo.HasNextPage {
		p.More = w.Older
	}
	for i, label := range slices.Backward(w.Stars[:]) {
		p.Stars = append(p.Stars, star{i + 1, label, practice.OwnRating != nil && *practice.OwnRating == i+1})
	}
	p.head = framed(language, practice.Title)
	if p.Problem != "" {
		p.head.Title = p.Problem + " " + p.head.Title
	}
	return execute("practice", p)
}

// short is the beginning of a text, for the name of a button.
func short(text string) string {
	words := strings.Fields(text)
	if len(words) > 6 {
		return strings.Join(words[:6], " ") + "…"
	}
	return strings.Join(words, " ")
}

func practiceTongues() map[db.Locale]*practiceWords {
	return map[db.Locale]*practiceWords{
		db.Dutch: {
			Partners: "Partners", Budget: "Budget", Term: "Looptijd", Rating: "Waardering", RatingOf: "%s van 5 (%d keer gewaardeerd)", Views: "Gelezen",
			SuccessFactors: "Succesfactoren", Pitfalls: "Valkuilen", PointsOfAttention: "Aandachtspunten", Recommendations: "Aanbevelingen",
			Comments: "Reacties", NoComments: "Er zijn nog geen reacties.", Older: "Dit zijn de laatste honderd reacties.", Say: "Reageren",
			YourComment: "Uw reactie", Public: "Iedereen kan uw reactie lezen, met uw naam en uw organisatie.", Send: "Reactie plaatsen", Remove: "Mijn reactie verwijderen",
			Hidden: "Niet zichtbaar voor anderen: %s", SignIn: "Meld u aan om te reageren of te waarderen.",
			Rate: "Wat vindt u van deze praktijk?", SaveRating: "Waardering opslaan", TooOften: "Dit is te vaak gedaan. Probeer het later nog eens.",
			Unclear: "Uw keuze is niet aangekomen. Gebruik een van de knoppen.", TextMissing: "Schrijf eerst uw reactie.", StarsMissing: "Kies eerst een waardering.",
			NotSaved: "Uw reactie is niet opgeslagen. Gebruik gewone tekst van hoogstens 4000 tekens.",
			Stars:    [5]string{"1 – zwak", "2 – matig", "3 – redelijk", "4 – goed", "5 – zeer goed"},
		},
		db.German: {
			Partners: "Partner", Budget: "Budget", Term: "Laufzeit", Rating: "Bewertung", RatingOf: "%s von 5 (%d Mal bewertet)", Views: "Gelesen",
			SuccessFactors: "Erfolgsfaktoren", Pitfalls: "Fallstricke", PointsOfAttention: "Worauf zu achten ist", Recommendations: "Empfehlungen",
			Comments: "Kommentare", NoComments: "Es gibt noch keine Kommentare.", Older: "Dies sind die letzten hundert Kommentare.", Say: "Kommentieren",
			YourComment: "Ihr Kommentar", Public: "Alle können Ihren Kommentar lesen, mit Ihrem Namen und Ihrer Organisation.", Send: "Kommentar veröffentlichen", Remove: "Meinen Kommentar entfernen",
			Hidden: "Für andere nicht sichtbar: %s", SignIn: "Melden Sie sich an, um zu kommentieren oder zu bewerten.",
			Rate: "Was halten Sie von dieser Praxis?", SaveRating: "Bewertung speichern", TooOften: "Das geschah zu oft. Bitte versuchen Sie es später noch einmal.",
			Unclear: "Ihre Wahl ist nicht angekommen. Bitte verwenden Sie eine der Schaltflächen.", TextMissing: "Bitte schreiben Sie zuerst Ihren Kommentar.", StarsMissing: "Bitte wählen Sie zuerst eine Bewertung.",
			NotSaved: "Ihr Kommentar ist nicht gespeichert. Bitte verwenden Sie gewöhnlichen Text von höchstens 4000 Zeichen.",
			Stars:    [5]string{"1 – schwach", "2 – mäßig", "3 – ordentlich", "4 – gut", "5 – sehr gut"},
		},
		db.English: {
			Partners: "Partners", Budget: "Budget", Term: "Term", Rating: "Rating", RatingOf: "%s out of 5 (rated %d times)", Views: "Times read",
			SuccessFactors: "Success factors", Pitfalls: "Pitfalls", PointsOfAttention: "Points of attention", Recommendations: "Recommendations",
			Comments: "Comments", NoComments: "There are no comments yet.", Older: "These are the latest hundred comments.", Say: "Comment",
			YourComment: "Your comment", Public: "Everybody can read your comment, with your name and your organisation.", Send: "Publish the comment", Remove: "Remove my comment",
			Hidden: "Not visible to others: %s", SignIn: "Sign in to comment or rate.",
			Rate: "What do you think of this practice?", SaveRating: "Save the rating", TooOften: "This was done too often. Try again later.",
			Unclear: "Your choice did not arrive. Use one of the buttons.", TextMissing: "Write your comment first.", StarsMissing: "Choose a rating first.",
			NotSaved: "Your comment was not saved. Use plain text of at most 4000 characters.",
			Stars:    [5]string{"1 – poor", "2 – fair", "3 – reasonable", "4 – good", "5 – very good"},
		},
	}
}
