package worker

import (
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// TestInvitationsOfAChunkReadAsIfWrittenOneByOne holds that wording a chunk once changes no letter, but for where its lines break.
func TestInvitationsOfAChunkReadAsIfWrittenOneByOne(t *testing.T) {
	t.Parallel()
	letters, err := NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{cfg: Config{PublicURL: "https://meetings.example.org"}, letters: letters, from: mail.Address{Address: "mail@example.org"}}
	day, now, campaign := db.Date("2027-05-20"), time.Now(), db.NewID(db.KindCampaign, time.Now())
	shared := drafts{}
	for name, employer := range map[string]string{
		"Anna": "Stad", "O'Brien & <b>Söhne</b>": "Müller & <i>Co</i>", "\"Quoted\"": "", "  spaced   out ": "*Stars*\r\nBcc: evil@example.org", "": "Nobody's",
	} {
		for _, locale := range []db.Locale{db.Dutch, db.German, db.English} {
			address, token := "anna@example.org", "token-of-"+string(locale)
			m := &db.Mail{
				Delivery: &db.Delivery{ID: db.NewID(db.KindDelivery, now), Kind: db.MailInvitation, DatedAt: &now},
				Person:   &db.Person{Name: name, Affiliation: employer, Address: &address, Language: locale},
				Campaign: &db.Campaign{ID: campaign, Texts: []db.CampaignText{
					{Language: db.German, Subject: "{name}, {organisation}: {meeting}", Message: "Liebe {name} von **{organisation}**"},
					{Language: db.English, Message: "Welcome {name} of [{organisation}](https://example.org/a?b=1&c=2).\n\n- {date}"},
				}},
				Edition:     &db.Edition{Title: "Vaktreffen", Year: 2027, TimeZone: "Europe/Amsterdam", StartsOn: &day, EndsOn: &day},
				AnswerToken: token, OptOutToken: "out-" + token,
			}
			got, err := w.compose(m, shared)
			if err != nil {
				t.Fatal(err)
			}
			meeting, err := meetingOf(m)
			if err != nil {
				t.Fatal(err)
			}
			words, err := wordsOf(m.Campaign, locale)
			if err != nil {
				t.Fatal(err)
			}
			words.Employer = employer
			want, err := w.write(got, Facts{
				PersonName: name, OrganiserName: w.from.Address, Meeting: meeting, Words: words,
				AnswerURL: "https://meetings.example.org/i/" + token, OptOutURL: "https://meetings.example.org/unsubscribe/out-" + token,
			})
			if err != nil {
				t.Fatal(err)
			}
			if got.Subject != want.subject || !slices.Equal(strings.Fields(got.Text), strings.Fields(want.text)) || got.HTML != want.html {
				t.Errorf("%q in %s:\n%s\nwant\n%s\n%s\nwant\n%s", name, locale, got.Text, want.text, got.HTML, want.html)
			}
		}
	}
	if len(shared) != 3 {
		t.Errorf("%d drafts, want one for each language", len(shared))
	}
}
