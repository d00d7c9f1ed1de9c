package dbtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestPostgresProgramsAreFound(t *testing.T) {
	t.Parallel()
	debian, elsewhere := t.TempDir(), t.TempDir()
	install := func(folder string, programs ...string) string {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, program := range programs {
			if err := os.WriteFile(filepath.Join(folder, program), []byte("#!/bin/sh\necho "+elsewhere+"/configured\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return folder
	}
	onPath := func(folders ...string) func(string) (string, error) {
		return func(program string) (string, error) {
			for _, folder := range folders {
				if path := filepath.Join(folder, program); isFile(path) {
					return path, nil
				}
			}
			return "", exec.ErrNotFound
		}
	}
	all := []string{"initdb", "pg_ctl", "postgres"}
	installed := install(elsewhere+"/installed", all...)
	configured := install(elsewhere+"/configured", all...)
	client := install(elsewhere+"/client", "pg_config")
	partial := install(elsewhere+"/partial", "initdb")
	links := install(elsewhere + "/links")
	if err := os.Symlink(installed+"/initdb", links+"/initdb"); err != nil {
		t.Fatal(err)
	}
	install(debian+"/9.6/bin", all...)
	newest := install(debian+"/15/bin", all...)
	install(debian+"/17/bin", "pg_config")

	for name, c := range map[string]struct {
		path   func(string) (string, error)
		debian string
		want   string
	}{
		"on the path":                  {onPath(installed), debian, installed},
		"linked from the path":         {onPath(links), debian, installed},
		"incomplete on the path":       {onPath(partial), debian, newest},
		"the newest complete version":  {onPath(), debian, newest},
		"where pg_config points":       {onPath(client), elsewhere, configured},
		"nowhere":                      {onPath(), elsewhere, ""},
		"a version before pg_config's": {onPath(client), debian, newest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := postgresPrograms(c.path, c.debian); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func TestMigratedPostgresHasTheSchema(t *testing.T) {
	t.Parallel()
	for range 2 { // the first may have to migrate the template, the second copies it
		connection, err := pgx.Connect(t.Context(), Migrated.Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close(context.Background())
		var tables int
		if err := connection.QueryRow(t.Context(), "select count(*) from pg_tables where schemaname = 'public'").Scan(&tables); err != nil {
			t.Fatal(err)
		}
		if tables == 0 {
			t.Error("there are no tables")
		}
		if _, err := connection.Exec(t.Context(), "create table only_here (id int)"); err != nil {
			t.Error(err)
		}
	}
}
