package programme_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

var update = flag.Bool("update", false, "write the problems found to testdata/*.problems")

// badFiles gives the files under testdata, by name without extension.
func badFiles(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %v, err %v", paths, err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(filepath.Base(path), ".json")] = data
	}
	return files
}

// Each testdata/*.json has its problems beside it, one a line: line, path, message.
func TestParseReportsProblems(t *testing.T) {
	t.Parallel()
	for name, data := range badFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, problems := programme.Parse(data)
			if f != nil {
				t.Error("a file with problems was returned")
			}
			var got strings.Builder
			for _, p := range problems {
				fmt.Fprintf(&got, "%d\t%s\t%s\n", p.Line, p.Path, p.Message)
			}
			golden := filepath.Join("testdata", name+".problems")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("problems (- want, + got):\n%s", diff)
			}
		})
	}
}

// example is the file in the package's documentation.
func example(t testing.TB) []byte {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(doc), "//\t{\n")
	text, _, ends := strings.Cut(rest, "//\t}\n")
	if !found || !ends {
		t.Fatal("the documentation has no example")
	}
	return []byte(strings.ReplaceAll("{\n"+text+"}\n", "//\t", ""))
}

func TestParseReadsAllFields(t *testing.T) {
	t.Parallel()
	data := example(t)
	f, problems := programme.Parse(data)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var want programme.File
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, f, cmpopts.IgnoreUnexported(programme.File{})); diff != "" {
		t.Errorf("Parse differs from encoding/json:\n%s", diff)
	}
	if got := f.Editions[0].Sessions[0].Children[0].Contributions[0].Affiliation; got != "Example University" {
		t.Errorf("affiliation of the guest is %q", got)
	}
	if outside := f.Outside(); outside != nil {
		t.Errorf("outside the file: %v", outside)
	}
}

func TestParseIgnoresByteOrderMark(t *testing.T) {
	t.Parallel()
	if _, problems := programme.Parse([]byte("\ufeff{}")); len(problems) > 0 {
		t.Error(problems)
	}
}

func TestParseNamesLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		line int
		part string
	}{
		"empty":            {"", 1, "it is empty"},
		"cut off":          {"{\n\"themes\": [\n", 2, "unexpected end"},
		"not UTF-8":        {"{\n\"themes\": [{\"key\": \"a\", \"name\": \"\xff\"}]}", 2, "UTF-8"},
		"two values":       {"{}\n{}", 2, "after top-level value"},
		"null":             {"\n null", 2, "null is neither"},
		"a list":           {"[]", 1, "fields of a programme file"},
		"nested by 10001":  {strings.Repeat("[", 10_001), 1, "max depth"},
		"windows new line": {"{\r\n\"x\": 1}", 2, `field "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, problems := programme.Parse([]byte(c.file))
			if f != nil || len(problems) != 1 || problems[0].Line != c.line || !strings.Contains(problems[0].Message, c.part) {
				t.Errorf("got %+v, want line %d with %q", problems, c.line, c.part)
			}
		})
	}
}

func TestParseLimits(t *testing.T) {
	t.Parallel()
	if _, problems := programme.Parse(make([]byte, programme.MaxSize+1)); len(problems) != 1 || !strings.HasPrefix(problems[0].Message, "Split the file") {
		t.Errorf("too large a file: %v", problems)
	}
	_, problems := programme.Parse([]byte(`{"themes":[` + strings.Repeat("1,\n", 20_000) + `1]}`))
	if len(problems) != 10_000 || problems[9_998].Line != 9_999 || !strings.Contains(problems[9_999].Message, "there are more") {
		t.Errorf("got %d problems, the last %v", len(problems), problems[len(problems)-1])
	}
	deep := `{"sessions":[{"children":[` + strings.Repeat(`{"children":[`, 3_000) + strings.Repeat(`]}`, 3_001)
	_, problems = programme.Parse([]byte(`{"editions":[` + deep + `]}]}`))
	if last := problems[len(problems)-1]; !strings.HasPrefix(last.Message, "Move this up") {
		t.Errorf("too deep a file: %v", last)
	}
}

// Generated content is checked by the same rules, without lines.
func TestCheckBuiltFile(t *testing.T) {
	t.Parallel()
	f := &programme.File{
		Themes: []programme.Theme{{Key: "sport", Name: "Sport"}, {Key: "sport", Name: "Sport\n"}},
		Series: []programme.Series{{Key: "day", Partnership: "elsewhere", Name: "Day", Cadence: "YEARLY", Rotation: []string{""}}},
	}
	want := []programme.Problem{
		{Path: "themes[1].key", Message: `Choose another key; "sport" is already that of themes[0].`},
		{Path: "themes[1].name", Message: "Write the text on one line, without line breaks and other control characters."},
		{Path: "series[0].rotation[0]", Message: "Write the key of the organisation, or leave the item out."},
	}
	if diff := cmp.Diff(want, programme.Check(f)); diff != "" {
		t.Errorf("problems:\n%s", diff)
	}
}

func TestOutside(t *testing.T) {
	t.Parallel()
	const file = `{
  "themes": [{ "key": "sport", "name": "Sport" }],
  "people": [{ "key": "vera", "name": "Vera", "organisation": "groningen", "locale": "nl" }],
  "editions": [{
    "key": "e", "series": "s", "title": "E", "year": 2009, "status": "DRAFT", "timeZone": "Europe/Amsterdam", "languages": ["nl"],
    "themes": [
      "sport",
      "music"
    ]
  }]
}`
	f, problems := programme.Parse([]byte(file))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []programme.Reference{
		{Kind: programme.OrganisationKind, Key: "groningen", Line: 3, Path: "people[0].organisation"},
		{Kind: programme.SeriesKind, Key: "s", Line: 5, Path: "editions[0].series"},
		{Kind: programme.ThemeKind, Key: "music", Line: 8, Path: "editions[0].themes[1]"},
	}
	got := f.Outside()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("references:\n%s", diff)
	}
	problem := programme.Problem{Line: 8, Path: "editions[0].themes[1]", Message: `Correct the key "music", or add the theme it means to this file; no theme with this key is known.`}
	if diff := cmp.Diff(problem, got[2].Unknown()); diff != "" {
		t.Errorf("problem:\n%s", diff)
	}
	built := *f
	if diff := cmp.Diff(want, built.Outside()); diff != "" {
		t.Errorf("references of a copy:\n%s", diff)
	}
}

// Parse never panics and tells a place inside the file. What it accepts, the schema accepts, and Parse itself when
// written anew.
func FuzzParse(f *testing.F) {
	schema := compile(f)
	for _, data := range badFiles(f) {
		f.Add(data)
	}
	f.Add(example(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, problems := programme.Parse(data)
		if (file == nil) != (len(problems) > 0) {
			t.Fatalf("file %v with problems %v", file, problems)
		}
		for _, p := range problems {
			if p.Line < 1 || p.Line > 1+strings.Count(string(data), "\n") || p.Message == "" {
				t.Errorf("no place: %+v", p)
			}
		}
		if file == nil {
			return
		}
		file.Outside()
		if err := accepts(schema, bytes.TrimPrefix(data, []byte("\ufeff"))); err != nil {
			t.Errorf("schema: %v", err)
		}
		again, err := json.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, problems := programme.Parse(again); len(problems) > 0 {
			t.Errorf("written anew: %v", problems)
		}
	})
}
