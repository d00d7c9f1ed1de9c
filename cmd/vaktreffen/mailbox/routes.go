package mailbox

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed pages/mailbox.css
var stylesheet []byte

const (
	// pagePolicy is the Content-Security-Policy of the mailbox's own pages: what it shows may be hostile.
	pagePolicy = "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	// mailSandbox is what an HTML mail may do: let a person who clicks a link follow it out of the frame. The page that
	// the link opens is not sandboxed, or its buttons would not work.
	mailSandbox = "allow-top-navigation-by-user-activation allow-popups allow-popups-to-escape-sandbox"
	// mailPolicy keeps scripts, forms and everything that would be loaded from elsewhere out of an HTML mail.
	mailPolicy = "sandbox " + mailSandbox + "; default-src 'none'; style-src 'unsafe-inline'; img-src data:; " +
		"form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)

func (mb *Mailbox) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /mailbox", mb.showList)
	mux.Handle("GET /mailbox/{$}", http.RedirectHandler("/mailbox", http.StatusMovedPermanently))
	mux.HandleFunc("GET /mailbox/{id}", mb.showMail)
	mux.HandleFunc("GET /mailbox/mailbox.css", serveStylesheet)
	mux.HandleFunc("GET /mailbox/messages", mb.listMessages)
	mux.HandleFunc("DELETE /mailbox/messages", mb.deleteMessages)
	mux.HandleFunc("GET /mailbox/messages/{file}", mb.serveMessage)
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", pagePolicy)
		guarded.ServeHTTP(w, r)
	})
}

func serveStylesheet(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(stylesheet))
}

// summary is a mail in the machine-readable list.
type summary struct {
	ID        string    `json:"id"`
	To        string    `json:"to"`   // the recipient the mail server was given, not the header field
	From      string    `json:"from"` // the header field
	Subject   string    `json:"subject"`
	Kind      string    `json:"kind"` // X-Vaktreffen-Kind
	MessageID string    `json:"messageId"`
	Date      time.Time `json:"date"` // when it was caught
	Size      int       `json:"size"` // bytes
}

func (m *mail) summary() summary {
	return summary{
		ID: strconv.Itoa(m.id), To: m.to, From: m.from, Subject: m.subject, Kind: m.kind,
		MessageID: m.messageID, Date: m.received, Size: len(m.raw),
	}
}

// listMessages answers with the mails as JSON, newest first. ?to= and ?kind= choose by recipient and kind, ?limit= says
// how many at most.
func (mb *Mailbox) listMessages(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	to, kind := query.Get("to"), query.Get("kind")
	limit := mb.limit
	if asked := query.Get("limit"); asked != "" {
		var err error
		if limit, err = strconv.Atoi(asked); err != nil || limit < 0 {
			http.Error(w, "The limit must be a whole number of mails, such as ?limit=20.", http.StatusBadRequest)
			return
		}
	}
	mails, _ := mb.list(func(m *mail) bool {
		return (to == "" || strings.EqualFold(m.to, to)) && (kind == "" || strings.EqualFold(m.kind, kind))
	})
	mails = mails[:min(limit, len(mails))]
	summaries := make([]summary, len(mails))
	for i, m := range mails {
		summaries[i] = m.summary()
	}
	writeJSON(w, summaries)
}

func (mb *Mailbox) deleteMessages(w http.ResponseWriter, _ *http.Request) {
	mb.empty()
	w.WriteHeader(http.StatusNoContent)
}

// serveMessage answers /mailbox/messages/{id}.eml with the mail as it came, .json with its parts, and .html with its HTML
// part, for the frame on its page.
func (mb *Mailbox) serveMessage(w http.ResponseWriter, r *http.Request) {
	id, form, _ := strings.Cut(r.PathValue("file"), ".")
	m := mb.find(id)
	if m == nil {
		http.Error(w, "There is no such mail. It may have made room for newer ones.", http.StatusNotFound)
		return
	}
	switch form {
	case "eml":
		w.Header().Set("Content-Type", "message/rfc822")
		w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="mail-%d.eml"`, m.id))
		w.Write(m.raw)
	case "json":
		writeJSON(w, struct {
			summary
			letter
		}{m.summary(), m.open()})
	case "html":
		body := m.open().HTML
		if body == "" {
			http.Error(w, "This mail has no HTML part.", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", mailPolicy)
		// The first base element wins over any in the mail: links open in the whole window.
		fmt.Fprintf(w, "<!DOCTYPE html>\n<meta charset=\"utf-8\"><base target=\"_top\">\n%s", body)
	default:
		http.Error(w, "A mail can be had as .eml, .json or .html.", http.StatusNotFound)
	}
}

// find returns nil for an id that there is not, or no longer.
func (mb *Mailbox) find(id string) *mail {
	number, err := strconv.Atoi(id)
	if err != nil {
		return nil
	}
	return mb.mail(number)
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.Encode(value) // fails only when the client has gone
}
