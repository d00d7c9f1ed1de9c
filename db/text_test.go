package db_test

import (
	"net/mail"
	"strings"
	"testing"
	"unicode"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                       "",
		" \t ":                   "",
		"Düsseldorf":             "dusseldorf",
		"DU\u0308SSELDORF":       "dusseldorf",
		"Straße STRASSE ẞ":       "strasse strasse ss",
		"Súdwest-Fryslân":        "sudwest-fryslan",
		"  's-Hertogenbosch\n x": "'s-hertogenbosch x",
		"Tromsø, Ærø, Łódź":      "tromso, aero, lodz",
		"ﬁn１":                    "fin1",
		"a\x00b":                 "a b",
		"\xff":                   "\ufffd",
		"日本":                     "日本",
	} {
		if got := db.Fold(text); got != want {
			t.Errorf("%q folds to %q, want %q", text, got, want)
		}
	}
}

func FuzzFold(f *testing.F) {
	f.Add("Düsseldorf  ẞ")
	f.Add("İ\x00ǅ")
	f.Fuzz(func(t *testing.T, text string) {
		folded := db.Fold(text)
		if again := db.Fold(folded); again != folded {
			t.Errorf("%q folds to %q and then to %q", text, folded, again)
		}
		if strings.ContainsFunc(folded, unicode.IsControl) {
			t.Errorf("%q folds to %q", text, folded)
		}
	})
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64)
	for text, want := range map[string]string{
		"anna@example.org":                       "anna@example.org",
		" Anna.Maria@Example.ORG ":               "anna.maria@example.org",
		"\u00a0anna@example.org\n":               "anna@example.org",
		"o'brien+vaktreffen@sub.x-y.org":         "o'brien+vaktreffen@sub.x-y.org",
		"a@1.example.org":                        "a@1.example.org",
		"jürgen@münchen.de":                      "jürgen@münchen.de",
		"a@xn--mnchen-3ya.de":                    "a@xn--mnchen-3ya.de",
		long + "@example.org":                    long + "@example.org",
		long + "a@example.org":                   "",
		"a@" + long + ".org":                     "",
		"a@" + strings.Repeat("a.", 130) + "org": "",
		"":                                       "",
		"anna":                                   "",
		"@example.org":                           "",
		"anna@":                                  "",
		"anna@localhost":                         "",
		"anna@.org":                              "",
		"anna@example.org.":                      "",
		"anna@example..org":                      "",
		"anna@-example.org":                      "",
		"anna@example-.org":                      "",
		"anna@exam_ple.org":                      "",
		"anna@exam!ple.org":                      "",
		"anna@{x}.org":                           "",
		"anna@[127.0.0.1]":                       "",
		".anna@example.org":                      "",
		"anna.@example.org":                      "",
		"an..na@example.org":                     "",
		"anna@bert@example.org":                  "",
		"anna@example.org, bert@x.org":           "",
		"anna@example.org;bert@x.org":            "",
		"Anna <anna@example.org>":                "",
		"<anna@example.org>":                     "",
		`"anna"@example.org`:                     "",
		`"an na"@example.org`:                    "",
		`"a\"b"@example.org`:                     "",
		"anna(comment)@example.org":              "",
		"anna @example.org":                      "",
		"an\u200bna@example.org":                 "", // zero-width space, as pasted from a table
		"anna@exam\u00adple.org":                 "", // soft hyphen
		"\u202eanna@example.org":                 "", // right-to-left override
		"anna\u2028@example.org":                 "", // line separator
		"anna\u00a0b@example.org":                "",
		"anna@example.org\r\nBcc: b@x.org":       "",
		"anna\r\n@example.org":                   "",
		"anna@example.org\x00":                   "",
		"anna\x7f@example.org":                   "",
		"anna@example.org\x85":                   "",
		"\xff@example.org":                       "",
		"=?utf-8?q?anna?=@example.org":           "=?utf-8?q?anna?=@example.org", // an atom by RFC 5322, and decoded by nobody here
	} {
		got, ok := db.NormalAddress(text)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, %t, want %q", text, got, ok, want)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"anna@example.org", "\"a b\"@x.org", "a@b.c\r\nBcc: x@y.z", "jürgen@münchen.de", "İ@x.org", "a@x\u3002org"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, ok := db.NormalAddress(text)
		if !ok {
			if address != "" {
				t.Errorf("%q is refused as %q", text, address)
			}
			return
		}
		if again, ok := db.NormalAddress(address); !ok || again != address {
			t.Errorf("%q became %q and then %q, %t", text, address, again, ok)
		}
		if strings.ContainsAny(address, "\r\n\t <>\"(),;:\\[]") || strings.Count(address, "@") != 1 {
			t.Errorf("%q became %q", text, address)
		}
		if _, err := mail.ParseAddress(address); err != nil {
			t.Errorf("%q: %v", address, err)
		}
		if address != strings.ToLower(address) || !strings.EqualFold(address, strings.TrimSpace(text)) && strings.ToLower(strings.TrimSpace(text)) != address {
			t.Errorf("%q became %q", text, address)
		}
	})
}
