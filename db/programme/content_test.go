package programme_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

const content = "../../cmd/vaktreffen/programmes"

// parseContent parses the programme files of the demonstration, by file name.
func parseContent(t *testing.T) map[string]*programme.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(content, "*.json"))
	if err != nil || len(paths) != 5 {
		t.Fatalf("found %d programme files, err %v; want 5", len(paths), err)
	}
	files := map[string]*programme.File{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, problems := programme.Parse(data)
		for _, p := range problems {
			t.Errorf("%s:%d: %s: %s", path, p.Line, p.Path, p.Message)
		}
		if f != nil {
			files[filepath.Base(path)] = f
		}
	}
	return files
}

// Each file can be imported alone and in any order: it refers to its own records only, and what two files both
// hold is the same in both.
func TestContentStandsByItself(t *testing.T) {
	t.Parallel()
	organisations := map[string]programme.Organisation{}
	for name, f := range parseContent(t) {
		if outside := f.Outside(); len(outside) > 0 {
			t.Errorf("%s refers to other files: %v", name, outside)
		}
		for _, o := range f.Organisations {
			if other, seen := organisations[o.Key]; seen {
				if diff := cmp.Diff(other, o); diff != "" {
					t.Errorf("%s: organisation differs from that of another file:\n%s", name, diff)
				}
			}
			organisations[o.Key] = o
		}
	}
}

// Only invented people have addresses, all of them at example.org, and nobody shares one or a key.
func TestContentAddresses(t *testing.T) {
	t.Parallel()
	emails, keys := map[string]string{}, map[string]string{}
	for name, f := range parseContent(t) {
		for _, p := range f.People {
			if other, seen := keys[p.Key]; seen {
				t.Errorf("%s: person %q is also in %s", name, p.Key, other)
			}
			keys[p.Key] = name
			if p.Email == "" {
				continue
			}
			if !strings.HasSuffix(p.Email, "@example.org") {
				t.Errorf("%s: %s is not at example.org", name, p.Email)
			}
			if other, seen := emails[p.Email]; seen {
				t.Errorf("%s: %s is also in %s", name, p.Email, other)
			}
			emails[p.Email] = name
		}
	}
	for _, address := range []string{"organiser@example.org", "coordinator@example.org", "participant@example.org"} {
		if emails[address] != "vaktreffen.json" {
			t.Errorf("%s is in %q, want vaktreffen.json", address, emails[address])
		}
	}
}

// A parsed file built again in Go keeps the rules too.
func TestContentChecks(t *testing.T) {
	t.Parallel()
	for name, f := range parseContent(t) {
		if problems := programme.Check(f); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
	}
}
