package graph

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"

	"github.com/99designs/gqlgen/graphql"
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
// the document or its variables, are shown as they are. Everything else is logged under a reference, and only the reference
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
			return own
		}
		if own, ok := errors.AsType[*gqlerror.Error](err); ok && own.Extensions["code"] != nil {
			return own
		}
		return unexpected(ctx, log, err)
	}
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
