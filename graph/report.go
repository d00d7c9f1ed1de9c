package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
)

// Revisions lists the versions of one text of a report.
func (r reportResolver) Revisions(ctx context.Context, of *db.Report, part *db.ID, locale string) ([]*db.ReportText, error) {
	return r.db.ReportRevisions(ctx, actor(ctx), of, part, db.Locale(locale), shape(ctx))
}

// URL returns where a material is.
func (r materialResolver) URL(_ context.Context, of *db.Material) (string, error) {
	return of.Address(r.origin), nil
}

// StartReport begins the report of an edition.
func (r mutationResolver) StartReport(ctx context.Context, input model.StartReportInput) (*model.StartReportPayload, error) {
	report, err := r.db.StartReport(ctx, actor(ctx), input.EditionID, shape(ctx).Of("report"))
	problems, err := userErrors(err)
	return &model.StartReportPayload{Report: report, UserErrors: problems}, err
}

// SaveReportText saves the next version of a text.
func (r mutationResolver) SaveReportText(ctx context.Context, input db.SaveReportTextInput) (*model.SaveReportTextPayload, error) {
	text, err := r.db.SaveReportText(ctx, actor(ctx), input, shape(ctx).Of("text"))
	problems, err := userErrors(err)
	return &model.SaveReportTextPayload{Text: text, UserErrors: problems}, err
}

// AddReportQuestion writes down a question.
func (r mutationResolver) AddReportQuestion(ctx context.Context, input db.AddReportQuestionInput) (*model.AddReportQuestionPayload, error) {
	report, err := r.db.AddReportQuestion(ctx, actor(ctx), input, shape(ctx).Of("report"))
	problems, err := userErrors(err)
	return &model.AddReportQuestionPayload{Report: report, UserErrors: problems}, err
}

// MarkQuestion says whether a question is answered.
func (r mutationResolver) MarkQuestion(ctx context.Context, input db.MarkQuestionInput) (*model.MarkQuestionPayload, error) {
	question, err := r.db.MarkQuestion(ctx, actor(ctx), input, shape(ctx).Of("question"))
	problems, err := userErrors(err)
	return &model.MarkQuestionPayload{Question: question, UserErrors: problems}, err
}

// OfferHelp offers help with a question.
func (r mutationResolver) OfferHelp(ctx context.Context, input db.OfferHelpInput) (*model.OfferHelpPayload, error) {
	question, err := r.db.OfferHelp(ctx, actor(ctx), input, shape(ctx).Of("question"))
	problems, err := userErrors(err)
	return &model.OfferHelpPayload{Question: question, UserErrors: problems}, err
}

// AddReportAction writes down who does what next.
func (r mutationResolver) AddReportAction(ctx context.Context, input db.AddReportActionInput) (*model.AddReportActionPayload, error) {
	report, err := r.db.AddReportAction(ctx, actor(ctx), input, shape(ctx).Of("report"))
	problems, err := userErrors(err)
	return &model.AddReportActionPayload{Report: report, UserErrors: problems}, err
}

// ChangeReportAction changes an action.
func (r mutationResolver) ChangeReportAction(ctx context.Context, input db.ChangeReportActionInput) (*model.ChangeReportActionPayload, error) {
	action, err := r.db.ChangeReportAction(ctx, actor(ctx), input, shape(ctx).Of("action"))
	problems, err := userErrors(err)
	return &model.ChangeReportActionPayload{Action: action, UserErrors: problems}, err
}

// AddMaterial adds a link.
func (r mutationResolver) AddMaterial(ctx context.Context, input db.AddMaterialInput) (*model.AddMaterialPayload, error) {
	report, err := r.db.AddMaterial(ctx, actor(ctx), input, shape(ctx).Of("report"))
	problems, err := userErrors(err)
	return &model.AddMaterialPayload{Report: report, UserErrors: problems}, err
}

// RemoveReportEntry takes something out of a report.
func (r mutationResolver) RemoveReportEntry(ctx context.Context, input model.RemoveReportEntryInput) (*model.RemoveReportEntryPayload, error) {
	report, err := r.db.RemoveReportEntry(ctx, actor(ctx), input.ReportID, input.EntryID, shape(ctx).Of("report"))
	problems, err := userErrors(err)
	return &model.RemoveReportEntryPayload{Report: report, UserErrors: problems}, err
}

// ReviewReport shows a draft to those who were there.
func (r mutationResolver) ReviewReport(ctx context.Context, input model.ReviewReportInput) (*model.ReviewReportPayload, error) {
	report, err := r.db.ReviewReport(ctx, actor(ctx), input.ReportID, shape(ctx).Of("report"))
	problems, err := userErrors(err)
	return &model.ReviewReportPayload{Report: report, UserErrors: problems}, err
}

// ProposeCorrection proposes other words.
func (r mutationResolver) ProposeCorrection(ctx context.Context, input db.ProposeCorrectionInput) (*model.ProposeCorrectionPayload, error) {
	correction, err := r.db.ProposeCorrection(ctx, actor(ctx), input, shape(ctx).Of("correction"))
	problems, err := userErrors(err)
	return &model.ProposeCorrectionPayload{Correction: correction, UserErrors: problems}, err
}

// DecideCorrection takes over proposed words or leaves them.
func (r mutationResolver) DecideCorrection(ctx context.Context, input db.DecideCorrectionInput) (*model.DecideCorrectionPayload, error) {
	report, err := r.db.DecideCorrection(ctx, actor(ctx), input, shape(ctx).Of("report"))
	problems, err := userErrors(err)
	return &model.DecideCorrectionPayload{Report: report, UserErrors: problems}, err
}

// PreviewReport shows what PublishReport would do.
func (r mutationResolver) PreviewReport(ctx context.Context, input db.PublishReportInput) (*db.ReportPreview, error) {
	preview, err := r.db.PreviewReport(ctx, actor(ctx), input)
	if err != nil {
		problems, err := userErrors(err)
		return &db.ReportPreview{Problems: problems}, err
	}
	return preview, nil
}

// Mails returns what the mail would be in each language.
func (r reportPreviewResolver) Mails(_ context.Context, of *db.ReportPreview) ([]*model.MailPreview, error) {
	return r.proofs(of.Specimens)
}

// PublishReport shows a report to everybody and mails it.
func (r mutationResolver) PublishReport(ctx context.Context, input db.PublishReportInput) (*model.PublishReportPayload, error) {
	if err := r.allow(ctx, campaigns, client(ctx)); err != nil {
		return nil, err
	}
	read := shape(ctx)
	report, campaign, err := r.db.PublishReport(ctx, actor(ctx), input, read.Of("report"), read.Of("campaign"))
	problems, err := userErrors(err)
	return &model.PublishReportPayload{Report: report, Campaign: campaign, UserErrors: problems}, err
}

// AskForReport has the report mailed to the viewer.
func (r mutationResolver) AskForReport(ctx context.Context, input model.AskForReportInput) (*model.AskForReportPayload, error) {
	edition, err := r.db.AskForReport(ctx, actor(ctx), input.EditionID, shape(ctx).Of("edition"))
	problems, err := userErrors(err)
	return &model.AskForReportPayload{Edition: edition, UserErrors: problems}, err
}
