package graph

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// uploadTakes is how long a file may take to arrive; other requests are shorter.
const uploadTakes = 10 * time.Minute

// roomForFields is how much more than its file a form may hold, in bytes.
const roomForFields = 64 << 10

// reportFiles takes files from organisers and serves them to whoever may read the report.
func reportFiles(mux routes, cfg Config) {
	mux.Handle("POST "+reportPath+"{report}/files", crossOrigin(cfg.Origins, signIn(cfg, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		takeFile(w, r, cfg)
	}))))
	mux.Handle("GET "+reportPath+"{report}/files/{material}/{name}", signIn(cfg, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serveFile(w, r, cfg)
	})))
}

// takeFile adds the file of a form to a report, or takes out the material that the form names. Clients of the API hear it as JSON,
// people see the page of the report.
func takeFile(w http.ResponseWriter, r *http.Request, cfg Config) {
	who, report, err := findReport(r, cfg, db.ParseID(r.PathValue("report")))
	api := bearer(r) != ""
	switch {
	case err != nil || report == nil && !api:
		showPage(w, r, cfg, 0, nil, err)
		return
	case report == nil:
		refuse(w, http.StatusNotFound, string(db.CodeNotFound), "There is no such report.")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, db.MaxFile+roomForFields)
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(uploadTakes)) // a server that has none takes as long as it takes
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		err = addFile(r, cfg, who, report.ID)
	} else if err = r.ParseForm(); err == nil {
		_, err = cfg.DB.RemoveReportEntry(r.Context(), who, report.ID, db.ParseID(r.PostForm.Get("remove")), nil)
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		err = &db.Error{Code: db.CodeTooLarge, Message: "This file is larger than 25 MB. Send a smaller one, or add a link to it."}
	}
	problem, expected := errors.AsType[*db.Error](err)
	status := http.StatusUnprocessableEntity
	if expected {
		switch problem.Code {
		case db.CodeTooLarge:
			status = http.StatusRequestEntityTooLarge
		case db.CodeForbidden, db.CodeNotSignedIn:
			status = http.StatusForbidden
		}
	}
	switch {
	case api && expected:
		refuse(w, status, string(problem.Code), problem.Message)
	case api && err == nil:
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
	case api:
		cfg.Log.ErrorContext(r.Context(), "file of a report", "error", err)
		refuse(w, http.StatusInternalServerError, "INTERNAL", "Something went wrong here; try again.")
	case err == nil:
		redirectToPage(w, r, reportPath+report.ID.String())
	case expected:
		showReport(w, r, cfg, status, who, report, problem)
	default:
		showPage(w, r, cfg, 0, nil, err)
	}
}

// addFile reads a form as it comes. The fields stand before the file.
func addFile(r *http.Request, cfg Config, who db.Actor, report db.ID) error {
	form, err := r.MultipartReader()
	if err != nil {
		return unreadable(err)
	}
	in := db.AddFileInput{ReportID: report}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return &db.Error{Code: db.CodeRequired, Message: "Choose a file, and send it in the field file behind the others."}
		}
		if err != nil {
			return unreadable(err)
		}
		if part.FormName() == "file" {
			in.Name, in.Content = sentName(part), part
			if _, err = cfg.DB.AddFile(r.Context(), who, in, nil); errors.Is(err, io.ErrUnexpectedEOF) {
				return unreadable(err)
			}
			return err
		}
		value, err := io.ReadAll(io.LimitReader(part, 4<<10))
		if err != nil {
			return unreadable(err)
		}
		switch part.FormName() {
		case "title":
			in.Title = string(value)
		case "session":
			if id := db.ParseID(string(value)); len(value) > 0 {
				in.SessionID = &id
			}
		}
	}
}

// sentName is what the sender's machine calls the file, folders and all.
func sentName(part *multipart.Part) string {
	_, parameters, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return ""
	}
	return parameters["filename"]
}

// unreadable makes of a form that cannot be read something that its sender can, unless it is too large.
func unreadable(err error) error {
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return err
	}
	return &db.Error{Code: db.CodeInvalid, Message: "The form did not arrive whole; send it again."}
}

func serveFile(w http.ResponseWriter, r *http.Request, cfg Config) {
	reader, err := pageReader(r, cfg)
	var found *db.StoredFile
	if err == nil {
		found, err = cfg.DB.ReportFile(r.Context(), reader, db.ParseID(r.PathValue("report")), db.ParseID(r.PathValue("material")))
	}
	if err != nil || found == nil || found.Name != r.PathValue("name") {
		showPage(w, r, cfg, 0, nil, err)
		return
	}
	content, err := found.Open()
	if err != nil {
		showPage(w, r, cfg, 0, nil, err)
		return
	}
	defer content.Close() //nolint:errcheck // it was only read
	disposition := "attachment"
	if found.Type.Inline() {
		disposition = "inline"
	}
	setFileHeaders(w, string(found.Type), disposition+"; filename*=UTF-8''"+url.PathEscape(found.Name))
	if found.Public {
		mayBeKept(w)
	}
	w.Header().Set("ETag", `"`+found.Hash+`"`)
	http.ServeContent(w, r, "", time.Time{}, content)
}

// setFileHeaders says what a file is, so that no browser takes it for anything else or runs what is in it.
func setFileHeaders(w http.ResponseWriter, kind, disposition string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", disposition)
	policy := "default-src 'none'; style-src 'unsafe-inline'"
	if kind != "application/pdf" { // which some browsers do not show in a sandbox, and none runs as a page
		policy += "; sandbox"
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}
