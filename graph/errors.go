package graph

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"regexp"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/vaktreffen/vaktreffen/db"
)

// userErrors splits what went wrong into problems the caller may read and an error that only the log may.
func userErrors(err error) ([]*db.Error, error) {
	if err == nil {
		return []*db.Error{}, nil
	}
	if problems, ok := db.AsErrors(err); ok {
		return problems, nil
	}
	return []*db.Error{}, err
}

// present makes the top-level errors of answers. Problems that db expects are shown with their code. gqlgen's own errors, about
// the document or its variables, are shown without the values in them. Everything else is logged under a reference, and only the reference
// is shown.
func present(log *slog.Logger) graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error {
		if problems, ok := db.AsErrors(err); ok {
			path := graphql.GetPath(ctx)
			if own, ok := errors.AsType[*gqlerror.Error](err); ok && len(own.Path) > 0 {
				path = own.Path // of a value that is no scalar, inside an argument
			}
			shown := gqlerror.WrapPath(path, problems)
			shown.Message = problems[0].Message
			shown.Extensions = map[string]any{"code": problems[0].Code, "field": problems[0].Field}
			return shown
		}
		if own, ok := errors.AsType[*gqlerror.Error](err); ok && own.Unwrap() == nil {
			return withoutValues(own)
		}
		if own, ok := errors.AsType[*gqlerror.Error](err); ok && own.Extensions["code"] != nil {
			return own
		}
		return unexpected(ctx, log, err)
	}
}

// quoted are the forms in which gqlgen repeats values of a request, each with what is kept of it.
var quoted = []struct {
	form *regexp.Regexp
	kept string
}{
	{regexp.MustCompile(`(?s)^((?:\w+|Enum "\w+") cannot represent .*? value): .*$`), "$1."},
	{regexp.MustCompile(`(?s)^(Expected value of type "[^"]*"), found .*$`), "$1."},
	{regexp.MustCompile(`(?s)^Value ".*" does not exist in ("\w+" enum)\..*$`), "The value does not exist in $1."},
	{regexp.MustCompile(`(?s)^.* is not a valid (\w+)$`), "The value is not a valid $1."},
	{regexp.MustCompile(`(?s)^operation .* not found$`), "The document has no operation of that operationName; a document with several needs one."},
}

// withoutValues words errors about a document so that they name its fields, arguments and variables, and repeat none of its
// values: those may be personal, and answers end up in other people's logs.
func withoutValues(err *gqlerror.Error) *gqlerror.Error {
	switch err.Extensions["code"] {
	case errcode.ParseFailed:
		err.Message = "This is not a GraphQL document; see the location."
	case errcode.ValidationFailed:
		for _, q := range quoted {
			if q.form.MatchString(err.Message) {
				err.Message = q.form.ReplaceAllString(err.Message, q.kept)
				break
			}
		}
	}
	return err
}

// unexpected logs an error under a reference and returns what the client may know of it.
func unexpected(ctx context.Context, log *slog.Logger, err error) *gqlerror.Error {
	reference := rand.Text()[:10]
	if errors.Is(err, context.Canceled) {
		log.DebugContext(ctx, "request cancelled", "reference", reference)
	} else {
		log.ErrorContext(ctx, "unexpected error", "reference", reference, "path", fmt.Sprint(graphql.GetPath(ctx)), "error", err)
	}
	shown := gqlerror.ErrorPathf(graphql.GetPath(ctx), "Something went wrong here. Tell the operator this reference: %s.", reference)
	shown.Extensions = map[string]any{"code": "INTERNAL", "reference": reference}
	return shown
}
