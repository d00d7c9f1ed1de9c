package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/programme"
	"github.com/vaktreffen/vaktreffen/graph"
)

type migrateCommand struct{}

// Run brings the database to the newest schema.
func (migrateCommand) Run(ctx context.Context, c *Config) error {
	if err := c.check(needs{}); err != nil {
		return err
	}
	d, err := c.openDB(ctx, true)
	if err != nil {
		return err
	}
	fmt.Println("The schema is up to date.")
	return d.Close()
}

type tokenCommand struct {
	Email string        `arg:"" help:"Mail address of a known person."`
	Valid time.Duration `default:"720h" help:"For how long the token is valid."`
}

// Run prints a bearer token for scripts and tests.
func (t tokenCommand) Run(ctx context.Context, c *Config) error {
	if err := c.check(needs{}); err != nil {
		return err
	}
	d, err := c.openDB(ctx, false)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // the process ends
	token, err := d.IssueToken(ctx, t.Email, t.Valid)
	if err != nil {
		return err
	}
	fmt.Println(token)
	return nil
}

type administratorCommand struct {
	Email   string `arg:"" help:"Mail address of a known person."`
	Dismiss bool   `help:"Take it back."`
}

// Run appoints or dismisses an administrator.
func (a administratorCommand) Run(ctx context.Context, c *Config) error {
	if err := c.check(needs{}); err != nil {
		return err
	}
	d, err := c.openDB(ctx, false)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // the process ends
	change, done := d.AppointAdministrator, "is an administrator"
	if a.Dismiss {
		change, done = d.DismissAdministrator, "is no administrator"
	}
	if err := change(ctx, a.Email); err != nil {
		return err
	}
	fmt.Println(a.Email, done)
	return nil
}

type importCommand struct {
	Files []string `arg:"" type:"existingfile" help:"Programme files (JSON); db/programme documents the format."`
}

// Run reads programme files, each as a whole or not at all.
func (i importCommand) Run(ctx context.Context, c *Config) error {
	if err := c.check(needs{}); err != nil {
		return err
	}
	d, err := c.openDB(ctx, true)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // the process ends
	refused := 0
	for _, name := range i.Files {
		content, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read programme file: %w", err)
		}
		problems, err := importProgramme(ctx, d, content, progressBar(os.Stderr, name))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, p := range problems {
			fmt.Fprintf(os.Stderr, "%s:%d: %s: %s\n", name, p.Line, p.Path, p.Message)
		}
		if len(problems) > 0 {
			refused++
			fmt.Fprintf(os.Stderr, "%s: %d problems, nothing of this file was imported\n", name, len(problems))
			continue
		}
		fmt.Printf("%s: imported\n", name)
	}
	if refused > 0 {
		return errors.New("some files were not imported")
	}
	return nil
}

// importProgramme reads one programme file into the database, as a whole or not at all.
func importProgramme(ctx context.Context, d *db.DB, content []byte, progress func(done, total int)) ([]programme.Problem, error) {
	file, problems := programme.Parse(content)
	if len(problems) > 0 {
		return problems, nil
	}
	return d.Import(ctx, file, progress)
}

// progressBar writes how far a long import is, at most twice a second.
func progressBar(w io.Writer, name string) func(done, total int) {
	began, last := time.Now(), time.Now()
	return func(done, total int) {
		if time.Since(last) < 500*time.Millisecond {
			return
		}
		last = time.Now()
		fmt.Fprintf(w, "%s: %d of %d records, %.0f s\n", name, done, total, time.Since(began).Seconds())
	}
}

type documentsCommand struct {
	Folder string `arg:"" type:"existingdir" help:"Folder with .graphql files, each one document with the fragments it needs."`
}

// Run prints the manifest of the documents in a folder.
func (d documentsCommand) Run() error {
	manifest, err := graph.ManifestOf(os.DirFS(d.Folder))
	if err != nil {
		return fmt.Errorf("%s: %w", d.Folder, err)
	}
	_, err = os.Stdout.Write(manifest)
	return err
}
