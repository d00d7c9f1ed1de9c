package worker

import (
	"strings"
	"testing"
)

func TestEHLO(t *testing.T) {
	t.Parallel()
	fake := &fakeSMTP{handle: func(_ int, c *talk) { c.greet(); c.agree() }}
	pool := fake.listen(t, 1)
	pool.server.ehlo = "mailer.example.org"
	if out := pool.Send(t.Context(), testMessage(1)); out.Result != Sent {
		t.Fatalf("%+v", out)
	}
	if !strings.Contains(fake.heard(), "EHLO mailer.example.org") {
		t.Error(fake.heard())
	}
	for name, fine := range map[string]bool{
		"": true, "mail.example.org": true, "[192.0.2.1]": true, "[IPv6:2001:db8::1]": true,
		"localhost": false, "a b.example": false, "mail.example.org\r\nRSET": false, "-.example.org": false, "[mail]": false,
	} {
		if _, err := NewPool(SMTPConfig{URL: "smtp://localhost", EHLO: name}, 1); (err == nil) != fine {
			t.Errorf("%q: %v", name, err)
		}
	}
}
