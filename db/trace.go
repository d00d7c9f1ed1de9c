package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	otel "go.opentelemetry.io/otel/trace"
	driver "modernc.org/sqlite"
	"zombiezen.com/go/sqlite"
)

// This file tells of SQL statements: it counts them and records them below the span of their context, if that is recorded.

type statementsKey struct{}

// CountStatements returns a context whose SQL statements are counted, and the count.
func CountStatements(ctx context.Context) (context.Context, *atomic.Int64) {
	count := new(atomic.Int64)
	return context.WithValue(ctx, statementsKey{}, count), count
}

// teller is the hook of bun's own statements. Others call ran.
type teller struct{}

func (teller) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (teller) AfterQuery(ctx context.Context, e *bun.QueryEvent) {
	ran(ctx, e.DB.Dialect().Name() == dialect.PG, e.Query, e.StartTime, e.Err)
}

// ran tells of a statement that has ended. The span has the attributes of OpenTelemetry's conventions for database client spans
// (1.40), and no value: neither the text nor an error may carry one out.
func ran(ctx context.Context, postgres bool, text string, began time.Time, err error) {
	if count, ok := ctx.Value(statementsKey{}).(*atomic.Int64); ok {
		count.Add(1)
	}
	parent := otel.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return
	}
	system := "sqlite"
	if postgres {
		system = "postgresql"
	}
	text = withoutValues(text)
	operation, _, _ := strings.Cut(text, " ")
	_, span := parent.TracerProvider().Tracer("github.com/vaktreffen/vaktreffen/db").Start(ctx, operation,
		otel.WithTimestamp(began), otel.WithSpanKind(otel.SpanKindClient), otel.WithAttributes(
			attribute.String("db.system.name", system),
			attribute.String("db.operation.name", operation),
			attribute.String("db.query.text", text),
		))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		kind := fmt.Sprintf("%T", err)
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
			kind = pg.Code
		} else if lite, ok := errors.AsType[*driver.Error](err); ok {
			kind = strconv.Itoa(lite.Code())
		} else if code := sqlite.ErrCode(err); code != sqlite.ResultError { // which errors of others are, too
			kind = strconv.Itoa(int(code))
		}
		span.SetAttributes(attribute.String("error.type", kind))
		span.SetStatus(codes.Error, kind)
	}
	span.End()
}

// longestText bounds the text of a statement in a span, in bytes.
const longestText = 4 << 10

// withoutValues returns the text of a statement with ? for each value and each list of values. bun writes values into the text, so
// what is not known here to be no value ends it.
func withoutValues(text string) string {
	var b strings.Builder
	for i := 0; i < len(text) && b.Len() < longestText; {
		end := i + 1
		switch c := text[i]; {
		case c == '\'':
			end = i + closing(text[i:], '\'')
			b.WriteByte('?')
		case c == '"':
			if end = i + closing(text[i:], '"'); text[end-1] != '"' || end == i+1 {
				b.WriteString("…")
				return valuesTogether(b.String())
			}
			b.WriteString(text[i:end])
		case c >= '0' && c <= '9':
			for end < len(text) && (inWord(text[end]) || text[end] == '.') {
				end++
			}
			b.WriteByte('?')
		case inWord(c):
			for end < len(text) && inWord(text[end]) {
				end++
			}
			switch word := text[i:end]; {
			case end < len(text) && text[end] == '\'': // E'…', X'…' and others have rules of their own
				b.WriteString("…")
				return valuesTogether(b.String())
			case strings.EqualFold(word, "true"), strings.EqualFold(word, "false"):
				b.WriteByte('?')
			default:
				b.WriteString(word)
			}
		case c == '$' && end < len(text) && text[end] >= '1' && text[end] <= '9': // a parameter
			for end < len(text) && text[end] >= '0' && text[end] <= '9' {
				end++
			}
			b.WriteString(text[i:end])
		case strings.IndexByte(" \t\n(),.;:*=<>!+-/|&%[]?@#~^", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString("…")
			return valuesTogether(b.String())
		}
		i = end
	}
	return valuesTogether(b.String())
}

// closing returns how far a quoted text reaches, the quotes included: to its end when it is not closed.
func closing(text string, quote byte) int {
	for i := 1; i < len(text); i++ {
		if text[i] != quote {
			continue
		}
		if i+1 == len(text) || text[i+1] != quote {
			return i + 1
		}
		i++ // a doubled quote stands for itself
	}
	return len(text)
}

func inWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// valuesTogether makes the same text of lists of any length.
func valuesTogether(text string) string {
	for _, list := range []string{"?, ?", "(?), (?)"} {
		for strings.Contains(text, list) {
			text = strings.ReplaceAll(text, list, list[:(len(list)-2)/2])
		}
	}
	return text
}
