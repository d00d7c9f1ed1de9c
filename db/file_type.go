package db

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"image/jpeg"
	"image/png"
	"io"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FileType is the media type of a file that people put beside a report.
type FileType string

// fileTypes are the types that may be stored, by what their names end in.
func fileTypes() map[string]FileType {
	const openDocument, officeXML = "application/vnd.oasis.opendocument.", "application/vnd.openxmlformats-officedocument."
	return map[string]FileType{
		".pdf": "application/pdf", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
		".odt": openDocument + "text", ".ods": openDocument + "spreadsheet", ".odp": openDocument + "presentation",
		".docx": officeXML + "wordprocessingml.document", ".xlsx": officeXML + "spreadsheetml.sheet", ".pptx": officeXML + "presentationml.presentation",
		".txt": "text/plain; charset=utf-8", ".csv": "text/csv; charset=utf-8",
	}
}

// Inline reports whether browsers show files of the type without running anything in them.
func (t FileType) Inline() bool {
	return slices.Contains([]FileType{"application/pdf", "image/png", "image/jpeg"}, t)
}

// Limits of what is looked at in a file.
const (
	maxDirectory  = 1 << 20 // bytes of a ZIP archive's list of its files
	maxUnpacked   = 1 << 30 // bytes that an archive says it holds
	maxPixels     = 200 << 20
	maxDeclared   = 256 << 10 // of the part of an archive that says what it is
	wrongFileType = "Send a PDF, PNG, JPEG, ODT, ODS, ODP, DOCX, XLSX, PPTX, TXT or CSV file without macros."
)

// fileType returns the type of a file by its content, which has to be what its name says; "" when it may not be stored. It unpacks
// nothing but the few bytes in which an archive says what it is.
func fileType(name string, content io.ReaderAt, size int64) (FileType, error) {
	want, ok := fileTypes()[strings.ToLower(path.Ext(name))]
	if !ok {
		return "", nil
	}
	start := make([]byte, 8)
	n, err := content.ReadAt(start, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	start = start[:n]
	archive, err := archiveOf(content, size)
	if err != nil {
		return "", nil //nolint:nilerr // an archive that cannot be read is refused, whatever else the file may be
	}
	whole := io.NewSectionReader(content, 0, size)
	var is FileType
	switch {
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		is = archiveType(archive)
	case archive != nil: // something else with an archive behind it
	case bytes.HasPrefix(start, []byte("%PDF-")):
		is = "application/pdf"
	case bytes.HasPrefix(start, []byte("\x89PNG\r\n\x1a\n")) && pngAlone(content, size):
		if c, err := png.DecodeConfig(whole); err == nil && int64(c.Width)*int64(c.Height) <= maxPixels {
			is = "image/png"
		}
	case bytes.HasPrefix(start, []byte("\xff\xd8\xff")):
		if c, err := jpeg.DecodeConfig(whole); err == nil && int64(c.Width)*int64(c.Height) <= maxPixels {
			is = "image/jpeg"
		}
	case strings.HasPrefix(string(want), "text/"):
		plain, err := plainFile(whole)
		if err != nil {
			return "", err
		}
		if plain {
			is = want
		}
	}
	if is != want {
		return "", nil
	}
	return is, nil
}

// archiveOf reads the directory of a ZIP archive; nil when the file is none. Its end may stand behind anything, which is how a file
// is two things at once.
func archiveOf(content io.ReaderAt, size int64) (*zip.Reader, error) {
	tail := make([]byte, min(size, 22+0xffff))
	if _, err := content.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || len(tail)-at < 22 {
		return nil, nil
	}
	if binary.LittleEndian.Uint32(tail[at+12:]) > maxDirectory {
		return nil, errors.New("the directory of the archive is too large")
	}
	archive, err := zip.NewReader(content, size)
	if err != nil {
		return nil, err
	}
	var unpacked uint64
	for _, f := range archive.File {
		if unpacked += min(f.UncompressedSize64, maxUnpacked+1); unpacked > maxUnpacked {
			return nil, errors.New("the archive holds too much")
		}
	}
	return archive, nil
}

// archiveType returns which kind of document an archive is; "" for an archive of anything else, or with macros.
func archiveType(archive *zip.Reader) FileType {
	if archive == nil || len(archive.File) == 0 {
		return ""
	}
	names := map[string]*zip.File{}
	for _, f := range archive.File {
		name := strings.ToLower(f.Name)
		base := path.Base(name)
		if strings.HasPrefix(base, "vbaproject") || strings.HasPrefix(name, "basic/") || strings.HasPrefix(name, "scripts/") || names[name] != nil {
			return ""
		}
		names[name] = f
	}
	if first := archive.File[0]; first.Name == "mimetype" && first.Method == zip.Store { // ODF 1.3, part 2, section 3.3
		declared := FileType(declaration(first))
		for _, t := range fileTypes() {
			if t == declared && strings.Contains(string(t), ".opendocument.") {
				return t
			}
		}
		return ""
	}
	types := names["[content_types].xml"] // ECMA-376 part 2
	if types == nil || strings.Contains(strings.ToLower(declaration(types)), "macroenabled") {
		return ""
	}
	for part, extension := range map[string]string{"word/document.xml": ".docx", "xl/workbook.xml": ".xlsx", "ppt/presentation.xml": ".pptx"} {
		if names[part] != nil && strings.Contains(declaration(types), string(fileTypes()[extension])+".") {
			return fileTypes()[extension]
		}
	}
	return ""
}

// declaration unpacks the beginning of a part of an archive.
func declaration(f *zip.File) string {
	part, err := f.Open()
	if err != nil {
		return ""
	}
	defer part.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(part, maxDeclared+1))
	if err != nil || len(text) > maxDeclared {
		return ""
	}
	return string(text)
}

// pngAlone reports whether nothing follows the end of a PNG file (W3C PNG, section 5.3).
func pngAlone(content io.ReaderAt, size int64) bool {
	head := make([]byte, 8)
	for at := int64(8); ; {
		if _, err := content.ReadAt(head, at); err != nil {
			return false
		}
		at += 12 + int64(binary.BigEndian.Uint32(head))
		if string(head[4:]) == "IEND" {
			return at == size
		}
	}
}

// plainFile reports whether a file is text in UTF-8 that nobody takes for a page, a picture or a program.
func plainFile(r io.Reader) (bool, error) {
	buffer, kept, beginning := make([]byte, 32<<10), 0, true
	for {
		n, err := io.ReadFull(r, buffer[kept:])
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return false, err
		}
		chunk := buffer[:kept+n]
		if beginning {
			beginning = false
			trimmed := bytes.TrimLeftFunc(bytes.TrimPrefix(chunk, []byte("\ufeff")), unicode.IsSpace)
			if bytes.HasPrefix(trimmed, []byte("<")) || bytes.HasPrefix(trimmed, []byte("#!")) || bytes.HasPrefix(chunk, []byte("MZ")) {
				return false, nil
			}
		}
		for len(chunk) > 0 {
			r, length := utf8.DecodeRune(chunk)
			if r == utf8.RuneError && length <= 1 {
				if !ended && !utf8.FullRune(chunk) {
					break
				}
				return false, nil
			}
			if unicode.IsControl(r) && !strings.ContainsRune("\t\n\r\f", r) {
				return false, nil
			}
			chunk = chunk[length:]
		}
		if ended {
			return true, nil
		}
		kept = copy(buffer, chunk)
	}
}
