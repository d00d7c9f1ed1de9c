package main

import (
	"os"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

func TestScaleFiles(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("programmes/vaktreffen.json")
	if err != nil {
		t.Fatal(err)
	}
	demonstration, problems := programme.Parse(data)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	type key struct {
		kind programme.Kind
		key  string
	}
	known := map[key]bool{}
	for _, p := range demonstration.People {
		known[key{programme.PersonKind, p.Key}] = true
	}
	got, years, files := map[string]int{}, map[int]int{}, 0
	for file := range scaleFiles(60) {
		files++
		for _, problem := range programme.Check(file) {
			t.Errorf("file %d: %s: %s", files, problem.Path, problem.Message)
		}
		for _, reference := range file.Outside() {
			if !known[key{reference.Kind, reference.Key}] {
				t.Errorf("file %d: %s: no %s %q in an earlier file", files, reference.Path, reference.Kind, reference.Key)
			}
		}
		for _, o := range file.Organisations {
			known[key{programme.OrganisationKind, o.Key}] = true
			got[o.Kind]++
			got[o.Country]++
		}
		for _, p := range file.People {
			known[key{programme.PersonKind, p.Key}] = true
			got["people"]++
			if p.Email != "" {
				got["addresses"]++
			}
		}
		for _, theme := range file.Themes {
			known[key{programme.ThemeKind, theme.Key}] = true
			got["themes"]++
		}
		for _, s := range file.Series {
			known[key{programme.SeriesKind, s.Key}] = true
		}
		for _, e := range file.Editions {
			got[e.Status]++
			got["rooms"] += len(e.Rooms)
			years[e.Year]++
			for _, s := range e.Sessions {
				got[s.Kind]++
				got["contributions"] += len(s.Contributions)
				got["session themes"] += len(s.Themes)
				if n := utf8.RuneCountInString(s.Abstract); n != 420 {
					t.Errorf("%s/%s: abstract of %d characters, want 420", e.Key, s.Key, n)
				}
			}
		}
	}
	want := map[string]int{
		"MUNICIPALITY": 267, "INSTITUTION": 133, "NL": 300, "DE": 100, "people": 25_000, "addresses": 20_000, "themes": 60,
		"PUBLISHED": 60, "rooms": 360, "BREAKOUT": 60 * 35, "BREAK": 60 * 5, "contributions": 60 * 120, "session themes": 60 * 80,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if files != 4 {
		t.Errorf("%d files, want 4: one and then 25 editions each", files)
	}
	for year := 2009; year <= 2024; year++ {
		if years[year] < 3 || years[year] > 4 {
			t.Errorf("%d editions in %d, want the 60 spread evenly", years[year], year)
		}
	}
	if len(years) != 16 {
		t.Errorf("editions in %d years, want 2009 to 2024", len(years))
	}
}

func TestScaleFilesAreTheSame(t *testing.T) {
	t.Parallel()
	var runs [2][]*programme.File
	for n := range runs {
		for file := range scaleFiles(3) {
			runs[n] = append(runs[n], file)
		}
	}
	for n, file := range runs[0] {
		if diff := cmp.Diff(file.Editions, runs[1][n].Editions); diff != "" {
			t.Errorf("file %d differs in the second run:\n%s", n, diff)
		}
	}
}
