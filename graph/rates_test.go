package graph_test

import (
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/vaktreffen/vaktreffen/graph"
)

// limited serves the house again, with counts.
func (h *house) limited(proxyHeader string) *house {
	h.Helper()
	server := miniredis.RunT(h.T)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	h.Cleanup(func() { _ = client.Close() })
	handler, err := graph.Handler(graph.Config{DB: h.db, Log: slog.New(h.log), Redis: client, ProxyHeader: proxyHeader, Points: 50_000})
	if err != nil {
		h.Fatal(err)
	}
	served := httptest.NewServer(handler)
	h.Cleanup(served.Close)
	again := *h
	again.url = served.URL + "/graphql"
	return &again
}

func TestWhatIsDoneTooOftenIsRefused(t *testing.T) {
	each(t, func(t *house) {
		t = t.limited("")
		ask := func(email string) answer {
			return t.send(nobody, `mutation($e: EmailAddress!) { requestSignIn(input: { email: $e }) { validMinutes } }`, vars{"e": email})
		}
		for _, address := range []string{member, "unknown@example.org"} { // nobody learns from the limit who is known
			for i := range 5 {
				if a := ask(address); len(a.Errors) > 0 {
					t.Fatalf("%s %d: %s", address, i, a.body)
				}
			}
			a := ask(strings.ToUpper(address))
			if len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "RATE_LIMIT" || a.Errors[0].Extensions["retryAfter"].(float64) < 60 || !strings.Contains(a.Errors[0].Message, "Try again in") {
				t.Errorf("%s the sixth time: %s", address, a.body)
			}
		}
		if n := len(t.ids("SELECT id FROM deliveries WHERE kind = 'sign_in'")); n != 5 {
			t.Errorf("%d mails", n)
		}
		if status, page := t.browser().page("POST", "/sign-in", url.Values{"email": {member}}); status != 429 || strings.Contains(page, `name="email"`) {
			t.Errorf("the page: %d %s", status, page)
		}
		for i := range 60 {
			status, _ := t.browser().page("POST", "/sign-in/guess", nil, "X-Forwarded-For", strings.Repeat("9", i%3+1))
			if i < 50 && status != 404 {
				t.Fatalf("guess %d: %d", i, status)
			}
		}
		if status, _ := t.browser().page("POST", "/sign-in/guess", nil, "X-Forwarded-For", "203.0.113.7"); status != 429 {
			t.Errorf("guessed often: %d", status)
		}
		behind := t.limited("X-Forwarded-For")
		for i := range 61 {
			if status, _ := behind.browser().page("POST", "/sign-in/guess", nil, "X-Forwarded-For", "198.51.100.1, 203.0.113.8"); (status == 429) != (i == 60) {
				t.Errorf("behind a proxy, guess %d: %d", i, status)
			}
		}
		if status, _ := behind.browser().page("POST", "/sign-in/guess", nil, "X-Forwarded-For", "203.0.113.8, 203.0.113.9"); status != 404 {
			t.Errorf("another client of the proxy: %d", status)
		}
	})
}

func TestPointsAreSpent(t *testing.T) {
	each(t, func(t *house) {
		t = t.limited("")
		expensive := `{ editions(first: 30) { nodes { days { sessions { title children { title } } } } } }`
		limited := false
		for range 100 {
			a := t.send(nobody, expensive, nil)
			if len(a.Errors) == 0 {
				continue
			}
			if a.Errors[0].Extensions["code"] == "COST_LIMIT" {
				t.Fatalf("too expensive for one: %s", a.body)
			}
			if a.Errors[0].Extensions["code"] != "RATE_LIMIT" || a.Errors[0].Extensions["retryAfter"].(float64) < 1 || a.Data != nil {
				t.Fatalf("%s", a.body)
			}
			limited = true
			break
		}
		if !limited {
			t.Error("a hundred expensive operations were answered")
		}
		if a := t.send(member, `{ viewer { person { id } } }`, nil); len(a.Errors) > 0 {
			t.Errorf("somebody who is signed in: %s", a.body)
		}
	})
}

// A link that is guessed, or a form that a program sends again and again, is put off; the page says so to every reader.
func TestFormsOfPersonalLinksArePutOff(t *testing.T) {
	h := onSQLite(t).limited("")
	for i := range 60 {
		if status, _ := h.browser().page("POST", "/i/guess", url.Values{"answer": {"accept"}}); status != 404 {
			t.Fatalf("form %d: %d", i, status)
		}
	}
	status, page := h.browser().page("POST", "/i/guess", url.Values{"answer": {"accept"}})
	if status != 429 || !strings.Contains(page, "Even geduld") || !strings.Contains(page, "One moment, please") {
		t.Errorf("the form after sixty: %d %s", status, page)
	}
	if status, _ := h.browser().page("GET", "/i/guess", nil); status != 404 {
		t.Errorf("looking is answered %d", status)
	}
	if status, _ := h.browser().page("POST", "/i/another", url.Values{"answer": {"accept"}}); status != 404 {
		t.Errorf("another link is answered %d", status)
	}
}
