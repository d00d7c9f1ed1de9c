package graph

import (
	"context"
	"embed"
	"fmt"
	"net/http"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/graphiql"
)

// operations are the documents that frontends and organisers send. The schema serves them unchanged.
//
//go:embed operations/*.graphql
var operations embed.FS

// graphiQL serves the editor with every operation in a tab of its own. The variables name records that are there.
func graphiQL(ctx context.Context, d *db.DB) (http.Handler, error) {
	one := 1
	page := db.Page{First: &one}
	editions, err := d.Editions(ctx, db.Actor{}, page, db.EditionFilter{}, db.Shape{"seats": nil})
	if err != nil {
		return nil, err
	}
	var edition, partnership, seats string
	if len(editions.Nodes) > 0 {
		edition, partnership = editions.Nodes[0].ID.String(), editions.Nodes[0].PartnershipID.String()
		if editions.Nodes[0].Seats != nil {
			seats = editions.Nodes[0].Seats.ID.String()
		}
	}
	invitation := fmt.Sprintf(`{"input": {"idempotencyKey": "my-first-campaign", "editionId": %q, "audience": {"csv": "name;email;organisation;locale\nAnna Voorbeeld;anna@example.org;Groningen;nl\n"}}}`, edition)
	var tabs []graphiql.Tab
	for _, tab := range []struct{ file, title, variables string }{
		{"agenda", "Published content needs no token", fmt.Sprintf(`{"id": %q}`, edition)},
		{"agenda-seats", "Never kept in a cache", fmt.Sprintf(`{"id": %q}`, edition)},
		{"editions", "Editions, the latest first", `{"first": 10}`},
		{"partnership", "The day is the one the agreements are judged on", fmt.Sprintf(`{"id": %q, "on": "2027-01-01"}`, partnership)},
		{"courses", "Courses and their runs", `{"first": 10}`},
		{"municipalities", "Municipalities", `{"first": 10}`},
		{"invitations", "Set the header Authorization to the token of an organiser: Bearer vt_…", invitation},
		{"registration", "Set the header Authorization to a token: Bearer vt_…", fmt.Sprintf(`{"input": {"idempotencyKey": "my-registration", "seatsId": %q}}`, seats)},
	} {
		document, err := operations.ReadFile("operations/" + tab.file + ".graphql")
		if err != nil {
			return nil, err
		}
		tabs = append(tabs, graphiql.Tab{Title: tab.title, Query: string(document), Variables: tab.variables})
	}
	return http.StripPrefix("/graphiql", graphiql.Handler("/graphql", tabs)), nil
}
