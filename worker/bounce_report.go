package worker

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
)

// report is what a mail to a return path says.
type report struct {
	failed bool   // the mail it is about was not delivered and will not be
	status string // enhanced status code (RFC 3463); "" when unknown
	detail string // one line, without addresses

	complaint bool     // somebody reported the mail as spam
	tokens    []string // of return paths and opt-out links that stand in the report
}

// readReport reads a mail that came to a return path. FromNobody says that it wants no answer, as reports do (RFC 5321 section
// 6.1). Nothing in it is trusted: it may be of any form, and much that comes to a return path is a notice of absence.
func readReport(raw []byte, fromNobody bool) report {
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return unreadable(raw, fromNobody)
	}
	var parts []part
	collect(textproto.MIMEHeader(message.Header), message.Body, 0, &parts)
	for _, p := range parts {
		switch p.kind {
		case "message/delivery-status", "message/global-delivery-status":
			if r, ok := readDeliveryStatus(p.content); ok {
				return r
			}
		case "message/feedback-report":
			return readComplaint(p.content, parts)
		}
	}
	kind, parameters, _ := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if kind == "multipart/report" && parameters["report-type"] == "delivery-status" {
		// Cut short or broken, but meant to say that the mail failed.
		r := unreadable(raw, fromNobody)
		r.failed = fromNobody
		return r
	}
	return unreadable(raw, fromNobody)
}

// part is a part of a mail that holds no other parts, decoded.
type part struct {
	kind    string
	content []byte
}

// The most that a report may nest. Real ones hold three parts, some of them inside a wrapping of their own.
const (
	maxNesting = 5
	maxParts   = 50
)

func collect(header textproto.MIMEHeader, body io.Reader, depth int, parts *[]part) {
	kind, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && parameters["boundary"] != "" && depth < maxNesting {
		reader := multipart.NewReader(body, parameters["boundary"])
		for len(*parts) < maxParts {
			p, err := reader.NextRawPart()
			if err != nil {
				return // what was read so far has to do
			}
			collect(p.Header, p, depth+1, parts)
		}
		return
	}
	switch strings.ToLower(header.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, _ := io.ReadAll(body) // as much as can be decoded
	*parts = append(*parts, part{kind, content})
}

// readDeliveryStatus reads the fields of RFC 3464 section 2: one block about the message, then one about each recipient. A mail
// has one recipient; where it was passed on to several, the first that failed counts. It reports false when there is no block
// about a recipient.
func readDeliveryStatus(content []byte) (r report, ok bool) {
	for _, fields := range blocks(content) {
		action := strings.ToLower(fields.Get("Action"))
		if action == "" {
			continue
		}
		ok = true
		if action != "failed" { // delayed, delivered, relayed, expanded
			continue
		}
		diagnosis := fields.Get("Diagnostic-Code")
		r = report{failed: true, status: bareStatus.FindString(fields.Get("Status"))}
		if r.status == "" || strings.HasSuffix(r.status, ".0.0") { // says next to nothing; the other server's own words may say more
			if _, code := spokenStatus(diagnosis); code != "" {
				r.status = code
			}
		}
		if _, words, typed := strings.Cut(diagnosis, ";"); typed {
			diagnosis = words
		}
		r.detail = redact(strings.TrimSpace(diagnosis), smtpServer{}, "")
		return r, true
	}
	return r, ok
}

// blocks parses groups of fields that are apart by empty lines.
func blocks(content []byte) (all []textproto.MIMEHeader) {
	content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	for block := range bytes.SplitSeq(content, []byte("\n\n")) {
		// Whatever stands before a line that cannot be read is used.
		fields, _ := textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(bytes.TrimLeft(block, "\n")), strings.NewReader("\n\n")))).ReadMIMEHeader()
		if len(fields) > 0 {
			all = append(all, fields)
		}
	}
	return all
}

// complaints are the types of feedback (RFC 5965 section 7.3) by which somebody wants no more of such mails.
var complaints = []string{"abuse", "fraud", "opt-out", "opt-out-list"}

// readComplaint reads a feedback report, and whom it is about: its return path, or the opt-out link of its header.
func readComplaint(content []byte, parts []part) (r report) {
	for _, fields := range blocks(content) {
		r.complaint = r.complaint || slices.Contains(complaints, strings.ToLower(fields.Get("Feedback-Type")))
	}
	for _, p := range parts {
		for _, found := range tokenInReport.FindAllSubmatch(p.content, 10) {
			r.tokens = append(r.tokens, string(found[1])+string(found[2]))
		}
	}
	return r
}

var (
	tokenInReport = regexp.MustCompile(`(?i:bounce\+([0-9a-v]{52})@)|/unsubscribe/([-_A-Za-z0-9]{48})>`)
	bareStatus    = regexp.MustCompile(`\b[45]\.\d{1,3}\.\d{1,3}\b`)
	spokenWords   = regexp.MustCompile(`\b[45]\d\d[ -]#?([45]\.[0-7]\.\d{1,3})\b|#([45]\.[0-7]\.\d{1,3})\b`)
)

// spokenStatus finds an enhanced status code where mail servers say one: behind a reply code, or behind a number sign.
func spokenStatus(text string) (words, code string) {
	found := spokenWords.FindStringSubmatch(text)
	if found == nil {
		return "", ""
	}
	return found[0], found[1] + found[2]
}

// unreadable makes the best of a mail that is no report. That it came back can only be told from the words of a mail server.
func unreadable(raw []byte, fromNobody bool) report {
	if !fromNobody {
		return report{}
	}
	words, code := spokenStatus(string(raw))
	return report{failed: code != "", status: code, detail: words}
}
