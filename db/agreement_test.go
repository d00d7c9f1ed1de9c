package db_test

import (
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestAgreementStatus(t *testing.T) {
	t.Parallel()
	five := 5
	tacit := db.Agreement{SignedOn: "2009-01-01", TermYears: &five, Renewal: db.RenewalTacit}
	explicit := db.Agreement{SignedOn: "2009-05-14", TermYears: &five, Renewal: db.RenewalExplicit}
	endless := db.Agreement{SignedOn: "2009-01-01", Renewal: db.RenewalExplicit}
	for _, test := range []struct {
		name      string
		agreement db.Agreement
		on        db.Date
		want      db.AgreementStatus
	}{
		{"before signing", tacit, "2008-12-31", db.AgreementNotYetSigned},
		{"on the day of signing", tacit, "2009-01-01", db.AgreementActive},
		{"on the last day of the term", tacit, "2013-12-31", db.AgreementActive},
		{"tacitly renewed on the day after", tacit, "2014-01-01", db.AgreementTacitlyRenewed},
		{"last day counts from the day of signing", explicit, "2014-05-13", db.AgreementActive},
		{"expired without a new signature", explicit, "2014-05-14", db.AgreementExpired},
		{"without a term it never ends", endless, "2099-01-01", db.AgreementActive},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.agreement.Status(test.on); got != test.want {
				t.Errorf("status on %s is %s, want %s", test.on, got, test.want)
			}
		})
	}
}
