package db_test

import (
	"archive/zip"
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
)

// archive makes a ZIP archive of names and contents in turn.
func archive(t testing.TB, entries ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		method := zip.Deflate
		if entries[i] == "mimetype" {
			method = zip.Store
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: entries[i], Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, entries[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func picture(t testing.TB, write func(io.Writer, image.Image) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, image.NewGray(image.Rect(0, 0, 3, 3))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const (
	word  = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	types = `<Types><Override PartName="/word/document.xml" ContentType="` + word + `.main+xml"/></Types>`
)

func TestFilesAreWhatTheirContentSays(t *testing.T) {
	t.Parallel()
	pngFile := picture(t, png.Encode)
	jpegFile := picture(t, func(w io.Writer, i image.Image) error { return jpeg.Encode(w, i, nil) })
	docx := archive(t, "[Content_Types].xml", types, "word/document.xml", "<w/>")
	odt := archive(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml", "<o/>")
	bomb := archive(t, "[Content_Types].xml", strings.Repeat(" ", 300<<10)+types, "word/document.xml", "<w/>")
	for name, test := range map[string]struct{ name, content, want string }{
		"PDF":                        {"verslag.PDF", "%PDF-1.7\n%%EOF", "application/pdf"},
		"PNG":                        {"a.png", pngFile, "image/png"},
		"JPEG":                       {"a.jpeg", jpegFile, "image/jpeg"},
		"DOCX":                       {"a.docx", docx, word},
		"ODT":                        {"a.odt", odt, "application/vnd.oasis.opendocument.text"},
		"text":                       {"a.txt", "\ufeffÉén regel\r\n", "text/plain; charset=utf-8"},
		"CSV":                        {"a.csv", "a;b\n1;ß", "text/csv; charset=utf-8"},
		"long text":                  {"a.txt", strings.Repeat("é", 40<<10), "text/plain; charset=utf-8"},
		"HTML":                       {"a.html", "<html>", ""},
		"HTML as text":               {"a.txt", "\n <!DOCTYPE html><script>", ""},
		"HTML as PDF":                {"a.pdf", "<html>%PDF-", ""},
		"SVG":                        {"a.svg", "<svg/>", ""},
		"SVG as PNG":                 {"a.png", "<svg onload=alert(1)>", ""},
		"a program":                  {"a.exe", "MZ\x90", ""},
		"a program as text":          {"a.txt", "MZ and more", ""},
		"a script as text":           {"a.txt", "#!/bin/sh\n", ""},
		"a PDF called a program":     {"verslag.pdf.exe", "%PDF-1.7", ""},
		"a PDF called PNG":           {"a.png", "%PDF-1.7", ""},
		"no ending":                  {"a", "%PDF-1.7", ""},
		"text in another encoding":   {"a.txt", "Gr\xfc\xdfe", ""},
		"text cut in a letter":       {"a.txt", "a\xc3", ""},
		"text with zeros":            {"a.csv", "a\x00b", ""},
		"a PNG with a page behind":   {"a.png", pngFile + "<script>alert(1)</script>", ""},
		"a PNG cut short":            {"a.png", pngFile[:20], ""},
		"a JPEG with an archive":     {"a.jpg", jpegFile + docx, ""},
		"a PDF with an archive":      {"a.pdf", "%PDF-1.7\n" + odt, ""},
		"a JPEG of nothing":          {"a.jpg", "\xff\xd8\xff\xe0<script>", ""},
		"an archive":                 {"a.zip", archive(t, "a.txt", "a"), ""},
		"an archive called DOCX":     {"a.docx", archive(t, "a.txt", "a"), ""},
		"DOCX called XLSX":           {"a.xlsx", docx, ""},
		"macros by name":             {"a.docm", docx, ""},
		"macros within":              {"a.docx", archive(t, "[Content_Types].xml", types, "word/document.xml", "<w/>", "word/vbaProject.bin", "x"), ""},
		"macros by type":             {"a.docx", archive(t, "[Content_Types].xml", types+"application/vnd.ms-word.document.macroEnabled.main+xml", "word/document.xml", "<w/>"), ""},
		"macros in ODT":              {"a.odt", archive(t, "mimetype", "application/vnd.oasis.opendocument.text", "Basic/Standard/a.xml", "x"), ""},
		"a name twice":               {"a.docx", archive(t, "[Content_Types].xml", types, "word/document.xml", "a", "Word/document.xml", "b"), ""},
		"a declaration that expands": {"a.docx", bomb, ""},
		"an archive cut short":       {"a.docx", docx[:len(docx)-10], ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := db.FileTypeOf(db.CleanFileName(test.name), strings.NewReader(test.content), int64(len(test.content)))
			if err != nil || string(got) != test.want {
				t.Errorf("%q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func FuzzFileType(f *testing.F) {
	for _, seed := range []string{"%PDF-1.7", "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR", "\xff\xd8\xff\xe0", "PK\x05\x06"} {
		f.Add("a.png", seed)
	}
	f.Add("a.docx", archive(f, "[Content_Types].xml", types, "word/document.xml", "<w/>"))
	f.Fuzz(func(t *testing.T, name, content string) {
		if _, err := db.FileTypeOf(name, strings.NewReader(content), int64(len(content))); err != nil {
			t.Error(err)
		}
		if clean := db.CleanFileName(name); clean == "" || strings.ContainsAny(clean, "/\\\x00\n\"<>") || len([]rune(clean)) > 100 || strings.HasPrefix(clean, ".") {
			t.Errorf("%q became %q", name, clean)
		}
	})
}

func TestNamesOfFilesAreHarmless(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"verslag.PDF":                      "verslag.pdf",
		"../../etc/passwd.txt":             "passwd.txt",
		`C:\Users\anna\Notulen (1).docx`:   "Notulen (1).docx",
		"a\x00b\n.pdf":                     "ab.pdf",
		"\u202efdp.exe.txt":                "fdp.exe.txt",
		`"quote"; filename=evil.html.csv`:  "quote filename=evil.html.csv",
		".pdf":                             "file.pdf",
		"..":                               "file",
		strings.Repeat("ä", 300) + ".pptx": strings.Repeat("ä", 95) + ".pptx",
		"Übersicht – Größe.xlsx":           "Übersicht – Größe.xlsx",
	} {
		if got := db.CleanFileName(name); got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
}

// folder returns what lies in the folder of files.
func folder(t testing.TB, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestFilesBesideAReport(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		files := t.TempDir() + "/files"
		r := w.report(t)
		in := db.AddFileInput{ReportID: r.ID, Title: "Notulen", Name: "a.pdf", Content: strings.NewReader("%PDF-1.7 x")}
		if _, err := w.AddFile(t.Context(), w.olga, in, nil); code(err) != db.CodeConflict {
			t.Errorf("without a folder: %v", err)
		}
		w.SetFiles(files)
		for name, test := range map[string]struct {
			actor   db.Actor
			content io.Reader
			want    db.ErrorCode
		}{
			"by nobody":     {db.Actor{}, strings.NewReader("%PDF-"), db.CodeNotSignedIn},
			"by a stranger": {w.outsider, strings.NewReader("%PDF-"), db.CodeNotFound},
			"empty":         {w.olga, strings.NewReader(""), db.CodeRequired},
			"of no kind":    {w.olga, strings.NewReader("<html>"), db.CodeInvalid},
			"too large":     {w.olga, io.MultiReader(strings.NewReader("%PDF-"), io.LimitReader(zeros{}, db.MaxFile)), db.CodeTooLarge},
		} {
			bad := in
			bad.Content = test.content
			if _, err := w.AddFile(t.Context(), test.actor, bad, nil); code(err) != test.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if left := folder(t, files); len(left) > 0 {
			t.Errorf("refused files were kept: %v", left)
		}
		var materials []db.ID
		for _, name := range []string{"a.pdf", "b.pdf"} {
			in.Name, in.Content = name, strings.NewReader("%PDF-1.7 x")
			after, err := w.AddFile(t.Context(), w.olga, in, wholeReport)
			if err != nil {
				t.Fatal(err)
			}
			all := after.Items[0].Materials
			m := all[slices.IndexFunc(all, func(m *db.Material) bool { return m.FileName == name })]
			if want := "https://here.example/reports/" + r.ID.String() + "/files/" + m.ID.String() + "/" + name; m.Address("https://here.example") != want {
				t.Errorf("it is at %s, want %s", m.Address("https://here.example"), want)
			}
			materials = append(materials, m.ID)
		}
		if left := folder(t, files); len(left) != 1 {
			t.Fatalf("one content is stored as %v", left)
		}
		found, err := w.ReportFile(t.Context(), w.olga, r.ID, materials[0])
		if err != nil || found == nil || found.Name != "a.pdf" || found.Type != "application/pdf" || found.Public {
			t.Fatalf("%+v, %v", found, err)
		}
		for _, reader := range []db.Actor{{}, w.outsider} {
			if hidden, err := w.ReportFile(t.Context(), reader, r.ID, materials[0]); hidden != nil || err != nil {
				t.Errorf("the file of a draft: %+v, %v", hidden, err)
			}
		}
		if _, err := w.RemoveReportEntry(t.Context(), w.olga, r.ID, materials[0], nil); err != nil {
			t.Fatal(err)
		}
		content, err := found.Open()
		if err != nil {
			t.Fatalf("the other material has lost its file: %v", err)
		}
		_ = content.Close()
		if _, err := w.RemoveReportEntry(t.Context(), w.olga, r.ID, materials[1], nil); err != nil {
			t.Fatal(err)
		}
		if left := folder(t, files); len(left) > 0 {
			t.Errorf("a file that nobody refers to: %v", left)
		}
	})
}

// zeros is endless.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAFileIsThereWhileSomebodyRefersToIt(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		files := t.TempDir()
		w.SetFiles(files)
		r := w.report(t)
		var editors sync.WaitGroup
		for range 4 {
			editors.Go(func() {
				for n := range 6 {
					after, err := w.AddFile(t.Context(), w.olga, db.AddFileInput{ReportID: r.ID, Name: "a.txt", Content: strings.NewReader("the same")}, wholeReport)
					if err != nil {
						t.Error(err)
						return
					}
					materials := after.Items[0].Materials
					if n == 5 {
						return
					}
					if _, err := w.RemoveReportEntry(t.Context(), w.olga, r.ID, materials[len(materials)-1].ID, nil); err != nil && code(err) != db.CodeNotFound {
						t.Error(err)
					}
				}
			})
		}
		editors.Wait()
		for _, m := range w.readReport(t, w.olga, r.ID).Items[0].Materials {
			found, err := w.ReportFile(t.Context(), w.olga, r.ID, m.ID)
			if err != nil || found == nil {
				t.Fatal(err)
			}
			content, err := found.Open()
			if err != nil {
				t.Fatal(err)
			}
			_ = content.Close()
		}
		if left := folder(t, files); len(left) != 1 {
			t.Errorf("the folder holds %v", left)
		}
	})
}
