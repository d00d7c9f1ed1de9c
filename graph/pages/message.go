package pages

import (
	"cmp"
	"html/template"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/wording"
)

// message is what an organiser wrote to those who are invited.
type message struct {
	Language db.Locale // that it is in; "" when that of the page, or when nobody said so
	HTML     template.HTML
}

// say puts the organiser's message on the page, in the language of the page if there is one in it.
func (p *personal) say(a *db.Answer, m meeting) {
	words := a.Campaign.TextFor(p.Tongue.Tag)
	text, problems := wording.Read(words.Message)
	if words.Message == "" || len(problems) > 0 { // such a message is not accepted
		return
	}
	t := tongues()[cmp.Or(words.Language, p.Tongue.Tag)]
	p.Message = new(message)
	if words.Language != p.Tongue.Tag {
		p.Message.Language = words.Language
	}
	p.Message.HTML = template.HTML(text.PageHTML(func(f wording.Field) (value string) { // which escapes everything but its own tags
		switch f {
		case wording.Name:
			value = a.Person.Name
		case wording.Organisation:
			return cmp.Or(a.Person.WorksFor(), t.YourOrganisation)
		case wording.Meeting:
			value = m.title
		case wording.Date:
			value = t.when(m)
		case wording.Venue:
			value = place(m.venue)
		case wording.AnswerBy:
			if a.Campaign.RespondBy != nil {
				value = t.deadline(a.Campaign.RespondBy.In(m.zone))
			}
		}
		return cmp.Or(value, t.NotKnown)
	}))
}
