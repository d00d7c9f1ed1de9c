package worker

import (
	"maps"
	"slices"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
)

// TestMailsOfSpecialCasesAsReceived compares mails that say something else than their kind mostly does with testdata/mails, by the
// rules of TestEveryMailAsReceived.
func TestMailsOfSpecialCasesAsReceived(t *testing.T) {
	t.Parallel()
	cases := map[string]func(db.Locale) *db.Mail{
		"campaign_summary_feedback": func(locale db.Locale) *db.Mail {
			m := mailOf(KindCampaignSummary, locale)
			m.Campaign.SurveyID = db.ID{1, 0x9b, 6: 0x70, 7: byte(db.KindSurvey), 8: 0x80, 15: 6}
			m.Summary.Reasons[2].Reason = db.ReasonUntrue
			return m
		},
		"registration_cancelled_held": func(locale db.Locale) *db.Mail {
			m := mailOf(KindRegistrationCancelled, locale)
			m.NoPlace, m.Held = true, true
			m.Edition, m.Hours, m.CourseRun = nil, nil, mailOf(KindIntakeRequested, locale).CourseRun
			return m
		},
	}
	checkMails(t, slices.Sorted(maps.Keys(cases)), func(w *Worker, name string, locale db.Locale) (*Message, error) {
		return w.compose(cases[name](locale), drafts{})
	})
}
