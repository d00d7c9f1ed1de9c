package mailbox_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// invitation is a mail with every kind of part.
func invitation(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/invitation.eml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n", "\r\n")
}

func TestListPage(t *testing.T) {
	t.Parallel()
	b := start(t, 500)
	contains(t, "empty page", b.page(t, "/mailbox"), "No mail has been sent yet", `<html lang="en">`)
	for i := range 205 {
		b.send(t, plain(fmt.Sprintf("mail number %d.", i), "INVITATION"), fmt.Sprintf("person%d@example.org", i))
	}
	first := b.page(t, "/mailbox")
	contains(t, "first page", first, "205 mails, showing 1 to 100", "mail number 204.", "mail number 105.", "person204@example.org", "INVITATION",
		`href="/mailbox?before=106"`)
	lacks(t, "first page", first, "mail number 104.", "Newest mails")
	second := b.page(t, "/mailbox?before=106")
	contains(t, "second page", second, "showing 101 to 200", "mail number 104.", "mail number 5.", "Newest mails", "Older mails")
	lacks(t, "second page", second, "mail number 105.", "mail number 4.")
	last := b.page(t, "/mailbox?before=6")
	contains(t, "last page", last, "showing 201 to 205", "mail number 0.")
	lacks(t, "last page", last, "Older mails")

	found := b.page(t, "/mailbox?q=PERSON20+number")
	contains(t, "search", found, "6 mails found", `value="PERSON20 number"`, "mail number 20.", "mail number 200.")
	lacks(t, "search", found, "mail number 19.")
	contains(t, "paged search", b.page(t, "/mailbox?q=invitation"), "205 mails found", `href="/mailbox?before=106&amp;q=invitation"`)
	contains(t, "vain search", b.page(t, "/mailbox?q=nowhere"), "No mails found", "No mail mentions")
	if status, _, _ := b.get(t, "/mailbox?before=x"); status != http.StatusBadRequest {
		t.Errorf("a damaged link gives %d, want 400", status)
	}
}

func TestMailPage(t *testing.T) {
	t.Parallel()
	b := start(t, 10)
	b.send(t, invitation(t), "anna@example.org")

	page := b.page(t, "/mailbox/1")
	contains(t, "page", page, "Einladung: Vaktreffen in Lübeck", "anna@example.org", "programme.pdf", "application/pdf",
		`<iframe class="paper" src="/mailbox/messages/1.html" sandbox="allow-top-navigation-by-user-activation`,
		`href="/mailbox/1?view=html" aria-current="page"`, `href="/mailbox/1?view=calendar"`, "/mailbox/messages/1.eml")
	lacks(t, "page", page, "allow-scripts", "allow-same-origin")

	text := b.page(t, "/mailbox/1?view=text")
	contains(t, "text", text, "Moin Anna,", "Grüße", `view=text" aria-current="page"`)
	lacks(t, "text", text, "<iframe")

	contains(t, "calendar", b.page(t, "/mailbox/1?view=calendar"), "Thursday 12 November 2026, 09:30 (Europe/Berlin)",
		"Thursday 12 November 2026, 16:00 UTC", "Rathaus, Breite Straße 62", "Nora Nord &lt;nora@example.org&gt;", "REQUEST", "BEGIN:VCALENDAR")
	contains(t, "source", b.page(t, "/mailbox/1?view=source"), "Content-Type: multipart/mixed", "Subject: =?utf-8?q?")

	got := b.message(t, "1")
	if got.To != "anna@example.org" || got.Kind != "INVITATION" || !strings.Contains(got.Text, "Grüße") ||
		!strings.Contains(got.HTML, "<p>Moin Anna,</p>") || len(got.Problems) != 0 {
		t.Errorf("got %+v", got)
	}
	if len(got.Calendar) != 1 || !strings.Contains(got.Calendar[0], "SUMMARY:Vaktreffen") {
		t.Errorf("calendar parts %q", got.Calendar)
	}
	if len(got.Attachments) != 1 || got.Attachments[0].Name != "programme.pdf" || got.Attachments[0].Size != 9 {
		t.Errorf("attachments %+v", got.Attachments)
	}
}

func TestHTMLPartIsConfined(t *testing.T) {
	t.Parallel()
	b := start(t, 10)
	b.send(t, invitation(t), "anna@example.org")
	_, header, body := b.get(t, "/mailbox/messages/1.html")
	policy := header.Get("Content-Security-Policy")
	contains(t, "policy", policy, "sandbox allow-top-navigation-by-user-activation", "default-src 'none'", "form-action 'none'", "frame-ancestors 'self'")
	lacks(t, "policy", policy, "allow-scripts", "allow-same-origin", "http", "script-src", "*")
	if !strings.HasPrefix(body, "<!DOCTYPE html>\n<meta charset=\"utf-8\"><base target=\"_top\">\n") {
		t.Errorf("the frame's first base element is not ours: %.100q", body)
	}
	contains(t, "frame", body, `href="https://vaktreffen.example/answer/abc"`)
	_, header, _ = b.get(t, "/mailbox/1")
	contains(t, "the page's policy", header.Get("Content-Security-Policy"), "default-src 'none'", "frame-ancestors 'none'")
}

func TestHostileMail(t *testing.T) {
	t.Parallel()
	const script = `<script>alert(1)</script>`
	b := start(t, 10)
	b.send(t, "From: "+script+"\r\nSubject: "+script+"\r\nX-Vaktreffen-Kind: "+script+"\r\nMessage-ID: "+script+
		"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"+
		"--b\r\nContent-Type: text/plain\r\n\r\n"+script+"\r\n"+
		"--b\r\nContent-Type: text/html\r\n\r\n"+script+"\r\n"+
		"--b\r\nContent-Type: application/x-evil\r\nContent-Disposition: attachment; filename=\""+script+"\"\r\n\r\nx\r\n"+
		"--b\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:"+script+
		"\r\nURL:javascript:alert(1)\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n--b--\r\n", "anna@example.org")
	b.send(t, "Subject: =?utf-8?q?=3Cscript=3Ealert(1)=3C/script=3E=00=0D=0AX:y?=\r\n\r\nHello\r\n", "anna@example.org")
	for _, path := range []string{"/mailbox", "/mailbox?q=%3Cscript%3E", "/mailbox/1", "/mailbox/1?view=html", "/mailbox/1?view=text",
		"/mailbox/1?view=calendar", "/mailbox/1?view=source", "/mailbox/2", "/mailbox/1?view=%22%3E%3Cscript%3E"} {
		page := b.page(t, path)
		lacks(t, path, page, "<script", `href="javascript:`)
		contains(t, path, page, "&lt;script&gt;")
	}
	status, header, _ := b.get(t, "/mailbox/messages/1.json")
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "application/json") || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("json: status %d, headers %v", status, header)
	}
}

func TestBrokenMailIsStillShown(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"no header":          "just words\r\n",
		"empty":              "\r\n",
		"missing boundary":   "Subject: broken\r\nContent-Type: multipart/mixed\r\n\r\nx\r\n",
		"endless boundary":   "Subject: broken\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n",
		"bad encoding":       "Subject: =?utf-7?q?x?=\r\nContent-Transfer-Encoding: base64\r\n\r\n$$$$\r\n",
		"bytes that are not": "Subject: \xff\xfe\r\n\r\n\xff\xfe\r\n",
		"deep nesting":       nested(50),
		"too many parts":     "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\n", 100_000),
		"calendar":           "Content-Type: text/calendar\r\n\r\nBEGIN:NONSENSE\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t, 10)
			b.send(t, raw, "anna@example.org")
			contains(t, "list", b.page(t, "/mailbox"), "anna@example.org", `href="/mailbox/1"`)
			contains(t, "mail", b.page(t, "/mailbox/1"), "anna@example.org", "Source")
			for _, path := range []string{"/mailbox", "/mailbox/1?view=text", "/mailbox/1?view=calendar", "/mailbox/1?view=source"} {
				if page := b.page(t, path); !utf8.ValidString(page) {
					t.Errorf("%s is not UTF-8: %q", path, page)
				}
			}
			if got := b.message(t, "1"); got.To != "anna@example.org" {
				t.Errorf("json: %+v", got)
			}
		})
	}
}

func TestPartsOfAMail(t *testing.T) {
	t.Parallel()
	b := start(t, 10)
	b.send(t, "Content-Type: text/html\r\n\r\n<p>Only HTML</p>\r\n", "anna@example.org")
	if got := b.message(t, "1"); got.Text != "" || !strings.Contains(got.HTML, "Only HTML") {
		t.Errorf("got %+v, want no text that was not sent", got)
	}
	lacks(t, "tabs", b.page(t, "/mailbox/1"), "view=text", "view=calendar")

	b.send(t, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nStill here\r\n"+
		"--b\r\nContent-Type: multipart/mixed\r\n\r\nno boundary\r\n--b--\r\n", "anna@example.org")
	if got := b.message(t, "2"); !strings.Contains(got.Text, "Still here") {
		t.Errorf("got %+v, want the part that can be read", got)
	}

	b.send(t, "Content-Type: text/plain; charset=utf-8\r\n\r\n"+strings.Repeat("Die Stadt laedt ein ", 20)+"Lübeck\r\n", "anna@example.org")
	contains(t, "text with one umlaut", b.message(t, "3").Text, "Lübeck")

	b.send(t, "Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261112\r\n"+
		"DTEND;VALUE=DATE:20261114\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "anna@example.org")
	calendar := b.page(t, "/mailbox/4?view=calendar")
	contains(t, "whole days", calendar, ">Thursday 12 November 2026<", ">Friday 13 November 2026<")
}

// nested is a mail of that many multiparts, each the only part of the one before.
func nested(depth int) string {
	var mail strings.Builder
	for i := range depth {
		fmt.Fprintf(&mail, "Content-Type: Multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	return mail.String()
}
