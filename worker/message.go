package worker

import (
	"bytes"
	"errors"
	"fmt"
	netmail "net/mail"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/wneessen/go-mail"
	"golang.org/x/net/idna"

	"github.com/vaktreffen/vaktreffen/db/calendar"
)

// Message is one mail to one person, complete: sending it twice sends the same Message-ID and Date.
type Message struct {
	Kind      string // of mail, such as "invitation": small letters and underscores; goes into X-Vaktreffen-Kind
	MessageID string // without angle brackets: "id@domain"
	Date      time.Time

	From, FromName string // address and name
	To, ToName     string
	ReplyTo        string // address; empty: answers go to From
	ReturnPath     string // address that reports of failure go to; empty: From

	Subject string
	Text    string
	HTML    string
	Locale  string // of the words: nl, de or en

	Calendar        *CalendarPart  // nil: none. Goes along as an alternative and as the attachment invite.ics
	Others          []CalendarPart // further entries, as attachments: one calendar holds one entry that asks for something (RFC 5546)
	Meeting         []byte         // a calendar that asks for nothing, as the attachment meeting.ics; nil: none
	Attachments     []Attachment
	Bulk            bool   // one of many alike, such as an invitation; a confirmation is not
	Campaign        string // what the mails of a bulk have in common, in Feedback-ID; empty: nothing
	ListUnsubscribe string // https address for one-click unsubscribing (RFC 8058), or empty

	draft *draft    // that it was made of, in place of Text and HTML; nil: none
	own   ownValues // what was filled into it
}

// words returns the text and the page of a message, also of one that was made of a draft.
func (m *Message) words() (text, html string) {
	if m.draft == nil {
		return m.Text, m.HTML
	}
	return m.draft.text.string(&m.own.plain), m.draft.html.string(&m.own.escaped)
}

// Attachment is a file that goes along.
type Attachment struct {
	Name, Type string // of the file, such as "certificate.pdf", and of its content, such as "application/pdf"
	Content    []byte
}

// CalendarPart is a calendar entry and what it asks of the reader's mail program.
type CalendarPart struct {
	Method calendar.Method
	Entry  *calendar.Entry
}

// sealed is a Message as it goes over the wire.
type sealed struct {
	from, to string // of the envelope, in angle brackets
	utf8     bool   // an address needs SMTPUTF8 (RFC 6531)
	body     []byte
}

// recipient is the address that the message goes to.
func (s *sealed) recipient() string { return strings.Trim(s.to, "<>") }

const (
	maxSubject = 250 // characters; no mail client shows more
	maxName    = 100
)

// Bytes returns the message in Internet Message Format (RFC 5322), as the server gets it. Its errors name no address.
func (m *Message) Bytes() ([]byte, error) {
	s, err := m.seal()
	if err != nil {
		return nil, err
	}
	return s.body, nil
}

// seal writes the message to memory, so that nothing can fail any more while the server takes it.
func (m *Message) seal() (*sealed, error) {
	from, err := parseAddress(m.From, m.FromName)
	if err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	to, err := parseAddress(m.To, m.ToName)
	if err != nil {
		return nil, fmt.Errorf("recipient: %w", err)
	}
	if m.Date.IsZero() || m.MessageID == "" || strings.ContainsFunc(m.MessageID, notPlain) {
		return nil, errors.New("a message needs a date and a message id of printable ASCII")
	}
	if m.Kind == "" || strings.Trim(m.Kind, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return nil, errors.New("the kind of a message is written in small letters and underscores")
	}
	if strings.ContainsFunc(m.Campaign, notPlain) || strings.Contains(m.Campaign, ":") {
		return nil, errors.New("the campaign of a message is named by printable ASCII without a colon")
	}
	if m.Locale == "" || strings.ContainsFunc(m.Locale, notPlain) {
		return nil, errors.New("a message needs the language tag of its words")
	}

	returnPath := from
	if m.ReturnPath != "" {
		if returnPath, err = parseAddress(m.ReturnPath, ""); err != nil {
			return nil, fmt.Errorf("return path: %w", err)
		}
	}

	sealed := &sealed{
		from: "<" + returnPath.Address + ">",
		to:   "<" + to.Address + ">",
		utf8: strings.ContainsFunc(returnPath.Address+from.Address+to.Address, func(r rune) bool { return r > unicode.MaxASCII }),
	}
	if m.ListUnsubscribe != "" {
		if u, err := url.Parse(m.ListUnsubscribe); err != nil || strings.ContainsFunc(u.String(), notPlain) {
			return nil, errors.New("the unsubscribe address is not a web address")
		}
	}
	if m.draft != nil { // what many mails share is encoded once
		if m.draft.form == nil {
			if m.draft.form, err = newForm(m); err != nil {
				return nil, err
			}
		}
		sealed.body = m.draft.form.write(m, to)
		return sealed, nil
	}

	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	msg.FromMailAddress(from)
	msg.ToMailAddress(to)
	if m.ReplyTo != "" {
		replyTo, err := parseAddress(m.ReplyTo, "")
		if err != nil {
			return nil, fmt.Errorf("reply-to: %w", err)
		}
		msg.ReplyToMailAddress(replyTo)
	}
	msg.SetMessageIDWithValue(m.MessageID)
	msg.SetDateWithValue(m.Date)
	msg.Subject(headerText(m.Subject, maxSubject))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	// Not "All", which would suppress delivery reports too.
	msg.SetGenHeader(mail.HeaderXAutoResponseSuppress, "OOF, AutoReply")
	msg.SetGenHeader(mail.HeaderContentLang, m.Locale)
	msg.SetGenHeader("X-Vaktreffen-Kind", m.Kind)
	// By which mailbox providers tell us how mails of a kind fare: three fields of ours at most, and then whose they are.
	msg.SetGenHeader("Feedback-ID", strings.TrimPrefix(m.Campaign+":", ":")+m.Kind+":"+m.Locale+":vaktreffen")
	if m.Bulk {
		msg.SetGenHeader(mail.HeaderPrecedence, "bulk")
	}
	if m.ListUnsubscribe != "" {
		if err := msg.SetListUnsubscribeOneClick(m.ListUnsubscribe); err != nil {
			return nil, errors.New("the unsubscribe address is not an https address")
		}
	}

	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	if m.Calendar != nil {
		entry, err := m.Calendar.Entry.ForMail(m.Calendar.Method)
		if err != nil {
			return nil, err
		}
		// RFC 6047 section 2.4: the parameter method repeats the METHOD inside. Base64 leaves the folded lines alone.
		msg.AddAlternativeString(mail.ContentType("text/calendar; method="+string(m.Calendar.Method)), string(entry),
			mail.WithPartEncoding(mail.EncodingB64))
		// Not text/calendar once more, which some clients would take for a second invitation.
		msg.AttachReadSeeker("invite.ics", bytes.NewReader(entry), mail.WithFileContentType("application/ics"))
	}
	for i, other := range m.Others {
		entry, err := other.Entry.ForMail(other.Method)
		if err != nil {
			return nil, err
		}
		msg.AttachReadSeeker(fmt.Sprintf("entry-%d.ics", i+1), bytes.NewReader(entry), mail.WithFileContentType("application/ics"))
	}

	if m.Meeting != nil {
		// An attachment only: as an alternative, some programs would show it in place of the letter.
		msg.AttachReadSeeker("meeting.ics", bytes.NewReader(m.Meeting), mail.WithFileContentType("application/ics"))
	}

	for _, file := range m.Attachments {
		msg.AttachReadSeeker(file.Name, bytes.NewReader(file.Content), mail.WithFileContentType(mail.ContentType(file.Type)))
	}

	var body bytes.Buffer
	body.Grow(2048 + len(m.Text) + len(m.HTML)*5/4 + len(m.Meeting)*3/2)
	if _, err := msg.WriteTo(&body); err != nil {
		return nil, fmt.Errorf("writing the message: %w", err)
	}
	sealed.body = body.Bytes()
	return sealed, nil
}

// parseAddress reads a bare address and puts its domain into ASCII (RFC 5891). Its errors do not repeat the address.
func parseAddress(address, name string) (*netmail.Address, error) {
	if ordinary(address) {
		return &netmail.Address{Name: headerText(name, maxName), Address: address}, nil
	}
	parsed, err := netmail.ParseAddress(address)
	if err != nil || parsed.Name != "" || parsed.Address != address || strings.ContainsFunc(address, unicode.IsControl) {
		return nil, errors.New("not a mail address")
	}
	at := strings.LastIndexByte(address, '@')
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil {
		return nil, errors.New("not a mail address: its domain cannot exist")
	}
	return &netmail.Address{Name: headerText(name, maxName), Address: address[:at+1] + domain}, nil
}

// ordinary reports whether an address is as nearly all are: words of letters, digits and a few signs, parted by dots, at a domain in
// small letters that needs no other spelling. To read such a one costs more than to write the rest of a mail.
func ordinary(address string) bool {
	const letters, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
	local, domain, found := strings.Cut(address, "@")
	if !found || len(address) > 254 || strings.Contains(domain, "--") {
		return false
	}
	for word := range strings.SplitSeq(local, ".") {
		if word == "" || strings.Trim(word, letters+"ABCDEFGHIJKLMNOPQRSTUVWXYZ"+digits+"+-_") != "" {
			return false
		}
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, letters+digits+"-") != "" {
			return false
		}
	}
	return true
}

func notPlain(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }

// headerText makes a header's value of any text. What looks like an encoded word (RFC 2047) would reach the reader
// decoded, so it is taken apart.
func headerText(s string, limit int) string {
	return strings.ReplaceAll(oneLine(s, limit), "=?", "= ?")
}

// oneLine makes one line of any text: line breaks and other control characters become spaces, invisible
// formatting such as a change of writing direction goes, and what is longer than limit characters is cut.
func oneLine(s string, limit int) string {
	if len(s) <= limit && s == strings.TrimSpace(s) && !strings.Contains(s, "  ") &&
		!strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > limit {
		s = strings.TrimSpace(string(runes[:limit-1])) + "…"
	}
	return s
}
