package db

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/vaktreffen/vaktreffen/db/wording"
)

// SendInvitationsInput says who is invited to what: either an edition or a course run.
type SendInvitationsInput struct {
	IdempotencyKey string
	EditionID      *ID
	CourseRunID    *ID
	Audience       AudienceInput
	Message        *string
	Texts          []InvitationTextInput `json:",omitempty"`
	RespondBy      *time.Time
	SendAt         *time.Time
}

// InvitationPreview is what SendInvitations would do.
type InvitationPreview struct {
	Total             int // different people
	NewRecipients     int // who would get a mail
	AlreadyInvited    int
	AlreadyRegistered int
	Suppressed        int // whose address takes no mail from here
	OptedOut          int // who asked for no more invitations
	Rows              []AudienceRow
	Specimens         []*Specimen // of the mail, one for each language
	Problems          []*Error    // what has to be mended before sending
}

// Page returns a page of the rows.
func (p *InvitationPreview) Page(page Page) (*Connection[AudienceRow], error) {
	w, err := page.check(func(cursor []string) bool { return len(cursor) == 1 })
	if err != nil {
		return nil, err
	}
	from := 0
	if w.after != nil {
		if from, err = strconv.Atoi(w.after[0]); err != nil || from < 0 || from > len(p.Rows) {
			return nil, notACursor("after")
		}
	}
	to := min(from+w.limit, len(p.Rows))
	c := &Connection[AudienceRow]{TotalCount: len(p.Rows), PageInfo: PageInfo{HasPreviousPage: from > 0, HasNextPage: to < len(p.Rows)}}
	c.Nodes, c.Edges = make([]*AudienceRow, to-from), make([]*Edge[AudienceRow], to-from)
	for i := range to - from {
		c.Nodes[i] = &p.Rows[from+i]
		c.Edges[i] = &Edge[AudienceRow]{Cursor: writeCursor([]string{strconv.Itoa(from + i + 1)}), Node: c.Nodes[i]}
	}
	if n := len(c.Edges); n > 0 {
		c.PageInfo.StartCursor, c.PageInfo.EndCursor = &c.Edges[0].Cursor, &c.Edges[n-1].Cursor
	}
	return c, nil
}

// target is the edition or the course run that a campaign invites to.
type target struct {
	id      ID
	column  bun.Ident // of invitations, campaigns and seats
	field   string
	starts  time.Time // zero when not known
	venue   string    // with or without address, "" when not known
	problem *Error    // why nobody can be invited to it
}

// check refuses what can never be right, before any look at the database.
func (in *SendInvitationsInput) check(d *DB, now time.Time) (words campaignWords, problems Errors) {
	refuse := func(code ErrorCode, field, format string, args ...any) {
		problems = append(problems, problem(code, "input."+field, format, args...))
	}
	if p := checkKey(in.IdempotencyKey); p != nil {
		problems = append(problems, p)
	}
	if (in.EditionID == nil) == (in.CourseRunID == nil) {
		refuse(CodeRequired, "editionId", "Name either an edition or a course run, and only one of them.")
	}
	a := in.Audience
	switch {
	case len(a.PersonIDs) == 0 && len(a.OrganisationIDs) == 0 && a.PartnershipID == nil && a.CSV == nil:
		refuse(CodeRequired, "audience", "Say who is invited: people, organisations, a partnership or a CSV list.")
	case len(a.PersonIDs) > maxPersonIDs:
		refuse(CodeTooLarge, "audience.personIds", "Name at most %d people at once; these are %d.", maxPersonIDs, len(a.PersonIDs))
	case len(a.OrganisationIDs) > maxOrganisations:
		refuse(CodeTooLarge, "audience.organisationIds", "Name at most %d organisations at once; these are %d.", maxOrganisations, len(a.OrganisationIDs))
	case a.CSV != nil && len(*a.CSV) > maxCSV:
		refuse(CodeTooLarge, "audience.csv", "A list may hold at most 2 MB, about 30,000 people; this one has %.1f MB. Split it into several campaigns.", float64(len(*a.CSV))/(1<<20))
	}
	words, wrong := d.words(in.Message, in.Texts)
	problems = append(problems, wrong...)
	sends := now
	if in.SendAt != nil {
		if in.SendAt.After(now.AddDate(1, 0, 0)) {
			refuse(CodeInvalid, "sendAt", "Send within a year from now.")
		}
		if in.SendAt.After(sends) {
			sends = *in.SendAt
		}
	}
	if in.RespondBy != nil && !in.RespondBy.After(sends) {
		refuse(CodeInvalid, "respondBy", "Let people answer until a moment after the mails have left.")
	}
	return words, problems
}

func checkKey(key string) *Error {
	switch {
	case strings.TrimSpace(key) == "":
		return problem(CodeRequired, "input.idempotencyKey", "Give a text of your own choice, so that a repeated request does nothing twice.")
	case utf8.RuneCountInString(key) > 200 || hasControl(key):
		return problem(CodeInvalid, "input.idempotencyKey", "Use at most 200 characters and no control characters.")
	}
	return nil
}

// target finds and locks what the campaign invites to, and refuses what the actor does not organise.
func (v view) target(ctx context.Context, d *DB, in *SendInvitationsInput) (*target, error) {
	if in.EditionID != nil {
		e := new(Edition)
		ok, err := found(d.locked(v.visible(v.tx.NewSelect().Model(e))).Where("edition.id = ?", *in.EditionID).Scan(ctx))
		switch {
		case err != nil:
			return nil, fmt.Errorf("edition: %w", err)
		case !ok:
			return nil, problem(CodeNotFound, "input.editionId", "There is no such edition.")
		case !v.actor.organisesEdition(e.ID, e.PartnershipID, e.HostID):
			return nil, problem(CodeForbidden, "input.editionId", "Only organisers of this edition can invite to it: coordinators of its host and of who leads the partnership, and those named by them.")
		}
		t := &target{id: e.ID, column: "edition_id", field: "input.editionId", venue: e.VenueName + e.VenueAddress + e.VenueCity}
		t.starts, _ = e.starts()
		switch {
		case e.Status == EditionDraft:
			t.problem = problem(CodeConflict, t.field, "Publish this edition before inviting to it.")
		case e.Status == EditionCancelled:
			t.problem = problem(CodeConflict, t.field, "This edition was cancelled; nobody can be invited to it.")
		case t.starts.IsZero() && e.Year < v.now.Year():
			t.problem = problem(CodeConflict, t.field, "This edition is over; nobody can be invited to it.")
		}
		return t, t.over(v.now)
	}
	run, course := new(CourseRun), new(Course)
	ok, err := found(d.locked(v.visibleRuns(v.tx.NewSelect().Model(run))).Where("course_run.id = ?", *in.CourseRunID).Scan(ctx))
	if err != nil {
		return nil, fmt.Errorf("course run: %w", err)
	}
	if !ok {
		return nil, problem(CodeNotFound, "input.courseRunId", "There is no such course run.")
	}
	if err := v.tx.NewSelect().Model(course).Where("id = ?", run.CourseID).Scan(ctx); err != nil {
		return nil, fmt.Errorf("course: %w", err)
	}
	if !v.actor.organisesCourse(course.ID, course.OrganisationID) {
		return nil, problem(CodeForbidden, "input.courseRunId", "Only organisers of this course can invite to it: coordinators of the organisation that offers it, and those named by them.")
	}
	t := &target{id: run.ID, column: "course_run_id", field: "input.courseRunId", starts: run.starts(), venue: run.VenueName + run.VenueAddress + run.VenueCity}
	switch run.Status {
	case RunDraft:
		t.problem = problem(CodeConflict, t.field, "Publish this course run before inviting to it.")
	case RunCancelled:
		t.problem = problem(CodeConflict, t.field, "This course run was cancelled; nobody can be invited to it.")
	}
	return t, t.over(v.now)
}

// over returns why nobody can be invited to the target, nil when people can.
func (t *target) over(now time.Time) error {
	if t.problem == nil && !t.starts.IsZero() && !now.Before(t.starts) {
		t.problem = problem(CodeConflict, t.field, "This meeting has begun or is over; nobody can be invited to it.")
	}
	if t.problem != nil {
		return t.problem
	}
	return nil
}

// plan checks an input and reads its audience. Problems of the input are the error; those of the audience are in it.
func (v view) plan(ctx context.Context, d *DB, in *SendInvitationsInput, words campaignWords) (*target, *audience, error) {
	t, err := v.target(ctx, d, in)
	if err != nil {
		return nil, nil, err
	}
	if in.SendAt != nil && !t.starts.IsZero() && !in.SendAt.Before(t.starts) {
		return nil, nil, problem(CodeInvalid, "input.sendAt", "Send before the meeting starts.")
	}
	if in.RespondBy != nil && !t.starts.IsZero() && in.RespondBy.After(t.starts) {
		return nil, nil, problem(CodeInvalid, "input.respondBy", "Let people answer before the meeting starts.")
	}
	a, err := v.readAudience(ctx, d, in.Audience, t)
	if err != nil {
		return nil, nil, err
	}
	if words.uses(wording.Organisation) {
		err = v.readers(ctx, a)
	}
	a.problems = append(words.unknown(t, in.RespondBy != nil, a.readers), a.problems...)
	return t, a, err
}

// PreviewInvitations shows what SendInvitations would do with the same input. It writes nothing.
func (d *DB) PreviewInvitations(ctx context.Context, actor Actor, in SendInvitationsInput) (*InvitationPreview, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	words, problems := in.check(d, d.now())
	if len(problems) > 0 {
		return nil, problems
	}
	var a *audience
	var specimens []*Specimen
	// In a transaction, so that the audience is that of one moment; it writes nothing.
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) (err error) {
		v := viewIn(tx, actor, now)
		if _, a, err = v.plan(ctx, d, &in, words); err != nil {
			return err
		}
		if a.readers == nil {
			if err := v.readers(ctx, a); err != nil {
				return err
			}
		}
		if specimens, err = v.specimens(ctx, &in, words, a.readers); err != nil {
			return err
		}
		return v.contacts(ctx, a.named())
	})
	if err != nil {
		return nil, err
	}
	return &InvitationPreview{
		Total: len(a.recipients), NewRecipients: a.count(standsNew), AlreadyInvited: a.count(standsInvited),
		AlreadyRegistered: a.count(standsRegistered), Suppressed: a.count(standsSuppressed), OptedOut: a.count(standsOptedOut),
		Rows: a.rows(), Problems: firstProblems(a.problems), Specimens: specimens,
	}, nil
}

// SendInvitations invites everybody in the audience who is not yet invited or registered: the campaign, its invitations and
// their mails are written in one transaction, and the mails leave afterwards. The same idempotency key with the same input
// returns the same campaign. Any problem in the audience holds back the whole campaign.
func (d *DB) SendInvitations(ctx context.Context, actor Actor, in SendInvitationsInput, shape Shape) (*Campaign, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	if checkKey(in.IdempotencyKey) != nil {
		_, problems := in.check(d, d.now())
		return nil, problems
	}
	hash, err := inputHash(in)
	if err != nil {
		return nil, err
	}
	var campaign *Campaign
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		v := viewIn(tx, actor, now)
		// Locking the actor first makes two requests with the same key follow each other.
		if _, err := found(d.locked(tx.NewSelect().Model((*Person)(nil)).Column("id")).Where("id = ?", actor.PersonID).Scan(ctx, new(ID))); err != nil {
			return err
		}
		before, err := replayed(ctx, tx, actor, in.IdempotencyKey, hash)
		if err != nil {
			return err
		}
		if !before.IsZero() {
			if campaign, err = v.campaign(ctx, before, nil); campaign == nil && err == nil {
				err = problem(CodeForbidden, "", "You sent these invitations, and do not organise this meeting any more.")
			}
			return err
		}
		words, problems := in.check(d, now)
		if len(problems) > 0 {
			return problems
		}
		t, a, err := v.plan(ctx, d, &in, words)
		if err != nil {
			return err
		}
		if len(a.problems) > 0 {
			return firstProblems(a.problems)
		}
		if campaign, err = d.invite(ctx, tx, now, actor, &in, words, t, a); err != nil {
			return err
		}
		if err := remember(ctx, tx, now, actor, in.IdempotencyKey, hash, campaign.ID); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, "send invitations", campaign.ID)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	v := d.view(actor)
	return campaign, v.finish(ctx, v.meetings(ctx, []*Campaign{campaign}, shape))
}

func (d *DB) invite(ctx context.Context, tx bun.Tx, now time.Time, actor Actor, in *SendInvitationsInput, words campaignWords, t *target, a *audience) (*Campaign, error) {
	var recipients []*recipient
	for _, r := range a.recipients {
		if r.standing == standsNew || r.standing == standsSuppressed {
			recipients = append(recipients, r)
		}
	}
	if len(recipients) == 0 {
		return nil, problem(CodeConflict, "input.audience", "Everybody in this audience is invited or registered already, or asked for no more invitations.")
	}
	if err := insertNewPeople(ctx, tx, now, recipients); err != nil {
		return nil, err
	}
	c := &Campaign{
		ID: NewID(KindCampaign, now), CreatedBy: actor.PersonID, State: CampaignSending, SendAt: now, CreatedAt: now,
		RespondBy: in.RespondBy, Message: words.message, Texts: words.texts, Version: 1, Total: len(recipients), readAt: now,
	}
	if in.EditionID != nil {
		c.EditionID = t.id
	} else {
		c.CourseRunID = t.id
	}
	if in.SendAt != nil && in.SendAt.After(now) {
		c.SendAt = in.SendAt.UTC().Truncate(time.Microsecond)
	}
	ids := newIDs(KindInvitation, now, len(recipients))
	invitations := make([]*Invitation, len(recipients))
	deliveries := make([]*Delivery, len(recipients))
	for i, r := range recipients {
		invitations[i] = &Invitation{
			ID: ids[i], CampaignID: c.ID, PersonID: r.person.ID, Status: InvitationPending,
			EditionID: c.EditionID, CourseRunID: c.CourseRunID,
		}
		deliveries[i] = &Delivery{
			Kind: MailInvitation, PersonID: r.person.ID, CampaignID: c.ID, InvitationID: invitations[i].ID, CreatedAt: now, NotBefore: c.SendAt,
		}
		if r.standing == standsSuppressed {
			deliveries[i].State, deliveries[i].LastError = Suppressed, optional(r.held.detail())
			invitations[i].Status = InvitationUndelivered
			c.Suppressed++
		}
	}
	if err := takeBack(ctx, tx, t, recipients); err != nil {
		return nil, err
	}
	if c.Suppressed == c.Total {
		c.State, c.FinishedAt = CampaignFinished, &now
	}
	if _, err := tx.NewInsert().Model(c).Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert campaign: %w", err)
	}
	if err := insertAll(ctx, tx, invitations); err != nil {
		return nil, fmt.Errorf("invitations: %w", err)
	}
	return c, queue(ctx, tx, deliveries...)
}

// takeBack withdraws invitations whose mail did not arrive, of people who are invited again.
func takeBack(ctx context.Context, tx bun.Tx, t *target, recipients []*recipient) error {
	var again []ID
	for _, r := range recipients {
		if r.again {
			again = append(again, r.person.ID)
		}
	}
	for chunk := range slices.Chunk(again, 1000) {
		if _, err := tx.NewUpdate().Model((*Invitation)(nil)).Set("status = ?", InvitationWithdrawn).Where("? = ?", t.column, t.id).
			Where("person_id IN (?)", bun.List(chunk)).Where("status = ?", InvitationUndelivered).Exec(ctx); err != nil {
			return fmt.Errorf("take back invitations: %w", err)
		}
	}
	return nil
}

// firstProblems keeps the answer readable when a whole file is wrong.
func firstProblems(problems Errors) Errors {
	if len(problems) <= maxProblems {
		return problems
	}
	more := problem(CodeTooLarge, "input.audience", "There are %d more problems; mend these first.", len(problems)-maxProblems)
	return append(problems[:maxProblems:maxProblems], more)
}
