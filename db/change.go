package db

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"
)

// Changing what was published: notice.go says who is told.

// ChangeEditionInput changes an edition; nil fields stay as they are.
type ChangeEditionInput struct {
	EditionID ID
	Title     *string
	StartsOn  *Date // moves the whole programme along
	EndsOn    *Date // without it the edition keeps its number of days
	Venue     *VenueInput
}

// VenueInput is a place to meet, as a whole.
type VenueInput struct {
	Name    string
	Address *string
	City    string
	Country *string
}

// ChangeCourseRunInput changes a course run; nil fields stay as they are.
type ChangeCourseRunInput struct {
	CourseRunID ID
	StartsOn    *Date
	EndsOn      *Date // without it the run keeps its number of days
	Venue       *VenueInput
}

// ChangeEdition renames or moves an edition and tells those concerned. Its sessions stay on their days of the edition and at
// their times by the clock.
func (d *DB) ChangeEdition(ctx context.Context, actor Actor, in ChangeEditionInput, shape Shape) (*Edition, error) {
	return d.changeEdition(ctx, actor, in.EditionID, "change edition", shape, func(_ context.Context, _ bun.Tx, _ time.Time, c *editionChange) error {
		if c.edition.Status == EditionCancelled {
			return problem(CodeConflict, "input.editionId", "This edition was cancelled; reopen it before changing it.")
		}
		return c.apply(in)
	})
}

// CancelEdition calls an edition off and tells those concerned. Cancelling again changes nothing.
func (d *DB) CancelEdition(ctx context.Context, actor Actor, id ID, shape Shape) (*Edition, error) {
	return d.changeEdition(ctx, actor, id, "cancel edition", shape, func(_ context.Context, _ bun.Tx, now time.Time, c *editionChange) error {
		switch {
		case c.edition.Status == EditionDraft:
			return problem(CodeConflict, "input.editionId", "This edition is a draft; nobody knows of it yet.")
		case c.edition.Status == EditionPublished && c.over(now):
			return problem(CodeDeadline, "input.editionId", "This edition is over.")
		}
		c.edition.Status = EditionCancelled
		return nil
	})
}

// ReopenEdition makes an edition take place that was cancelled, and tells those concerned. Free places go to those who wait.
func (d *DB) ReopenEdition(ctx context.Context, actor Actor, id ID, shape Shape) (*Edition, error) {
	return d.changeEdition(ctx, actor, id, "reopen edition", shape, func(_ context.Context, _ bun.Tx, now time.Time, c *editionChange) error {
		switch {
		case c.edition.Status == EditionDraft:
			return problem(CodeConflict, "input.editionId", "This edition is a draft and was not cancelled.")
		case c.edition.Status == EditionCancelled && c.over(now):
			return problem(CodeDeadline, "input.editionId", "This edition would be over.")
		}
		c.edition.Status = EditionPublished
		return nil
	})
}

func (d *DB) changeEdition(ctx context.Context, actor Actor, id ID, action string, shape Shape,
	change func(context.Context, bun.Tx, time.Time, *editionChange) error) (*Edition, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		c, err := d.openEdition(ctx, tx, now, actor, id)
		if err != nil {
			return err
		}
		if c == nil {
			return noEdition()
		}
		if err := change(ctx, tx, now, c); err != nil {
			return err
		}
		return d.closeEdition(ctx, tx, now, actor, c, action, id)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	return d.Edition(ctx, actor, id, shape)
}

// ChangeCourseRun moves a course run and tells those concerned.
func (d *DB) ChangeCourseRun(ctx context.Context, actor Actor, in ChangeCourseRunInput, shape Shape) (*CourseRun, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		c, err := d.beforeChange(ctx, tx, now, nil, []ID{in.CourseRunID})
		if err != nil {
			return err
		}
		run, course := new(CourseRun), new(Course)
		ok, err := found(tx.NewSelect().Model(run).Where("id = ?", in.CourseRunID).Scan(ctx))
		if err == nil && ok {
			err = tx.NewSelect().Model(course).Where("id = ?", run.CourseID).Scan(ctx)
		}
		switch {
		case err != nil:
			return fmt.Errorf("course run: %w", err)
		case !ok || !actor.organisesCourse(course.ID, course.OrganisationID):
			return problem(CodeNotFound, "input.courseRunId", "There is no such course run, or none that you organise.")
		case run.Status == RunCancelled:
			return problem(CodeConflict, "input.courseRunId", "This course run was cancelled; plan another one.")
		}
		first, last, problems := movedDays(in.StartsOn, in.EndsOn, &run.StartsOn, &run.EndsOn)
		problems = append(problems, in.Venue.check()...)
		if len(problems) > 0 {
			return problems
		}
		run.StartsOn, run.EndsOn = *first, *last
		in.Venue.set(&run.VenueName, &run.VenueAddress, &run.VenueCity, &run.VenueCountry)
		if _, err := tx.NewUpdate().Model(run).Column("starts_on", "ends_on", "venue_name", "venue_address", "venue_city", "venue_country").
			WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("change course run: %w", err)
		}
		if err := audit(ctx, tx, now, actor, "change course run", run.ID); err != nil {
			return err
		}
		return d.afterChange(ctx, tx, now, c)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	v := d.view(actor)
	runs, err := v.loadCourseRuns(ctx, []ID{in.CourseRunID}, shape)
	return runs[in.CourseRunID], v.finish(ctx, err)
}

// movedDays returns the first and last day after a change. A first day alone keeps the number of days.
func movedDays(startsOn, endsOn, first, last *Date) (_, _ *Date, problems Errors) {
	if startsOn != nil && first != nil && endsOn == nil {
		moved := last.AddDays(daysBetween(*first, *startsOn))
		endsOn = &moved
	}
	switch {
	case startsOn == nil && endsOn == nil:
		return first, last, nil
	case startsOn == nil && first == nil:
		return nil, nil, Errors{problem(CodeRequired, "input.startsOn", "Give the first day as well.")}
	case startsOn == nil:
		startsOn = first
	case endsOn == nil:
		endsOn = startsOn
	}
	switch {
	case *endsOn < *startsOn:
		problems = append(problems, problem(CodeInvalid, "input.endsOn", "Give a last day that is not before the first, %s.", *startsOn))
	case daysBetween(*startsOn, *endsOn) >= maxDays:
		problems = append(problems, problem(CodeInvalid, "input.endsOn", "Give at most %d days.", maxDays))
	}
	return startsOn, endsOn, problems
}

func daysBetween(from, to Date) int { return int(to.Time().Sub(from.Time()) / (24 * time.Hour)) }

const (
	maxDays = 366
	maxLine = 300    // characters of a title or a part of an address
	maxText = 20_000 // characters of an abstract
)

// checkLine refuses what is no text of one line.
func checkLine(field, text string, needed bool) (problems Errors) {
	switch {
	case text == "" && !needed:
	case strings.TrimSpace(text) == "":
		problems = append(problems, problem(CodeRequired, field, "Write a text here."))
	case !utf8.ValidString(text) || hasControl(text):
		problems = append(problems, problem(CodeInvalid, field, "Write the text on one line, without control characters."))
	case utf8.RuneCountInString(text) > maxLine:
		problems = append(problems, problem(CodeTooLarge, field, "Use at most %d characters.", maxLine))
	}
	return problems
}

// checkText refuses what is no text.
func checkText(field, text string) (problems Errors) {
	switch {
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		problems = append(problems, problem(CodeInvalid, field, "Leave out control characters."))
	case utf8.RuneCountInString(text) > maxText:
		problems = append(problems, problem(CodeTooLarge, field, "Use at most %d characters.", maxText))
	}
	return problems
}

func (v *VenueInput) check() (problems Errors) {
	if v == nil {
		return nil
	}
	problems = append(checkLine("input.venue.name", v.Name, true), checkLine("input.venue.city", v.City, true)...)
	if v.Address != nil {
		problems = append(problems, checkLine("input.venue.address", *v.Address, false)...)
	}
	if c := v.Country; c != nil && (len(*c) != 2 || strings.Trim(*c, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		problems = append(problems, problem(CodeInvalid, "input.venue.country", "Write the country with two capital letters, for example NL."))
	}
	return problems
}

func (v *VenueInput) set(name, address, city, country *string) {
	if v == nil {
		return
	}
	*name, *address, *city, *country = v.Name, "", v.City, ""
	if v.Address != nil {
		*address = *v.Address
	}
	if v.Country != nil {
		*country = *v.Country
	}
}
