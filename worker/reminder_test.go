package worker_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// From a campaign with a refusal to its summary, the retry of it and the reminder of who has not answered.
func TestFailuresAreToldAndRetriedAndTheSilentReminded(t *testing.T) {
	each(t, func(t *testing.T, s *scene) {
		s.smtp.Inject(smtptest.Refuse("guest2@example.org"))
		campaign := s.invite(t, 3)
		s.work(t, 2)
		s.finished(t, campaign, db.CampaignFinished)
		told := s.mail(t, db.MailSummary, "olga")
		if says := "Verstuurd: 2 van 3\nMislukt: 1\n\nWaarom e-mails niet zijn aangekomen:\n1 × het adres bestaat niet"; !strings.Contains(strings.ReplaceAll(told.Text, "\r\n", "\n"), says) {
			t.Errorf("the summary lacks %q:\n%s", says, told.Text)
		}
		at := time.Now().Add(48 * time.Hour)
		if _, err := s.db.RemindInvited(t.Context(), s.organiser, db.RemindInvitedInput{CampaignID: &campaign, At: &at}, nil); err != nil {
			t.Fatal(err)
		}
		s.smtp.Heal()
		if _, n, err := s.db.RetryFailed(t.Context(), s.organiser, db.RetryFailedInput{CampaignID: campaign}, nil); err != nil || n != 0 {
			t.Fatalf("%d mails to addresses that take none are tried again, %v", n, err)
		}
		if _, err := s.db.LiftSuppression(t.Context(), s.organiser, s.id(t, "SELECT id FROM people WHERE email = 'guest2@example.org'"), nil); err != nil {
			t.Fatal(err)
		}
		if _, n, err := s.db.RetryFailed(t.Context(), s.organiser, db.RetryFailedInput{CampaignID: campaign}, nil); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		s.finished(t, campaign, db.CampaignFinished)
		answered := s.accept(t)
		s.forward(49 * time.Hour)
		reminded := func() (to []string) {
			for _, m := range s.smtp.Messages() {
				if m.Header("X-Vaktreffen-Kind") == string(db.MailReminder) {
					to = append(to, m.To[0])
				}
			}
			slices.Sort(to)
			return to
		}
		want := slices.DeleteFunc([]string{"guest1@example.org", "guest2@example.org", "guest3@example.org"}, func(guest string) bool { return guest == answered })
		eventually(t, "those who have not answered are reminded", func() bool { return slices.Equal(reminded(), want) })
		one := strings.TrimSuffix(want[0], "@example.org")
		if m := s.mail(t, db.MailReminder, one); !strings.Contains(m.GetHeader("List-Unsubscribe-Post"), "One-Click") || !strings.Contains(m.Text, "/i/") {
			t.Errorf("the reminder: %v\n%s", m.Root.Header, m.Text)
		}
	})
}

// Whatever is held or stopped takes effect within one chunk of each handler, however many mails were handed out before.
func TestSteeringTakesEffectWithinOneChunk(t *testing.T) {
	for name, steer := range map[string]func(s *scene, t *testing.T, id db.ID) (*db.Campaign, error){
		"pause": func(s *scene, t *testing.T, id db.ID) (*db.Campaign, error) {
			return s.db.PauseCampaign(t.Context(), s.organiser, id, nil)
		},
		"cancel": func(s *scene, t *testing.T, id db.ID) (*db.Campaign, error) {
			return s.db.CancelCampaign(t.Context(), s.organiser, id, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s *scene) {
				s.smtp.Inject(smtptest.SlowDot(10 * time.Millisecond))
				const guests, handlers, chunk = 1000, 2, 200
				campaign := s.invite(t, guests)
				s.work(t, handlers)
				s.smtp.WaitFor(t, 60)
				if _, err := steer(s, t, campaign); err != nil {
					t.Fatal(err)
				}
				before := s.left()
				eventually(t, "nothing is on its way", func() bool {
					states := s.states(t)
					return states[db.Sending] == 0
				})
				if n := s.left() - before; n > handlers*chunk {
					t.Errorf("%d mails left afterwards, more than the %d of one chunk for each handler", n, handlers*chunk)
				}
				if n := s.left(); n >= guests-handlers*chunk {
					t.Errorf("%d of %d mails had left: that shows nothing", n, guests)
				}
			})
		})
	}
}
