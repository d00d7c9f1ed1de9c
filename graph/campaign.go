package graph

import (
	"context"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph/internal/model"
)

// PreviewInvitations shows what SendInvitations would do.
func (r mutationResolver) PreviewInvitations(ctx context.Context, input db.SendInvitationsInput) (*db.InvitationPreview, error) {
	if err := r.allow(ctx, campaigns, client(ctx)); err != nil {
		return nil, err
	}
	preview, err := r.db.PreviewInvitations(ctx, actor(ctx), input)
	if err != nil {
		problems, err := userErrors(err)
		return &db.InvitationPreview{Problems: problems}, err
	}
	return preview, nil
}

// Rows returns a page of the audience.
func (r previewResolver) Rows(_ context.Context, of *db.InvitationPreview, first *int, after *string) (*db.Connection[db.AudienceRow], error) {
	return of.Page(db.Page{First: first, After: after})
}

// Mails returns what the mail would be in each language.
func (r previewResolver) Mails(_ context.Context, of *db.InvitationPreview) ([]*model.MailPreview, error) {
	return r.proofs(of.Specimens)
}

// proofs words specimens as they would be sent; none when the program does not know where people reach it.
func (r resolver) proofs(specimens []*db.Specimen) ([]*model.MailPreview, error) {
	mails := []*model.MailPreview{}
	if r.proof == nil {
		return mails, nil
	}
	for _, s := range specimens {
		subject, text, html, err := r.proof(s.Mail)
		if err != nil {
			return nil, err
		}
		m := &model.MailPreview{Language: string(s.Language), Readers: s.Readers, Subject: subject, Text: text, HTML: html}
		if words := string(s.Words); words != "" {
			m.TextLanguage = &words
		}
		mails = append(mails, m)
	}
	return mails, nil
}

// SendTestInvitation mails an invitation to whoever asks for it, and to nobody else.
func (r mutationResolver) SendTestInvitation(ctx context.Context, input db.SendTestInvitationInput) (*model.SendTestInvitationPayload, error) {
	if err := r.allow(ctx, trials, client(ctx)); err != nil {
		return nil, err
	}
	deliveries, err := r.db.SendTestInvitation(ctx, actor(ctx), input)
	problems, err := userErrors(err)
	return &model.SendTestInvitationPayload{Deliveries: deliveries, UserErrors: problems}, err
}

// SendInvitations starts a campaign.
func (r mutationResolver) SendInvitations(ctx context.Context, input db.SendInvitationsInput) (*model.SendInvitationsPayload, error) {
	if err := r.allow(ctx, campaigns, client(ctx)); err != nil {
		return nil, err
	}
	campaign, err := r.db.SendInvitations(ctx, actor(ctx), input, shape(ctx).Of("campaign"))
	problems, err := userErrors(err)
	return &model.SendInvitationsPayload{Campaign: campaign, UserErrors: problems}, err
}

// PauseCampaign holds back what has not left.
func (r mutationResolver) PauseCampaign(ctx context.Context, input model.PauseCampaignInput) (*model.PauseCampaignPayload, error) {
	campaign, err := r.db.PauseCampaign(ctx, actor(ctx), input.CampaignID, shape(ctx).Of("campaign"))
	problems, err := userErrors(err)
	return &model.PauseCampaignPayload{Campaign: campaign, UserErrors: problems}, err
}

// ResumeCampaign lets a paused campaign continue.
func (r mutationResolver) ResumeCampaign(ctx context.Context, input model.ResumeCampaignInput) (*model.ResumeCampaignPayload, error) {
	campaign, err := r.db.ResumeCampaign(ctx, actor(ctx), input.CampaignID, shape(ctx).Of("campaign"))
	problems, err := userErrors(err)
	return &model.ResumeCampaignPayload{Campaign: campaign, UserErrors: problems}, err
}

// CancelCampaign stops a campaign for good.
func (r mutationResolver) CancelCampaign(ctx context.Context, input model.CancelCampaignInput) (*model.CancelCampaignPayload, error) {
	campaign, err := r.db.CancelCampaign(ctx, actor(ctx), input.CampaignID, shape(ctx).Of("campaign"))
	problems, err := userErrors(err)
	return &model.CancelCampaignPayload{Campaign: campaign, UserErrors: problems}, err
}

// RetryFailed sends invitations again that did not arrive.
func (r mutationResolver) RetryFailed(ctx context.Context, input db.RetryFailedInput) (*model.RetryFailedPayload, error) {
	if err := r.allow(ctx, campaigns, client(ctx)); err != nil {
		return nil, err
	}
	campaign, retried, err := r.db.RetryFailed(ctx, actor(ctx), input, shape(ctx).Of("campaign"))
	problems, err := userErrors(err)
	return &model.RetryFailedPayload{Campaign: campaign, Retried: retried, UserErrors: problems}, err
}

// RemindInvited plans a reminder.
func (r mutationResolver) RemindInvited(ctx context.Context, input db.RemindInvitedInput) (*model.RemindInvitedPayload, error) {
	if err := r.allow(ctx, campaigns, client(ctx)); err != nil {
		return nil, err
	}
	reminder, err := r.db.RemindInvited(ctx, actor(ctx), input, shape(ctx).Of("reminder"))
	problems, err := userErrors(err)
	return &model.RemindInvitedPayload{Reminder: reminder, UserErrors: problems}, err
}

// WithdrawReminder takes a reminder back.
func (r mutationResolver) WithdrawReminder(ctx context.Context, input model.WithdrawReminderInput) (*model.WithdrawReminderPayload, error) {
	reminder, err := r.db.WithdrawReminder(ctx, actor(ctx), input.ReminderID, shape(ctx).Of("reminder"))
	problems, err := userErrors(err)
	return &model.WithdrawReminderPayload{Reminder: reminder, UserErrors: problems}, err
}

// Invitations lists the invitations of a campaign.
func (r campaignResolver) Invitations(ctx context.Context, of *db.Campaign, first *int, after *string, last *int, before *string, status *db.InvitationStatus, state *db.DeliveryState) (*db.Connection[db.Invitation], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.InvitationsOf(ctx, actor(ctx), of, p, status, state, records)
}

// Deliveries lists the mails of a campaign.
func (r campaignResolver) Deliveries(ctx context.Context, of *db.Campaign, first *int, after *string, last *int, before *string, state *db.DeliveryState) (*db.Connection[db.Delivery], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.DeliveriesOf(ctx, actor(ctx), of, p, state, records)
}

// progressEvery is how often a followed campaign is looked at. The database is the only place where all processes meet, and a
// look costs one row.
const progressEvery = 500 * time.Millisecond

// CampaignProgress sends the campaign whole, at once and after every change, until it is over.
func (r subscriptionResolver) CampaignProgress(ctx context.Context, id db.ID) (<-chan *db.Campaign, error) {
	read := shape(ctx)
	campaign, err := r.db.Campaign(ctx, actor(ctx), id, read)
	if err != nil {
		return nil, err
	}
	if campaign == nil {
		return nil, &db.Error{Code: db.CodeNotFound, Message: "There is no such campaign, or none that you organise.", Field: []string{"id"}}
	}
	snapshots := make(chan *db.Campaign)
	go func() {
		defer close(snapshots)
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case snapshots <- campaign:
			case <-ctx.Done():
				return
			}
			for sent := campaign; campaign.Version == sent.Version && campaign.Status() == sent.Status(); {
				if campaign.Over() {
					return
				}
				select {
				case <-ticker.C:
				case <-ctx.Done():
					return
				}
				reader, ok, err := r.db.Renew(ctx, actor(ctx))
				if err != nil || !ok {
					return
				}
				next, err := r.db.Campaign(ctx, reader, id, read)
				if err != nil || next == nil {
					return // the reader asks again, and hears why
				}
				campaign = next
			}
		}
	}()
	return snapshots, nil
}
