package pages

import (
	"reflect"
	"strings"
	"testing"
)

func TestEveryLanguageHasEveryWord(t *testing.T) {
	t.Parallel()
	if len(languages()) != len(tongues()) {
		t.Fatalf("%d languages are listed, %d are spoken", len(languages()), len(tongues()))
	}
	english := reflect.ValueOf(*tongues()["en"])
	for _, language := range languages() {
		spoken := tongues()[language]
		if spoken == nil || spoken.Tag != language {
			t.Fatalf("%s is not spoken", language)
		}
		words := reflect.ValueOf(*spoken)
		for i := range words.NumField() {
			name := words.Type().Field(i).Name
			switch word := words.Field(i); word.Kind() {
			case reflect.String:
				if strings.TrimSpace(word.String()) == "" {
					t.Errorf("%s lacks %s", language, name)
				}
				if got, want := verbs(word.String()), verbs(english.Field(i).String()); got != want {
					t.Errorf("%s: %s takes %q, in English %q", language, name, got, want)
				}
			case reflect.Array:
				for j := range word.Len() {
					if word.Index(j).String() == "" {
						t.Errorf("%s lacks %s %d", language, name, j)
					}
				}
			case reflect.Map:
				if word.Len() != english.Field(i).Len() {
					t.Errorf("%s has %d %s, English %d", language, word.Len(), name, english.Field(i).Len())
				}
			default:
				t.Errorf("%s is a %s, which this test does not know", name, word.Kind())
			}
		}
	}
}

// The words of pages that have their own.
func TestEveryLanguageHasEveryWordOfItsPages(t *testing.T) {
	t.Parallel()
	for _, language := range languages() {
		for _, pair := range [][2]any{
			{*checkInTongues()[language], *checkInTongues()["en"]}, {*certificateTongues()[language], *certificateTongues()["en"]},
			{*delegationTongues()[language], *delegationTongues()["en"]}, {*actionTongues()[language], *actionTongues()["en"]},
			{*reportTongues()[language], *reportTongues()["en"]},
		} {
			words, english := reflect.ValueOf(pair[0]), reflect.ValueOf(pair[1])
			for i := range words.NumField() {
				name, word := words.Type().Field(i).Name, words.Field(i).String()
				if words.Field(i).Kind() == reflect.Map {
					if words.Field(i).Len() != english.Field(i).Len() {
						t.Errorf("%s has %d %s, English %d", language, words.Field(i).Len(), name, english.Field(i).Len())
					}
					continue
				}
				if strings.TrimSpace(word) == "" {
					t.Errorf("%s lacks %s", language, name)
				}
				if got, want := verbs(word), verbs(english.Field(i).String()); got != want {
					t.Errorf("%s: %s takes %q, in English %q", language, name, got, want)
				}
			}
		}
	}
}

// verbs returns what a format takes, in order: "sd" for a text and a number.
func verbs(format string) string {
	var taken strings.Builder
	for _, part := range strings.Split(format, "%")[1:] {
		taken.WriteString(strings.TrimLeft(part, "0123456789")[:1])
	}
	return taken.String()
}
