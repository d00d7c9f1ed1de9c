package db_test

import (
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestStatementsAreToldWithoutValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`SELECT "p"."name" FROM "people" AS "p" WHERE (email = 'o''hara@example.org') AND id = ANY ($1) LIMIT 20`: `SELECT "p"."name" FROM "people" AS "p" WHERE (email = ?) AND id = ANY ($1) LIMIT ?`,
		`INSERT INTO "people" ("id", "n2") VALUES ('a', NULL, 1.5e3, TRUE), ('b\', 'x', 0x1f, false) RETURNING *`: `INSERT INTO "people" ("id", "n2") VALUES (?, NULL, ?), (?) RETURNING *`,
		`SELECT 1 WHERE id IN ('a','b', 'c') AND (x ->> 'Anna' LIKE '%anna%' ESCAPE '\')`:                         `SELECT ? WHERE id IN (?,?) AND (x ->> ? LIKE ? ESCAPE ?)`,
		`UPDATE people SET name = E'Anna\' Secret' WHERE id = 1`:                                                  `UPDATE people SET name = …`,
		`SELECT $$Anna$$`:    `SELECT …`,
		`SELECT 'not closed`: `SELECT ?`,
		`SELECT "not closed`: `SELECT …`,
		``:                   ``,
	} {
		if got := db.WithoutValues(text); got != want {
			t.Errorf("%s\nis told as %s\nwant       %s", text, got, want)
		}
	}
	if got := db.WithoutValues("SELECT " + strings.Repeat("a, ", 9_000)); len(got) > 5_000 {
		t.Errorf("%d bytes are told", len(got))
	}
}

// Below a span that is recorded, each statement has one; what it says holds no value, and neither does its error.
func TestStatementsAreTraced(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		recorded := tracetest.NewSpanRecorder()
		ctx, above := sdk.NewTracerProvider(sdk.WithSpanProcessor(recorded)).Tracer("").Start(t.Context(), "above")
		ctx, statements := db.CountStatements(ctx)
		if err := w.RequestSignIn(ctx, "olga@example.org"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Edition(ctx, db.Actor{}, *w.edition(t, "open"), db.Shape{"days": {"sessions": {"title": nil}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Revision(ctx); err != nil {
			t.Fatal(err)
		}
		w.exec(t, "ALTER TABLE revisions RENAME TO kept_away")
		if _, err := w.Revision(ctx); err == nil {
			t.Error("the table that is gone was not missed")
		}
		above.End()
		ended := recorded.Ended()
		if int64(len(ended)) != statements.Load()+1 || len(ended) < 5 {
			t.Errorf("%d spans of %d statements", len(ended)-1, statements.Load())
		}
		failed := 0
		for _, span := range ended[:len(ended)-1] {
			text := fmt.Sprint(span.Name(), span.Attributes(), span.Status(), span.Events())
			if span.Parent().SpanID() != above.SpanContext().SpanID() || !strings.Contains(text, "db.query.text") || !strings.Contains(text, "db.system.name") {
				t.Errorf("span %s", text)
			}
			if strings.Contains(text, "olga") || strings.Contains(text, "'") {
				t.Errorf("a value is in the span %s", text)
			}
			if span.Status().Code == codes.Error {
				failed++
			}
		}
		if failed == 0 {
			t.Error("no span tells of the statement that failed")
		}
	})
}
