package graph

import (
	"context"
	"log/slog"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/exec"
	"github.com/vaktreffen/vaktreffen/graph/internal/rate"
)

// resolver answers the fields that are more than a value of a loaded record: each makes one call of package db and decides
// nothing. One file per noun.
type resolver struct {
	db     *db.DB
	rates  *rate.Limiter
	log    *slog.Logger
	proof  func(*db.Mail) (subject, text, html string, err error)
	origin string // where people reach the program
}

var _ exec.ResolverRoot = resolver{}

type (
	queryResolver         struct{ resolver }
	mutationResolver      struct{ resolver }
	subscriptionResolver  struct{ resolver }
	municipalityResolver  struct{ resolver }
	institutionResolver   struct{ resolver }
	seriesResolver        struct{ resolver }
	courseResolver        struct{ resolver }
	courseRunResolver     struct{ resolver }
	editionResolver       struct{ resolver }
	campaignResolver      struct{ resolver }
	previewResolver       struct{ resolver }
	seatsResolver         struct{ resolver }
	viewerResolver        struct{ resolver }
	reportResolver        struct{ resolver }
	partnershipResolver   struct{ resolver }
	materialResolver      struct{ resolver }
	reportPreviewResolver struct{ resolver }
	practiceResolver      struct{ resolver }
)

func (r resolver) Query() exec.QueryResolver               { return queryResolver{r} }
func (r resolver) Mutation() exec.MutationResolver         { return mutationResolver{r} }
func (r resolver) Subscription() exec.SubscriptionResolver { return subscriptionResolver{r} }
func (r resolver) Municipality() exec.MunicipalityResolver { return municipalityResolver{r} }
func (r resolver) Institution() exec.InstitutionResolver   { return institutionResolver{r} }
func (r resolver) Series() exec.SeriesResolver             { return seriesResolver{r} }
func (r resolver) Course() exec.CourseResolver             { return courseResolver{r} }
func (r resolver) CourseRun() exec.CourseRunResolver       { return courseRunResolver{r} }
func (r resolver) Edition() exec.EditionResolver           { return editionResolver{r} }
func (r resolver) Campaign() exec.CampaignResolver         { return campaignResolver{r} }
func (r resolver) Seats() exec.SeatsResolver               { return seatsResolver{r} }
func (r resolver) Viewer() exec.ViewerResolver             { return viewerResolver{r} }
func (r resolver) Report() exec.ReportResolver             { return reportResolver{r} }
func (r resolver) Partnership() exec.PartnershipResolver   { return partnershipResolver{r} }
func (r resolver) Material() exec.MaterialResolver         { return materialResolver{r} }
func (r resolver) PreviewReportPayload() exec.PreviewReportPayloadResolver {
	return reportPreviewResolver{r}
}
func (r resolver) PracticeDescription() exec.PracticeDescriptionResolver {
	return practiceResolver{r}
}
func (r resolver) PreviewInvitationsPayload() exec.PreviewInvitationsPayloadResolver {
	return previewResolver{r}
}

// Node returns any record by its id.
func (r queryResolver) Node(ctx context.Context, id db.ID) (db.Node, error) {
	return r.db.Node(ctx, actor(ctx), id, shape(ctx))
}

// Nodes returns several records by their ids.
func (r queryResolver) Nodes(ctx context.Context, ids []db.ID) ([]db.Node, error) {
	return r.db.Nodes(ctx, actor(ctx), ids, shape(ctx))
}
