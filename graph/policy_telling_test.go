package graph_test

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vaktreffen/vaktreffen/db"
)

// unpublished are texts of records of the scene that the public does not know of.
var unpublished = []string{
	"Not published", "Hidden", "In preparation", "As it shall be", "Off topic", "An answer", "A note", "Bring your boots along.", "Markt 1",
	"What I think came of it.",
}

// person is what of somebody may not be told to everybody.
type person struct{ id, name, address string }

// people are those in the database, now or when this was called before.
func (s *scene) people() map[string]person {
	s.Helper()
	rows, err := s.raw.QueryContext(s.Context(), "SELECT id, name, coalesce(email, '') FROM people WHERE erased_at IS NULL")
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id db.ID
		var p person
		if err := rows.Scan(&id, &p.name, &p.address); err != nil {
			s.Fatal(err)
		}
		p.id = id.String()
		s.known[p.id] = p
	}
	if err := rows.Err(); err != nil {
		s.Fatal(err)
	}
	return s.known
}

// hides fails the test when a refusal tells of anybody, or of anything that is not published.
func (s *scene) hides(what, text string) {
	s.Helper()
	text = html.UnescapeString(text)
	secrets := append([]string{}, unpublished...)
	for _, p := range s.people() {
		secrets = append(secrets, p.name, p.address)
	}
	s.tokens.Range(func(_, token any) bool { secrets = append(secrets, token.(string)); return true })
	for _, begins := range personal {
		secrets = append(secrets, s.links[begins])
	}
	for _, secret := range secrets {
		if holds(text, secret) {
			s.Errorf("%s: it is refused and tells %q:\n%.1500s", what, secret, text)
		}
	}
}

// tellsOnlyOf fails the test when a text tells somebody of a person who may not read it: a name or an address that is not in what
// was asked.
func (s *scene) tellsOnlyOf(as, what, text, asked string) {
	s.Helper()
	text = html.UnescapeString(text)
	told := map[string][]person{} // by name or address, which several may have
	for _, p := range s.people() {
		for _, secret := range []string{p.name, p.address} {
			if holds(text, secret) && !holds(asked, secret) {
				told[secret] = append(told[secret], p)
			}
		}
	}
	for secret, of := range told {
		if !slices.ContainsFunc(of, func(p person) bool {
			node := at(s.ask(as, `query($id: ID!) { node(id: $id) { ... on Person { name email } } }`, vars{"id": p.id}), "node")
			return at(node, "name") == secret || at(node, "email") == secret
		}) {
			s.Errorf("%s: %q reads %q:\n%.1500s", what, as, secret, text)
		}
	}
}

// longToken is what the tokens of sign-ins and of personal links look like. Ids are shorter.
var longToken = regexp.MustCompile(`[A-Za-z0-9_-]{43,}`)

// says fails the test when the message of an error tells more than its reader may know, besides what the reader wrote.
func (s *scene) says(as, what, message, asked string) {
	s.Helper()
	s.tellsOnlyOf(as, what, message, asked)
	if token := longToken.FindString(message); token != "" {
		s.Errorf("%s: the message to %q holds a token: %s", what, as, message)
	}
}

// holds reports whether a text has a secret in it that is not a part of a longer word or address.
func holds(text, secret string) bool {
	outside := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' }
	for from := 0; secret != ""; {
		at := strings.Index(text[from:], secret)
		if at < 0 {
			return false
		}
		before, _ := utf8.DecodeLastRuneInString(text[:from+at])
		after, _ := utf8.DecodeRuneInString(text[from+at+len(secret):])
		if outside(before) && before != '.' && outside(after) {
			return true
		}
		from += at + len(secret)
	}
	return false
}
