package mailbox

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// pageSize is how many mails a list page shows.
const pageSize = 100

//go:embed pages/*.html
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"clock": func(t time.Time) string { return t.Format("2 Jan 2006, 15:04:05") },
	"iso":   func(t time.Time) string { return t.Format(time.RFC3339) },
	"size":  readableSize,
	"count": readableCount,
}).ParseFS(pageFiles, "pages/*.html"))

// listPage is what pages/list.html shows.
type listPage struct {
	Search   string
	Mails    []summary
	First    int // the place of the first mail shown among those found, from 1
	Last     int
	Found    int
	Dropped  int
	Newest   string // link to the first page, "" on it
	Older    string // link to the next page, "" on the last
	Unsought bool   // nothing was searched for
}

// showList shows the mails, newest first. ?q= searches, ?before= is the id that the page starts below.
func (mb *Mailbox) showList(w http.ResponseWriter, r *http.Request) {
	search := strings.TrimSpace(r.URL.Query().Get("q"))
	words := strings.Fields(strings.ToLower(search))
	mails, dropped := mb.list(func(m *mail) bool { return m.mentions(words) })
	page := listPage{Search: search, Found: len(mails), Dropped: dropped, Unsought: search == ""}

	// By id and not by number, or a mail that arrives meanwhile would show one twice.
	before, paged := 0, false
	if asked := r.URL.Query().Get("before"); asked != "" {
		var err error
		if before, err = strconv.Atoi(asked); err != nil {
			mb.showProblem(w, http.StatusBadRequest, "This link to a page of the mailbox is damaged. Go back to the newest mails.")
			return
		}
		paged = true
	}
	start := 0
	for paged && start < len(mails) && mails[start].id >= before {
		start++
	}
	end := min(start+pageSize, len(mails))
	for _, m := range mails[start:end] {
		page.Mails = append(page.Mails, m.summary())
	}
	page.First, page.Last = start+1, end
	if start > 0 {
		page.Newest = listLink(search, "")
	}
	if end < len(mails) {
		page.Older = listLink(search, strconv.Itoa(mails[end-1].id))
	}
	writePage(w, http.StatusOK, "list.html", page)
}

func listLink(search, before string) string {
	query := url.Values{}
	if search != "" {
		query.Set("q", search)
	}
	if before != "" {
		query.Set("before", before)
	}
	return (&url.URL{Path: "/mailbox", RawQuery: query.Encode()}).String()
}

// mailPage is what pages/mail.html shows.
type mailPage struct {
	summary
	letter
	View    string // the tab: html, text, calendar or source
	Tabs    []tab
	Events  []event
	Source  string
	Sandbox string
}

type tab struct{ View, Name string }

// showMail shows one mail. ?view= chooses between its HTML, text and calendar parts and its source.
func (mb *Mailbox) showMail(w http.ResponseWriter, r *http.Request) {
	m := mb.find(r.PathValue("id"))
	if m == nil {
		mb.showProblem(w, http.StatusNotFound, "There is no such mail. It may have made room for newer ones.")
		return
	}
	page := mailPage{summary: m.summary(), letter: m.open(), Sandbox: mailSandbox}
	if page.HTML != "" {
		page.Tabs = append(page.Tabs, tab{"html", "HTML"})
	}
	if page.Text != "" {
		page.Tabs = append(page.Tabs, tab{"text", "Text"})
	}
	if len(page.Calendar) > 0 {
		page.Tabs = append(page.Tabs, tab{"calendar", "Calendar"})
	}
	page.Tabs = append(page.Tabs, tab{"source", "Source"})

	page.View = page.Tabs[0].View
	for _, tab := range page.Tabs {
		if tab.View == r.URL.Query().Get("view") {
			page.View = tab.View
		}
	}
	switch page.View {
	case "calendar":
		for _, part := range page.Calendar {
			events, err := readCalendar(part)
			if err != nil {
				page.Problems = append(page.Problems, "A calendar part cannot be read: "+err.Error()+".")
			}
			page.Events = append(page.Events, events...)
		}
	case "source":
		page.Source = string(m.raw)
	}
	writePage(w, http.StatusOK, "mail.html", page)
}

func (mb *Mailbox) showProblem(w http.ResponseWriter, status int, sentence string) {
	writePage(w, status, "problem.html", sentence)
}

func writePage(w http.ResponseWriter, status int, name string, page any) {
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, page); err != nil {
		panic(err) // the templates are ours, so this is a bug; net/http logs it
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(bytes.ToValidUTF8(body.Bytes(), []byte("\uFFFD"))) // mails may hold any bytes
}

// readableSize writes a number of bytes as people do.
func readableSize(bytes int) string {
	switch {
	case bytes < 1000:
		return fmt.Sprintf("%d bytes", bytes)
	case bytes < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1000_000)
}

// readableCount writes "No mails", "1 mail" or "1,234 mails".
func readableCount(n int) string {
	switch {
	case n == 0:
		return "No mails"
	case n == 1:
		return "1 mail"
	case n < 1000:
		return fmt.Sprintf("%d mails", n)
	}
	return fmt.Sprintf("%d,%03d mails", n/1000, n%1000)
}
