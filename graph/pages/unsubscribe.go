package pages

import (
	"fmt"

	"github.com/vaktreffen/vaktreffen/db"
)

// InvitationMails returns the page on which a person says whether to get invitations. Unclear says that a form came without a
// choice.
func InvitationMails(m *db.InvitationMails, language db.Locale, unclear bool) ([]byte, error) {
	t := tongues()[language]
	p := struct {
		head
		Tongue                       *tongue
		For, Unclear                 string
		Mood, Chosen, Question, Then string
		Choice, ChoiceLabel          string
	}{
		Tongue: t, For: fmt.Sprintf(t.InvitationsFor, m.Person.Name),
		Mood: "yes", Chosen: t.GetsInvitations, Question: t.NoInvitationsQuestion, Then: t.StillComes, Choice: "out", ChoiceLabel: t.NoInvitations,
	}
	if !m.Wanted {
		p.Mood, p.Chosen, p.Question, p.Then, p.Choice, p.ChoiceLabel = "no", t.GetsNoInvitations, t.InvitationsAgainQuestion, "", "in", t.InvitationsAgain
	}
	news := p.Chosen
	if unclear {
		p.Unclear, news = t.Unclear, t.Unclear
	}
	p.head = head{Language: language, Title: news + " – Vaktreffen", Links: languageLinks(language), LinksFor: t.PageLanguage}
	return execute("unsubscribe", p)
}
