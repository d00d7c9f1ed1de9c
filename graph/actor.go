package graph

import (
	"context"
	"net/http"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
)

type actorKey struct{}

// actor returns who the request is from; the anonymous actor when nobody is signed in.
func actor(ctx context.Context) db.Actor {
	a, _ := ctx.Value(actorKey{}).(db.Actor)
	return a
}

func withActor(ctx context.Context, a db.Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// bearer returns the token of an Authorization header (RFC 6750), "" when there is none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
