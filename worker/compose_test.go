package worker

import (
	"bytes"
	"net/mail"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// TestInvitationsOfAChunkReadAsIfWrittenOneByOne holds that wording a chunk once changes no letter.
func TestInvitationsOfAChunkReadAsIfWrittenOneByOne(t *testing.T) {
	t.Parallel()
	letters, err := NewLetters()
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{cfg: Config{PublicURL: "https://meetings.example.org"}, letters: letters, from: mail.Address{Address: "mail@example.org"}}
	day, now, campaign := db.Date("2027-05-20"), time.Now(), db.NewID(db.KindCampaign, time.Now())
	shared := drafts{}
	for _, name := range []string{"Anna", "O'Brien & <b>Söhne</b>", "\"Quoted\"", "  spaced   out ", ""} {
		for _, locale := range []db.Locale{db.Dutch, db.German, db.English} {
			address, token := "anna@example.org", "token-of-"+string(locale)
			m := &db.Mail{
				Delivery:    &db.Delivery{ID: db.NewID(db.KindDelivery, now), Kind: db.MailInvitation, DatedAt: &now},
				Person:      &db.Person{Name: name, Address: &address, Language: locale},
				Campaign:    &db.Campaign{ID: campaign, Message: "Welcome to all.", CreatedAt: now},
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
			want, err := w.write(got, Facts{
				PersonName: name, OrganiserName: w.from.Address, Meeting: meeting, Message: m.Campaign.Message,
				AnswerURL: "https://meetings.example.org/i/" + token, OptOutURL: "https://meetings.example.org/unsubscribe/out-" + token,
				CalendarEntry: true,
			}, w.meeting(m, now))
			if err != nil {
				t.Fatal(err)
			}
			if got.Subject != want.subject || got.Text != want.text || got.HTML != want.html || !bytes.Equal(got.Meeting, want.meeting) || got.Meeting == nil {
				t.Errorf("%q in %s:\n%s\nwant\n%s\n%s\nwant\n%s", name, locale, got.Text, want.text, got.HTML, want.html)
			}
		}
	}
	if len(shared) != 3 {
		t.Errorf("%d drafts, want one for each language", len(shared))
	}
}
