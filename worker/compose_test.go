package worker

import (
	"bytes"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
		"Anna": "Stad", "O'Brien & <b>Söhne</b>": "Müller & <i>Co</i>", "\"Quoted\"": "", strings.Repeat("Anna-Élise van der Sloot ", 4): strings.Repeat("x", 90), "  spaced   out ": "*Stars*\r\nBcc: evil@example.org", "": "Nobody's",
	} {
		for _, locale := range []db.Locale{db.Dutch, db.German, db.English} {
			address, token := "anna.with.a.long.address.that.folds@subdomain.example.org", "token-of-"+string(locale)
			m := &db.Mail{
				Delivery: &db.Delivery{ID: db.NewID(db.KindDelivery, now), Kind: db.MailInvitation, DatedAt: &now},
				Person:   &db.Person{Name: name, Affiliation: employer, Address: &address, Language: locale},
				Campaign: &db.Campaign{ID: campaign, CreatedAt: now, Texts: []db.CampaignText{
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
			got.Text, got.HTML = got.words()
			meeting, err := meetingOf(m)
			if err != nil {
				t.Fatal(err)
			}
			words, err := wordsOf(m)
			if err != nil {
				t.Fatal(err)
			}
			words.Employer = employer
			want, err := w.write(got, Facts{
				PersonName: name, OrganiserName: w.from.Address, Meeting: meeting, Words: words,
				AnswerURL: "https://meetings.example.org/i/" + token, OptOutURL: "https://meetings.example.org/unsubscribe/out-" + token,
				CalendarEntry: true,
			}, w.meeting(m, now))
			if err != nil {
				t.Fatal(err)
			}
			if got.Subject != want.subject || !slices.Equal(strings.Fields(got.Text), strings.Fields(want.text)) || got.HTML != want.html || !bytes.Equal(got.Meeting, want.meeting) || got.Meeting == nil {
				t.Errorf("%q in %s:\n%s\nwant\n%s\n%s\nwant\n%s", name, locale, got.Text, want.text, got.HTML, want.html)
			}
			single := *got
			single.draft = nil
			if difference := cmp.Diff(strings.Split(wire(t, &single), "\r\n"), strings.Split(wire(t, got), "\r\n")); difference != "" {
				t.Errorf("%q in %s is not on the wire as it would be alone (+):\n%s", name, locale, difference)
			}
		}
	}
	if len(shared) != 3 {
		t.Errorf("%d drafts, want one for each language", len(shared))
	}
}

// wire is a message as the mail server gets it, with boundaries that are not made up anew for each.
func wire(t *testing.T, m *Message) string {
	t.Helper()
	content, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for i, found := range boundary.FindAllStringSubmatch(text, -1) {
		text = strings.ReplaceAll(text, found[1], fmt.Sprint("boundary", i))
	}
	// Both are in no particular order where go-mail writes them.
	return strings.Replace(text, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", "", 1)
}

var boundary = regexp.MustCompile(`boundary=(\S+)`)
