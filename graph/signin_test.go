package graph_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// browser is somebody at the pages, with a jar for cookies.
type browser struct {
	*house
	http.Client
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.Fatal(err)
	}
	return &browser{house: h, Client: http.Client{Jar: jar}}
}

func (b *browser) page(method, path string, form url.Values, header ...string) (int, string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, strings.TrimSuffix(b.url, "/graphql")+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := b.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// mailedLink returns the token of the sign-in link that is on its way.
func (h *house) mailedLink() string {
	h.Helper()
	_, mails, err := h.db.StartDeliveries(h.Context(), db.Urgent, db.NewID(db.KindWorker, time.Now()), 50)
	if err != nil || len(mails) != 1 || mails[0].SignInToken == "" {
		h.Fatalf("mails %+v, %v", mails, err)
	}
	return mails[0].SignInToken
}

func TestSignInByMailOnThePages(t *testing.T) {
	each(t, func(t *house) {
		b := t.browser()
		if status, page := b.page("GET", "/me", nil); status != 200 || !strings.Contains(page, `name="email"`) {
			t.Fatalf("before signing in: %d %s", status, page)
		}
		if status, page := b.page("GET", "/sign-in", nil, "Accept-Language", "de-DE,de;q=0.9"); status != 200 || !strings.Contains(page, `<html lang="de">`) {
			t.Errorf("in German: %d %s", status, page)
		}
		known, unknown := "", ""
		if status, page := b.page("POST", "/sign-in", url.Values{"email": {member}}); status == 200 {
			known = page
		}
		if status, page := b.page("POST", "/sign-in", url.Values{"email": {"nobody-here@example.org"}}); status == 200 {
			unknown = page
		}
		if known == "" || known != unknown || strings.Contains(known, member) {
			t.Errorf("known and unknown addresses are told apart:\n%s\n%s", known, unknown)
		}
		if status, page := b.page("POST", "/sign-in", url.Values{"email": {"<script>"}}); status != 422 || strings.Contains(page, "<script>") {
			t.Errorf("no address: %d %s", status, page)
		}
		token := t.mailedLink()
		for range 2 {
			if status, page := b.page("GET", "/sign-in/"+token+"?lang=nl", nil); status != 200 || !strings.Contains(page, `name="enter"`) {
				t.Fatalf("the page of the link: %d %s", status, page)
			}
		}
		if status, _ := b.page("POST", "/sign-in/"+token, nil, "Sec-Fetch-Site", "cross-site"); status != 403 {
			t.Errorf("a post from another site: %d", status)
		}
		if status, page := b.page("POST", "/sign-in/"+token, url.Values{"enter": {"yes"}}); status != 200 || !strings.Contains(page, member) {
			t.Fatalf("after the button: %d %s", status, page)
		}
		cookies := b.Jar.Cookies(must(url.Parse(t.url)))
		if len(cookies) != 1 || cookies[0].Value == "" || !strings.HasPrefix(cookies[0].Value, "vt_") {
			t.Fatalf("cookies %v", cookies)
		}
		if status, _ := b.page("POST", "/graphql", nil, "Content-Type", "application/json"); status == 200 {
			t.Error("the API took an empty form")
		}
		if data := t.ask(nobody, `{ viewer { person { id } } }`, nil); data["viewer"] != nil {
			t.Error("anonymous")
		}
		for _, bad := range []string{token, token[:10], "x"} {
			if status, _ := t.browser().page("POST", "/sign-in/"+bad, url.Values{"enter": {"yes"}}); status != 404 {
				t.Errorf("%q: %d", bad, status)
			}
		}
		if status, _ := b.page("POST", "/me/sign-out", url.Values{"where": {"here"}}, "Sec-Fetch-Site", "cross-site"); status != 403 {
			t.Errorf("signed out by another site: %d", status)
		}
		if status, page := b.page("POST", "/me/sign-out", url.Values{"where": {"everywhere"}}); status != 200 || !strings.Contains(page, `name="email"`) {
			t.Errorf("after signing out: %d %s", status, page)
		}
		if left := b.Jar.Cookies(must(url.Parse(t.url))); len(left) != 0 {
			t.Errorf("cookies left: %v", left)
		}
		for _, line := range t.log.messages() {
			if strings.Contains(line, token) || strings.Contains(line, member) {
				t.Errorf("the log tells: %s", line)
			}
		}
	})
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestSignInByTheAPI(t *testing.T) {
	each(t, func(t *house) {
		request := func(email string) any {
			began := time.Now()
			payload := at(t.ask(nobody, `mutation($e: EmailAddress!) { requestSignIn(input: { email: $e }) { validMinutes userErrors { code field } } }`, vars{"e": email}), "requestSignIn")
			if took := time.Since(began); took < 250*time.Millisecond && at(payload, "validMinutes") != nil {
				t.Errorf("answered after %s: the time tells what was found", took)
			}
			return payload
		}
		if payload := request("no address"); at(payload, "userErrors", 0, "code") != "INVALID" {
			t.Errorf("no address: %v", payload)
		}
		if payload := request("somebody-unknown@example.org"); at(payload, "validMinutes") != 15.0 {
			t.Errorf("unknown: %v", payload)
		}
		if payload := request(member); at(payload, "validMinutes") != 15.0 {
			t.Errorf("known: %v", payload)
		}
		signIn := func(token string) any {
			return at(t.ask(nobody, `mutation($t: String!) { signIn(input: { token: $t, device: "test" }) { token signIn { id device way current } person { name } userErrors { code field } } }`, vars{"t": token}), "signIn")
		}
		link := t.mailedLink()
		payload := signIn(link)
		bearer, _ := at(payload, "token").(string)
		if bearer == "" || at(payload, "signIn", "device") != "test" || at(payload, "person", "name") == nil {
			t.Fatalf("signed in: %v", payload)
		}
		if again := signIn(link); at(again, "token") != nil || at(again, "userErrors", 0, "code") != "INVALID" {
			t.Errorf("a second time: %v", again)
		}
		if wrong := signIn(bearer); at(wrong, "userErrors", 0, "code") != "INVALID" {
			t.Errorf("a bearer token as link: %v", wrong)
		}
		t.tokens.Store(member, bearer)
		if list := list(t.ask(member, `{ viewer { signIns { device current } } }`, nil), "viewer", "signIns"); len(list) != 1 || at(list, 0, "current") != true {
			t.Errorf("sign-ins %v", list)
		}
		if out := at(t.ask(member, `mutation { signOutEverywhere { signIns { id } userErrors { code } } }`, nil), "signOutEverywhere"); len(list(out, "signIns")) != 0 || len(list(out, "userErrors")) != 0 {
			t.Errorf("signed out: %v", out)
		}
		if answer := t.send(member, `{ viewer { person { id } } }`, nil); answer.Status != http.StatusUnauthorized {
			t.Errorf("after signing out: %d", answer.Status)
		}
	})
}
