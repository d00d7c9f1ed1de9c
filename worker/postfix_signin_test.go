package worker_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vaktreffen/vaktreffen/worker"
)

// door is an address of a Postfix's at which Cyrus SASL asks for the password, and what comes of it.
type door struct {
	scheme string // of its URL: smtp+starttls, smtps, or smtp for one that does not encrypt
	offers string // mechanisms; "": all that Debian has
	chosen string // the one by which a client signs in; "": it does not even try
	port   int
}

// everyDoor has a door for each mechanism, and some that leave the choice.
func everyDoor() []*door {
	return []*door{
		{scheme: "smtp+starttls", offers: "LOGIN", chosen: "LOGIN"},
		{scheme: "smtp+starttls", offers: "CRAM-MD5", chosen: "CRAM-MD5"},
		{scheme: "smtp+starttls", offers: "SCRAM-SHA-1", chosen: "SCRAM-SHA-1"},
		{scheme: "smtp+starttls", offers: "SCRAM-SHA-256", chosen: "SCRAM-SHA-256"},
		{scheme: "smtp+starttls", offers: "LOGIN PLAIN", chosen: "PLAIN"},
		{scheme: "smtp+starttls", offers: "NTLM LOGIN", chosen: "LOGIN"},
		{scheme: "smtp+starttls", offers: "LOGIN PLAIN CRAM-MD5", chosen: "PLAIN"},
		{scheme: "smtp+starttls", offers: "", chosen: "SCRAM-SHA-256"},
		{scheme: "smtps", offers: "LOGIN", chosen: "LOGIN"},
		{scheme: "smtps", offers: "", chosen: "SCRAM-SHA-256"},
		{scheme: "smtp", offers: "LOGIN PLAIN"},
		{scheme: "smtp", offers: "LOGIN PLAIN CRAM-MD5", chosen: "CRAM-MD5"},
		{scheme: "smtp", offers: "", chosen: "SCRAM-SHA-256"},
	}
}

// host is where the door is. One that does not encrypt is at an address of this machine that go-mail does not know for one.
func (d *door) host() string {
	if d.scheme == "smtp" {
		return "127.0.0.2"
	}
	return "127.0.0.1"
}

// url is the door's address as configuration has it.
func (d *door) url(password string) string {
	u := url.URL{Scheme: d.scheme, User: url.UserPassword(postfixUser, password), Host: fmt.Sprintf("%s:%d", d.host(), d.port)}
	if d.scheme == "smtp" {
		u.RawQuery = "tls=none"
	}
	return u.String()
}

// furnish writes down who may sign in at the doors, and by what. It returns their services for Postfix, each with a name of its own in
// the log.
func furnish(t *testing.T, dir string, doors []*door) (services string) {
	t.Helper()
	if len(doors) == 0 {
		return ""
	}
	_, err := exec.LookPath("saslpasswd2")
	if modules, _ := filepath.Glob("/usr/lib/*/sasl2/libscram.so*"); err != nil || len(modules) == 0 {
		withoutPostfix(t, "no Cyrus SASL to sign in with. Install it (Debian: sasl2-bin and libsasl2-modules).")
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	passwords := filepath.Join(dir, "sasldb2")
	known := exec.Command("saslpasswd2", "-p", "-c", "-f", passwords, "-u", "example.org", postfixUser)
	known.Stdin = strings.NewReader(postfixPassword)
	if out, err := known.CombinedOutput(); err != nil {
		t.Fatalf("saslpasswd2: %v\n%s", err, out)
	}
	must(os.Chmod(passwords, 0o644)) // Postfix reads it as a user of its own
	must(os.Mkdir(filepath.Join(dir, "etc/sasl"), 0o755))
	for i, d := range doors {
		config := "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: " + passwords + "\n"
		if d.offers != "" {
			config += "mech_list: " + d.offers + "\n"
		}
		must(os.WriteFile(filepath.Join(dir, fmt.Sprintf("etc/sasl/door%d.conf", i)), []byte(config), 0o644))
		services += fmt.Sprintf("%s:%d inet n - n - - smtpd -o syslog_name=door%d -o smtpd_sasl_type=cyrus -o smtpd_sasl_path=door%[3]d %s\n",
			d.host(), d.port, i, map[string]string{"smtps": "-o smtpd_tls_wrappermode=yes", "smtp": "-o smtpd_tls_security_level=none"}[d.scheme])
	}
	return services
}

// checkSignIn signs in at a door with a wrong password and with the right one.
func checkSignIn(t *testing.T, server *postfix, number int, d *door) {
	send := func(password string) worker.Outcome {
		pool, err := worker.NewPool(worker.SMTPConfig{URL: d.url(password), Roots: server.roots}, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := pool.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		}()
		m := signedInvitation()
		m.To = "guest1@example.org"
		return pool.Send(t.Context(), m)
	}
	code, detail := 535, "authentication failed"
	if d.chosen == "" {
		code, detail = 0, "unencrypted connection"
	}
	const wrong = "Falsch-4711"
	out := send(wrong)
	if out.Result != worker.Unreachable || out.Code != code || !strings.Contains(out.Detail, detail) || strings.Contains(out.Detail, wrong) || strings.Contains(out.Detail, postfixUser) {
		t.Errorf("a wrong password: %+v", out)
	}
	out = send(postfixPassword)
	if d.chosen == "" {
		if out.Result != worker.Unreachable || out.Detail != "SMTP AUTH failed: unencrypted connection" {
			t.Errorf("the right password: %+v", out)
		}
		if said := server.logged(t, fmt.Sprintf(`door%d/smtpd\[\d+\]: disconnect from \S+ (.*)`, number)); strings.Contains(said, "auth") {
			t.Errorf("it signed in: %s", said)
		}
		return
	}
	if out.Result != worker.Sent {
		t.Fatalf("the right password: %+v", out)
	}
	if by := server.logged(t, fmt.Sprintf(`door%d/smtpd\[\d+\]: \w+: client=\S+, sasl_method=([^,]+), sasl_username=`+postfixUser, number)); by != d.chosen {
		t.Errorf("signed in by %s", by)
	}
}

// logged waits for a line of the Postfix's log, and returns what is in its parentheses.
func (p *postfix) logged(t *testing.T, line string) (inParentheses string) {
	t.Helper()
	pattern := regexp.MustCompile(line)
	eventually(t, "the log says "+line, func() bool {
		log, err := os.ReadFile(p.log)
		if err != nil {
			t.Fatal(err)
		}
		found := pattern.FindSubmatch(log)
		if found != nil {
			inParentheses = string(found[1])
		}
		return found != nil
	})
	return inParentheses
}
