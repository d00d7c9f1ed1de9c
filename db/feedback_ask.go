package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// AskForFeedbackInput begins a survey.
type AskForFeedbackInput struct {
	IdempotencyKey string
	EditionID      ID
	OpensAt        *time.Time // nil: at once
	ClosesAt       time.Time
	Anonymous      bool
	RemindAt       *time.Time // nil: nobody is reminded
}

// AskForFeedback asks those who came to an edition what they think of it: everybody with a place where nobody recorded who came.
// Each gets a mail when the survey opens, which is a campaign like any other, and those who have not answered at RemindAt get one
// more. An edition has one survey. The same key with the same input returns the same campaign.
func (d *DB) AskForFeedback(ctx context.Context, actor Actor, in AskForFeedbackInput, edition, campaign Shape) (*Edition, *Campaign, error) {
	if actor.Anonymous() {
		return nil, nil, notSignedIn()
	}
	hash, err := inputHash(in)
	if err != nil {
		return nil, nil, err
	}
	var c *Campaign
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		v := viewIn(tx, actor, now)
		if problem := checkKey(in.IdempotencyKey); problem != nil {
			return problem
		}
		before, err := replayed(ctx, tx, actor, in.IdempotencyKey, hash)
		if err != nil {
			return err
		}
		if !before.IsZero() {
			c, err = v.campaign(ctx, before, nil)
			return err
		}
		e := new(Edition) // under lock, so that two do not both begin
		ok, err := found(d.locked(v.visible(tx.NewSelect().Model(e))).Where("?TableAlias.id = ?", in.EditionID).Scan(ctx))
		if err != nil {
			return fmt.Errorf("edition: %w", err)
		}
		if !ok {
			return problem(CodeNotFound, "input.editionId", "There is no such edition.")
		}
		if !actor.organisesEdition(e.ID, e.PartnershipID, e.HostID) {
			return problem(CodeForbidden, "input.editionId", "Only organisers of the edition ask for feedback on it.")
		}
		s, err := in.survey(now, actor, e)
		if err != nil {
			return err
		}
		if taken, err := tx.NewSelect().Model((*Survey)(nil)).Where("edition_id = ?", e.ID).Exists(ctx); taken || err != nil {
			if err != nil {
				return fmt.Errorf("survey: %w", err)
			}
			return problem(CodeConflict, "input.editionId", "Feedback on this edition was asked for already.")
		}
		if c, err = startSurvey(ctx, v, actor, s); err != nil {
			return err
		}
		if err := audit(ctx, tx, now, actor, "ask for feedback", e.ID); err != nil {
			return err
		}
		return remember(ctx, tx, now, actor, in.IdempotencyKey, hash, c.ID)
	})
	if err != nil {
		return nil, nil, err
	}
	d.woken()
	e, err := d.Edition(ctx, actor, in.EditionID, edition)
	if err != nil || c == nil {
		return e, nil, err
	}
	v := d.view(actor)
	return e, c, v.finish(ctx, v.meetings(ctx, []*Campaign{c}, campaign))
}

// survey checks the input and makes the survey of it.
func (in AskForFeedbackInput) survey(now time.Time, actor Actor, e *Edition) (*Survey, error) {
	problems := Errors{}
	starts, dated := e.starts()
	switch {
	case e.Status != EditionPublished:
		problems = append(problems, problem(CodeConflict, "input.editionId", "Ask about an edition that is public and was not cancelled."))
	case dated && now.Before(starts) || !dated && now.Year() < e.Year:
		problems = append(problems, problem(CodeConflict, "input.editionId", "This edition has not begun; ask when it is known who came."))
	}
	instant := func(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }
	s := &Survey{
		ID: NewID(KindSurvey, now), EditionID: e.ID, OpensAt: now, ClosesAt: instant(in.ClosesAt), Anonymous: in.Anonymous,
		CreatedBy: actor.PersonID, CreatedAt: now,
	}
	if in.OpensAt != nil && in.OpensAt.After(now) {
		s.OpensAt = instant(*in.OpensAt)
	}
	if !s.ClosesAt.After(s.OpensAt) {
		problems = append(problems, problem(CodeInvalid, "input.closesAt", "Close the survey after it opens, and in the future."))
	} else if s.ClosesAt.After(now.AddDate(1, 0, 0)) {
		problems = append(problems, problem(CodeInvalid, "input.closesAt", "Close the survey within a year from now."))
	}
	if in.RemindAt != nil {
		at := instant(*in.RemindAt)
		if s.RemindAt = &at; !at.After(s.OpensAt) || !at.Before(s.ClosesAt) {
			problems = append(problems, problem(CodeInvalid, "input.remindAt", "Remind people while the survey is open."))
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return s, nil
}

// startSurvey writes a survey, whom it asks and the campaign that asks them.
func startSurvey(ctx context.Context, v view, actor Actor, s *Survey) (*Campaign, error) {
	tx := v.tx.(bun.Tx)
	people, err := v.cameTo(ctx, s.EditionID)
	if err != nil {
		return nil, err
	}
	if len(people) == 0 {
		return nil, problem(CodeConflict, "input.editionId", "Nobody came to this edition or has a place in it, so there is nobody to ask.")
	}
	if _, err := tx.NewInsert().Model(s).Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert survey: %w", err)
	}
	if s.Anonymous {
		text, err := new(tally).text()
		if err != nil {
			return nil, err
		}
		if _, err := tx.NewInsert().Model(&surveyTally{SurveyID: s.ID, Tally: text}).Exec(ctx); err != nil {
			return nil, fmt.Errorf("insert tally: %w", err)
		}
	}
	c := &Campaign{
		ID: NewID(KindCampaign, v.now), EditionID: s.EditionID, SurveyID: s.ID, CreatedBy: actor.PersonID, State: CampaignSending,
		SendAt: s.OpensAt, CreatedAt: v.now, Version: 1, Total: len(people), readAt: v.now,
	}
	if _, err := tx.NewInsert().Model(c).Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert campaign: %w", err)
	}
	readers, mails := make([]*surveyReader, len(people)), make([]*Delivery, len(people))
	for i, p := range people {
		readers[i] = &surveyReader{SurveyID: s.ID, PersonID: p.ID}
		mails[i] = &Delivery{Kind: MailFeedback, PersonID: p.ID, CampaignID: c.ID, SurveyID: s.ID, CreatedAt: v.now, NotBefore: c.SendAt}
	}
	if err := insertAll(ctx, tx, readers); err != nil {
		return nil, err
	}
	return c, queue(ctx, tx, mails...)
}

// cameTo returns who came to an edition, or has a place there where nobody recorded who came.
func (v view) cameTo(ctx context.Context, edition ID) ([]*Person, error) {
	const ofEdition = `(SELECT seats.id FROM seats LEFT JOIN sessions ON sessions.id = seats.session_id
		WHERE seats.edition_id = ?0 OR sessions.edition_id = ?0)`
	var people []*Person
	if err := v.tx.NewSelect().Model(&people).Where("erased_at IS NULL").Where("email IS NOT NULL").
		Where("id IN (SELECT person_id FROM attendances WHERE seats_id IN "+ofEdition+`
			UNION SELECT person_id FROM registrations WHERE status = ?1 AND seats_id IN `+ofEdition+` AND NOT EXISTS
				(SELECT 1 FROM attendances WHERE seats_id IN `+ofEdition+"))", edition, Confirmed).
		Order("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("people to ask: %w", err)
	}
	return people, nil
}

// remindOfFeedback mails those once more who have not answered, and remembers in the same transaction that it did.
func (d *DB) remindOfFeedback(ctx context.Context) (queued int, err error) {
	due := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("remind_at <= ?", d.now()).Where("reminded_at IS NULL")
	}
	var ids []ID
	if err := due(d.read.NewSelect().Model((*Survey)(nil)).Column("id")).Order("remind_at").Scan(ctx, &ids); err != nil {
		return 0, fmt.Errorf("surveys to remind of: %w", err)
	}
	for _, id := range ids {
		n := 0
		if err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
			n = 0
			s := new(Survey)
			if ok, err := found(due(d.locked(tx.NewSelect().Model(s))).Where("id = ?", id).Scan(ctx)); !ok || err != nil {
				return err
			}
			var left []ID
			if err := tx.NewSelect().Model((*surveyReader)(nil)).Column("person_id").Where("survey_id = ?", s.ID).Where("NOT answered").
				Where("person_id IN (SELECT id FROM people WHERE erased_at IS NULL)").Order("person_id").Scan(ctx, &left); err != nil {
				return fmt.Errorf("who has not answered: %w", err)
			}
			if s.closed(now) {
				left = nil
			}
			mails := make([]*Delivery, len(left))
			for i, person := range left {
				mails[i] = &Delivery{Kind: MailFeedbackReminder, PersonID: person, SurveyID: s.ID, CreatedAt: now, NotBefore: now}
			}
			n = len(mails)
			if err := queue(ctx, tx, mails...); err != nil {
				return err
			}
			s.RemindedAt = &now
			if _, err := tx.NewUpdate().Model(s).Column("reminded_at").WherePK().Exec(ctx); err != nil {
				return fmt.Errorf("remember reminder: %w", err)
			}
			return nil
		}); err != nil {
			return queued, err
		}
		queued += n
	}
	return queued, nil
}

// mailedSurvey is a survey with what its mails have to know.
type mailedSurvey struct {
	survey   *Survey
	campaign ID
	answered map[ID]bool // by person
}

// surveysOfMails returns the surveys that deliveries are about.
func (v view) surveysOfMails(ctx context.Context, deliveries []*Delivery) (map[ID]*mailedSurvey, error) {
	surveys, err := byID[Survey](ctx, v.tx, idsBy(deliveries, func(x *Delivery) ID { return x.SurveyID }))
	if err != nil || len(surveys) == 0 {
		return nil, err
	}
	ids := idsOf(values(surveys))
	of := map[ID]*mailedSurvey{}
	for id, s := range surveys {
		of[id] = &mailedSurvey{survey: s, answered: map[ID]bool{}}
	}
	campaigns, err := ofSurveys[Campaign](ctx, v.tx, ids)
	if err != nil {
		return nil, err
	}
	for _, c := range campaigns {
		of[c.SurveyID].campaign = c.ID
	}
	var readers []*surveyReader
	if err := v.tx.NewSelect().Model(&readers).Where("survey_id IN (?)", bun.List(ids)).Where("answered").
		Where("person_id IN (?)", bun.List(idsBy(deliveries, func(x *Delivery) ID { return x.PersonID }))).Scan(ctx); err != nil {
		return nil, fmt.Errorf("who has answered: %w", err)
	}
	for _, r := range readers {
		of[r.SurveyID].answered[r.PersonID] = true
	}
	return of, nil
}
