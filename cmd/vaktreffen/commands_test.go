package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vaktreffen/vaktreffen/db/dbtest"
)

func TestEveryBadSettingIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	bad := []string{
		"DATABASE_URL=mysql://user:geheim@host/name", "REDIS_URL=http://:geheim@host", "SMTP_URL=ftp://user:geheim@host", "SMTP_CONNECTIONS=0",
		"MAIL_FROM=nobody", "PUBLIC_URL=ftp://host", "LISTEN=nowhere", "LEASE=1ms", "ALLOWED_ORIGINS=https://host/path",
		"TRUSTED_DOCUMENTS_MODE=sometimes", "METRICS_LISTEN=nowhere", "OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318",
	}
	code, _, stderr := call(t, bad, "serve")
	if code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	for _, setting := range bad {
		if name, _, _ := strings.Cut(setting, "="); !strings.Contains(stderr, name+": ") {
			t.Errorf("%s is not named", name)
		}
	}
	if strings.Contains(stderr, "geheim") {
		t.Error("it shows a password")
	}
	if t.Failed() {
		t.Log(stderr)
	}
}

// Each command refuses what it needs and does not have, with the variable's name.
func TestRefusals(t *testing.T) {
	t.Parallel()
	noKey := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(noKey, []byte("geheim"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		settings, args []string
		code           int
		says           []string
	}{
		"no mail server on PostgreSQL":         {[]string{"DATABASE_URL=postgres://host/name"}, []string{"serve"}, 2, []string{"SMTP_URL", "REDIS_URL", "MAIL_FROM", "PUBLIC_URL"}},
		"no mail server on SQLite":             {nil, []string{"serve"}, 2, []string{"SMTP_URL"}},
		"worker without mail server":           {nil, []string{"worker"}, 2, []string{"SMTP_URL"}},
		"demo for everybody":                   {nil, []string{"demo", "--listen", "0.0.0.0:0"}, 2, []string{"LISTEN"}},
		"demo without port":                    {nil, []string{"demo", "--listen", "localhost"}, 2, []string{"LISTEN"}},
		"words for numbers":                    {[]string{"SMTP_CONNECTIONS=many"}, []string{"serve"}, 2, []string{"smtp-connections"}},
		"trusted documents without a manifest": {[]string{"TRUSTED_DOCUMENTS_MODE=only"}, []string{"api"}, 2, []string{"TRUSTED_DOCUMENTS: "}},
		"a manifest that is not there": {[]string{"TRUSTED_DOCUMENTS_MODE=prefer", "TRUSTED_DOCUMENTS=none.json"}, []string{"api"}, 2,
			[]string{"TRUSTED_DOCUMENTS: ", "none.json"}},
		"documents of an empty folder": {nil, []string{"documents", "."}, 1, []string{".graphql"}},
		"no command":                   {nil, nil, 2, []string{"demo", "serve"}},
		"keys that are none":           {[]string{"MAIL_FROM=A <a@example.org>", "DKIM_KEYS=one:" + noKey}, []string{"worker"}, 2, []string{"DKIM_KEYS: the key of selector one"}},
		"keys without a file":          {[]string{"MAIL_FROM=A <a@example.org>", "DKIM_KEYS=one"}, []string{"worker"}, 2, []string{"DKIM_KEYS", "SELECTOR:FILE"}},
		"keys that are not there":      {[]string{"MAIL_FROM=A <a@example.org>", "DKIM_KEYS=one:/no/such/key"}, []string{"worker"}, 2, []string{"DKIM_KEYS", "/no/such/key"}},
		"a signer without keys":        {[]string{"MAIL_FROM=A <a@example.org>", "DKIM_DOMAIN=example.org"}, []string{"worker"}, 2, []string{"DKIM_KEYS: is needed"}},
		"somebody else's signature":    {[]string{"MAIL_FROM=A <a@example.org>", "DKIM_DOMAIN=example.com", "DKIM_KEYS=one:" + noKey}, []string{"worker"}, 2, []string{"DKIM_DOMAIN"}},
		"a name that is none":          {[]string{"SMTP_EHLO=my machine"}, []string{"worker"}, 2, []string{"SMTP_EHLO"}},
		"bounces for no domain":        {[]string{"BOUNCE_LISTEN=127.0.0.1:2525"}, []string{"worker"}, 2, []string{"BOUNCE_DOMAIN"}},
		"bounces at no address":        {[]string{"BOUNCE_LISTEN=localhost", "BOUNCE_DOMAIN=b@example.org"}, []string{"worker"}, 2, []string{"BOUNCE_LISTEN", "BOUNCE_DOMAIN"}},
		"unreadable database":          {[]string{"DATABASE_URL=postgres://user:geheim@host:port/name"}, []string{"migrate"}, 1, []string{"PostgreSQL"}},
		"no database":                  {[]string{"DATABASE_URL=postgres://user:geheim@127.0.0.1:1/name"}, []string{"migrate"}, 1, []string{"database"}},
		"no Redis": {append(settings(dbtest.SQLite(t), "redis://:geheim@127.0.0.1:1/0", mailServer(t)), "LISTEN=127.0.0.1:0"),
			[]string{"serve"}, 1, []string{"Redis"}},
		"no schema yet": {nil, []string{"token", "olga@example.org"}, 1, []string{"migrate"}},
		"no file":       {nil, []string{"import", "nothing.json"}, 2, []string{"nothing.json"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := call(t, test.settings, test.args...)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, word := range test.says {
				if !strings.Contains(stdout+stderr, word) {
					t.Errorf("it does not say %s", word)
				}
			}
			if strings.Contains(stdout+stderr, "geheim") || strings.Contains(stderr, "panic") {
				t.Error("it shows a password, or panics")
			}
			if t.Failed() {
				t.Log(stdout, stderr)
			}
		})
	}
}

func TestMigrateTwiceAndAtOnce(t *testing.T) {
	t.Parallel()
	database := []string{"DATABASE_URL=" + dbtest.Postgres(t)}
	one, other := start(t, database, "migrate"), start(t, database, "migrate")
	for _, c := range []*child{one, other, start(t, database, "migrate")} {
		if code := c.wait(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
}

func TestImportAndToken(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	good, bad := filepath.Join(folder, "good.json"), filepath.Join(folder, "bad.json")
	content := string(programmeFile())
	// The organisation that the person works for is in the third line.
	broken := strings.NewReplacer(`"organisation": "groningen", "locale"`, `"organisation": "nowhere", "locale"`, "olga@", "bad@").Replace(content)
	for name, text := range map[string]string{good: content, bad: broken} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	settings := []string{"DATABASE_URL=" + dbtest.SQLite(t)}

	code, stdout, stderr := call(t, settings, "import", bad)
	if code != 1 || stdout != "" || !strings.Contains(stderr, bad+":3: people[0].organisation: ") {
		t.Errorf("bad file: exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, stderr = call(t, settings, "token", "bad@example.org"); code != 1 || stdout != "" || !strings.Contains(stderr, "Nobody with this address is known.") {
		t.Errorf("token for somebody of the bad file: exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, stderr = call(t, settings, "import", bad, good); code != 1 || stdout != good+": imported\n" {
		t.Errorf("both files: exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, stderr = call(t, settings, "import", good); code != 0 || stdout != good+": imported\n" || stderr != "" {
		t.Errorf("good file again: exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, stderr = call(t, settings, "administrator", "olga@example.org"); code != 0 || stdout != "olga@example.org is an administrator\n" {
		t.Errorf("administrator: exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, stderr = call(t, settings, "administrator", "--dismiss", "olga@example.org"); code != 0 || stdout != "olga@example.org is no administrator\n" {
		t.Errorf("administrator, dismissed: exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, stderr = call(t, settings, "token", "Olga@Example.org"); code != 0 || !strings.HasPrefix(stdout, "vt_") || stderr != "" {
		t.Errorf("token: exit code %d, %q, %q", code, stdout, stderr)
	}
}

// The manifest that one command prints is what the API runs, and nothing else, with the mode only.
func TestTrustedDocumentsAlone(t *testing.T) {
	t.Parallel()
	code, manifest, stderr := call(t, nil, "documents", absolute(t, "../../graph/operations"))
	if code != 0 {
		t.Fatal(code, stderr)
	}
	var entries map[string]string
	if err := json.Unmarshal([]byte(manifest), &entries); err != nil || len(entries) < 8 {
		t.Fatalf("%d documents, %v", len(entries), err)
	}
	file := filepath.Join(t.TempDir(), "trusted.json")
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	here := "http://" + freeAddress(t)
	c := start(t, []string{
		"DATABASE_URL=" + dbtest.SQLite(t), "LISTEN=" + strings.TrimPrefix(here, "http://"),
		"TRUSTED_DOCUMENTS=" + file, "TRUSTED_DOCUMENTS_MODE=only",
	}, "api")
	eventually(t, "the API is ready", func() bool { return !c.running() || status(t.Context(), here+"/readyz") == http.StatusOK })
	for id, document := range entries {
		if strings.HasPrefix(document, "query Editions(") {
			if got := status(t.Context(), here+"/graphql?documentId="+url.QueryEscape(id)+"&variables=%7B%22first%22:1%7D"); got != http.StatusOK {
				t.Errorf("a trusted document gets %d", got)
			}
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, here+"/graphql?query=%7B__typename%7D", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "application/graphql-response+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != 400 || !strings.Contains(string(body), "DOCUMENT_NOT_TRUSTED") {
		t.Errorf("another document gets %d %s, %v", response.StatusCode, body, err)
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
