// Package pages writes the few pages that a mail's link opens: HTML without scripts, in the reader's language.
package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"

	"github.com/vaktreffen/vaktreffen/db"
)

//go:embed *.html
var files embed.FS

//go:embed pages.css
var stylesheet string

// The stylesheet is part of every page: a page is one request, and its policy can name the one style by its hash.
var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"stylesheet": func() template.CSS { return template.CSS(stylesheet) },
}).ParseFS(files, "*.html"))

// Policy returns the Content-Security-Policy that every page has to be served with: its own style and form, nothing else.
func Policy() string {
	sum := sha256.Sum256([]byte(stylesheet))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// Language returns the language of a tag; ok is false when no page is written in it.
func Language(tag string) (_ db.Locale, ok bool) {
	language := db.Locale(tag)
	_, ok = tongues()[language]
	return language, ok
}

// Unknown returns the page for a link that stands for nothing. Nothing is known of the reader, so it speaks every language.
func Unknown() []byte { return inAllLanguages("unknown", "") }

// Example returns the page that the links of a test of an invitation lead to. It speaks every language.
func Example() []byte { return inAllLanguages("example", "") }

// Busy returns the page for a form that was sent too often. It speaks every language.
func Busy() []byte { return inAllLanguages("busy", "") }

// Failure returns the page for an error that the log knows by the reference.
func Failure(reference string) []byte { return inAllLanguages("failure", reference) }

func inAllLanguages(name, reference string) []byte {
	page := struct {
		head
		Tongues   []*tongue
		Reference string
	}{head: head{Language: db.English, Title: "Vaktreffen"}, Reference: reference}
	for _, language := range languages() {
		page.Tongues = append(page.Tongues, tongues()[language])
	}
	text, err := execute(name, page)
	if err != nil {
		panic(err) // what these pages show never varies, so the tests would have met it
	}
	return text
}

// head is what the frame around every page needs.
type head struct {
	Language db.Locale
	Title    string
	Links    []languageLink // none on pages in all languages
	LinksFor string         // what the links are
}

type languageLink struct {
	Language db.Locale
	Name     string
	Current  bool
}

// languageLinks are the links to the same page in each language.
func languageLinks(current db.Locale) []languageLink {
	var links []languageLink
	for _, language := range languages() {
		links = append(links, languageLink{Language: language, Name: tongues()[language].Name, Current: language == current})
	}
	return links
}

func execute(name string, page any) ([]byte, error) {
	var text bytes.Buffer
	if err := templates.ExecuteTemplate(&text, name+".html", page); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}
