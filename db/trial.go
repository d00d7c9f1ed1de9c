package db

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Tests of an invitation: the mail as it would be, to the organiser alone. They invite nobody, count in no campaign, and their links
// lead to a page that says so.

// SendTestInvitationInput says which invitation an organiser wants to see in their own mailbox.
type SendTestInvitationInput struct {
	IdempotencyKey string
	EditionID      *ID
	CourseRunID    *ID
	Message        *string
	Texts          []InvitationTextInput `json:",omitempty"`
	RespondBy      *time.Time
	Languages      []Locale `json:",omitempty"`
}

// trial is what one test shows.
type trial struct {
	EditionID   ID             `json:"edition"`
	CourseRunID ID             `json:"courseRun"`
	Message     string         `json:"message"`
	Texts       []CampaignText `json:"texts"`
	RespondBy   *time.Time     `json:"respondBy"`
	Language    Locale         `json:"language"`
}

// SendTestInvitation mails an invitation to the actor's own address, once in each of the languages: those named, else those of the
// texts, else the actor's own. The same idempotency key with the same input mails nothing more.
func (d *DB) SendTestInvitation(ctx context.Context, actor Actor, in SendTestInvitationInput) ([]*Delivery, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	hash, err := inputHash(in)
	if err != nil {
		return nil, err
	}
	var deliveries []*Delivery
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		deliveries = nil
		v := viewIn(tx, actor, now)
		self := new(Person)
		if err := d.locked(tx.NewSelect().Model(self)).Where("id = ?", actor.PersonID).Scan(ctx); err != nil {
			return fmt.Errorf("who asks: %w", err)
		}
		if p := checkKey(in.IdempotencyKey); p != nil {
			return p
		}
		before, err := replayed(ctx, tx, actor, in.IdempotencyKey, hash)
		if err != nil {
			return err
		}
		if !before.IsZero() {
			if err := tx.NewSelect().Model(&deliveries).Where("person_id = ?", actor.PersonID).Where("kind = ?", MailTrial).
				Where("created_at = (SELECT created_at FROM deliveries WHERE id = ?)", before).Order("id").Scan(ctx); err != nil {
				return fmt.Errorf("tests of before: %w", err)
			}
			return nil
		}
		words, problems := d.words(in.Message, in.Texts)
		languages := in.Languages
		for i, language := range languages {
			if !slices.Contains([]Locale{Dutch, German, English}, language) {
				p := problem(CodeInvalid, "input.languages", "%q is not a language mails are written in; use nl, de or en.", shorten(string(language)))
				p.Index = &i
				problems = append(problems, p)
			}
		}
		if (in.EditionID == nil) == (in.CourseRunID == nil) {
			problems = append(problems, problem(CodeRequired, "input.editionId", "Name either an edition or a course run, and only one of them."))
		}
		if in.RespondBy != nil && !in.RespondBy.After(now) {
			problems = append(problems, problem(CodeInvalid, "input.respondBy", "Let people answer until a moment that lies ahead."))
		}
		if len(problems) > 0 {
			return problems
		}
		t, err := v.target(ctx, d, &SendInvitationsInput{EditionID: in.EditionID, CourseRunID: in.CourseRunID})
		if err != nil {
			return err
		}
		if self.Address == nil {
			return problem(CodeConflict, "", "No mail address is known of you; the test would go nowhere.")
		}
		if problems := words.unknown(t, in.RespondBy != nil, nil); len(problems) > 0 {
			return problems
		}
		if len(languages) == 0 {
			for _, text := range words.texts {
				languages = append(languages, text.Language)
			}
		}
		if len(languages) == 0 {
			languages = []Locale{self.Language}
		}
		for _, language := range slices.Compact(slices.Sorted(slices.Values(languages))) {
			deliveries = append(deliveries, &Delivery{
				Kind: MailTrial, PersonID: actor.PersonID, CreatedAt: now, NotBefore: now,
				Trial: &trial{
					EditionID: valueOf(in.EditionID), CourseRunID: valueOf(in.CourseRunID), Message: words.message, Texts: words.texts,
					RespondBy: in.RespondBy, Language: language,
				},
			})
		}
		if err := queue(ctx, tx, deliveries...); err != nil {
			return err
		}
		// In the order in which they are found again.
		slices.SortFunc(deliveries, func(a, b *Delivery) int { return bytes.Compare(a.ID[:], b.ID[:]) })
		if err := remember(ctx, tx, now, actor, in.IdempotencyKey, hash, deliveries[0].ID); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, "send test invitation", t.id)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	return deliveries, nil
}

// show makes of a mail the test that it is.
func (t *trial) show(m *Mail) {
	reader := *m.Person
	reader.Language = t.Language
	m.Person, m.Organiser = &reader, m.Person
	m.Campaign = &Campaign{Message: t.Message, Texts: t.Texts, RespondBy: t.RespondBy}
}
