package graph

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/pages"
)

// reportPath is where reports are; their PDFs end in printed.
const (
	reportPath = "/reports/"
	printed    = ".pdf"
)

// reportPages serves reports as pages and as PDFs, and their files. A published one is the same for everybody and may be kept; one
// that the reader may not read is answered as one that does not exist.
func reportPages(mux routes, cfg Config) error {
	prints, err := newPrints(cfg.Metrics)
	if err != nil {
		return err
	}
	mux.Handle("GET "+reportPath+"{report}", signIn(cfg, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, asPDF := strings.CutSuffix(r.PathValue("report"), printed)
		reader, report, err := findReport(r, cfg, db.ParseID(name))
		if report == nil || err != nil {
			showPage(w, r, cfg, 0, nil, err)
			return
		}
		if asPDF {
			showPrint(w, r, cfg, prints, report)
			return
		}
		showReport(w, r, cfg, http.StatusOK, reader, report, nil)
	})))
	reportFiles(mux, cfg)
	return nil
}

// findReport returns the report that a request is about and who reads it; nil when there is none that the reader may read.
func findReport(r *http.Request, cfg Config, id db.ID) (reader db.Actor, report *db.Report, err error) {
	if reader, err = pageReader(r, cfg); err != nil || id.Kind() != db.KindReport {
		return reader, nil, err
	}
	report, err = cfg.DB.Report(r.Context(), reader, id, pages.ReportShape())
	if report != nil && report.Edition == nil { // which is not public any more
		report = nil
	}
	return reader, report, err
}

// pageReader is who reads a page: by a bearer token, else by the cookie, else nobody.
func pageReader(r *http.Request, cfg Config) (db.Actor, error) {
	if a := actor(r.Context()); !a.Anonymous() {
		return a, nil
	}
	reader, _, err := cookieActor(r, cfg)
	return reader, err
}

// showReport shows the page of a report, to its organisers with a form for files and what was wrong with the last one.
func showReport(w http.ResponseWriter, r *http.Request, cfg Config, status int, reader db.Actor, report *db.Report, problem *db.Error) {
	shown := pages.NewReport(report, readerLanguage(r), cfg.PublicURL)
	mine := report.OrganisedBy(reader)
	if mine {
		edition, err := cfg.DB.Edition(r.Context(), reader, report.EditionID, db.Shape{"days": {"sessions": {"children": nil}}})
		if edition == nil || err != nil {
			showPage(w, r, cfg, 0, nil, err)
			return
		}
		shown.Edit(reportPath+report.ID.String()+"/files", edition, problem)
	}
	page, err := shown.HTML()
	if err != nil || mine || status != http.StatusOK || report.Status != db.ReportPublished {
		showPage(w, r, cfg, status, page, err)
		return
	}
	setPageHeaders(w)
	w.Header().Del("X-Robots-Tag")
	mayBeKept(w)
	serve(w, r, page)
}

// showPrint serves a report as a PDF.
func showPrint(w http.ResponseWriter, r *http.Request, cfg Config, prints *prints, report *db.Report) {
	language := readerLanguage(r)
	shown := pages.NewReport(report, language, cfg.PublicURL)
	file, err := prints.of(shown)
	if err != nil {
		showPage(w, r, cfg, 0, nil, err)
		return
	}
	setFileHeaders(w, "application/pdf", `inline; filename="`+report.ID.String()+"-"+string(language)+`.pdf"`)
	if report.Status == db.ReportPublished {
		mayBeKept(w)
	}
	serve(w, r, file)
}

// mayBeKept lets everybody keep an answer who asks each time whether it is still right.
func mayBeKept(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "public, no-cache")
	w.Header().Add("Vary", "Cookie")
	w.Header().Add("Vary", "Authorization")
	w.Header().Add("Vary", "Accept-Language")
}

// serve answers with content that is known by its hash.
func serve(w http.ResponseWriter, r *http.Request, content []byte) {
	sum := sha256.Sum256(content)
	w.Header().Set("ETag", `"`+base64.RawURLEncoding.EncodeToString(sum[:])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
