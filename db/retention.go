package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// DefaultRetention is for how many months after its end the personal data of a meeting is kept, unless its organisers say otherwise.
const DefaultRetention = 24

// RetentionMonths returns for how many months after its end the personal data of the edition is kept.
func (e *Edition) RetentionMonths() int { return retention(e.Retention) }

// RetentionMonths returns for how many months after its end the personal data of the run is kept.
func (r *CourseRun) RetentionMonths() int { return retention(r.Retention) }

func retention(months *int) int {
	if months == nil {
		return DefaultRetention
	}
	return *months
}

// ChangeRetentionInput says for how long the personal data of either an edition or a course run is kept.
type ChangeRetentionInput struct {
	EditionID   *ID
	CourseRunID *ID
	Months      *int // after its end, 1 to 120; nil: DefaultRetention
}

// Meeting is an edition or a course run; the other is nil.
type Meeting struct {
	Edition   *Edition
	CourseRun *CourseRun
}

// ChangeRetention says for how long the personal data of a meeting is kept. For its organisers, as long as it is still there.
func (d *DB) ChangeRetention(ctx context.Context, actor Actor, in ChangeRetentionInput, edition, run Shape) (Meeting, error) {
	switch {
	case actor.Anonymous():
		return Meeting{}, notSignedIn()
	case (in.EditionID == nil) == (in.CourseRunID == nil):
		return Meeting{}, problem(CodeRequired, "input.editionId", "Name either an edition or a course run.")
	case in.Months != nil && (*in.Months < 1 || *in.Months > 120):
		return Meeting{}, problem(CodeInvalid, "input.months", "Keep personal data for 1 to 120 months, or leave this out for %d.", DefaultRetention)
	}
	id, field, noun := in.EditionID, "input.editionId", "edition"
	if id == nil {
		id, field, noun = in.CourseRunID, "input.courseRunId", "course run"
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		v := viewIn(tx, actor, now)
		var forgotten *time.Time
		var q *bun.SelectQuery
		update := tx.NewUpdate().Set("retention_months = ?", in.Months).Where("id = ?", *id)
		if in.EditionID != nil {
			q, update = v.visible(tx.NewSelect().Model((*Edition)(nil))), update.Model((*Edition)(nil))
		} else {
			q, update = v.visibleRuns(tx.NewSelect().Model((*CourseRun)(nil))), update.Model((*CourseRun)(nil))
		}
		ok, err := found(d.locked(q).Column("forgotten_at").Where("?TableAlias.id = ?", *id).Scan(ctx, &forgotten))
		switch {
		case err != nil:
			return fmt.Errorf("meeting: %w", err)
		case !ok:
			return problem(CodeNotFound, field, "There is no such %s.", noun)
		}
		if ok, err = v.organises(ctx, valueOf(in.EditionID), valueOf(in.CourseRunID)); err != nil {
			return err
		}
		switch {
		case !ok:
			return problem(CodeForbidden, field, "Only organisers of this %s can say for how long its personal data is kept.", noun)
		case forgotten != nil:
			return problem(CodeDeadline, field, "The personal data of this %s is gone already.", noun)
		}
		if _, err := update.Exec(ctx); err != nil {
			return fmt.Errorf("change retention: %w", err)
		}
		return audit(ctx, tx, now, actor, "change retention", *id)
	})
	if err != nil {
		return Meeting{}, err
	}
	v := d.view(actor)
	editions, err := v.loadEditions(ctx, []ID{valueOf(in.EditionID)}, edition)
	if err != nil {
		return Meeting{}, err
	}
	runs, err := v.loadCourseRuns(ctx, []ID{valueOf(in.CourseRunID)}, run)
	return Meeting{Edition: editions[*id], CourseRun: runs[*id]}, v.finish(ctx, err)
}

func valueOf(id *ID) ID {
	if id == nil {
		return ID{}
	}
	return *id
}

// pastMeeting is an edition or a course run that is over and whose personal data is still there.
type pastMeeting struct {
	EditionID ID
	RunID     ID
	EndsOn    Date
	Months    int
	Undated   bool // EndsOn is the first day of the year, and nothing more is known
}

// due reports whether the personal data was kept for long enough.
func (m pastMeeting) due(now time.Time) bool {
	ends := m.EndsOn.Time()
	if m.Undated {
		ends = ends.AddDate(1, 0, -1)
	}
	return !now.Before(ends.AddDate(0, m.Months, 2)) // the day after the last, and one more for every time zone
}

// forgetAtOnce is how many people one transaction forgets.
const forgetAtOnce = 25

// ForgetMeetings carries out the retention of meetings: when their time is over, who was invited or registered becomes a pseudonym
// there, and people who are known for nothing else are erased. It works through many small transactions and may be stopped and
// begun again at any time, in several processes at once. It returns how many meetings it finished.
func (d *DB) ForgetMeetings(ctx context.Context) (finished int, err error) {
	if _, err := d.macKey(ctx); err != nil { // before any transaction, as for an erasure
		return 0, err
	}
	var past []pastMeeting
	if err := d.read.NewRaw(`SELECT id AS edition_id, NULL AS run_id, coalesce(ends_on, sorts_on) AS ends_on, coalesce(retention_months, ?0) AS months,
			starts_on IS NULL AS undated FROM editions WHERE forgotten_at IS NULL AND sorts_on <= ?1
		UNION ALL SELECT NULL, id, ends_on, coalesce(retention_months, ?0), 1 = 0 FROM course_runs WHERE forgotten_at IS NULL AND starts_on <= ?1`,
		DefaultRetention, DateOf(d.now())).Scan(ctx, &past); err != nil {
		return 0, fmt.Errorf("meetings that are over: %w", err)
	}
	for _, m := range past {
		for m.due(d.now()) {
			done, err := d.forgetSome(ctx, m)
			if err != nil {
				return finished, err
			}
			if done {
				finished++
				break
			}
		}
	}
	return finished, nil
}

// forgetSome forgets some of the people of a meeting, and marks the meeting when nobody is left; done is true then, or when another
// process is at work on it.
func (d *DB) forgetSome(ctx context.Context, m pastMeeting) (done bool, err error) {
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		done = true
		model, id := any((*Edition)(nil)), m.EditionID
		if id.IsZero() {
			model, id = (*CourseRun)(nil), m.RunID
		}
		ok, err := found(d.skipLocked(tx.NewSelect().Model(model).Column("id")).Where("id = ?", id).Where("forgotten_at IS NULL").Scan(ctx, new(ID)))
		if err != nil || !ok {
			return err
		}
		people, err := m.known(ctx, tx)
		if err != nil {
			return err
		}
		for _, person := range people {
			done = false
			if err := d.forget(ctx, tx, now, m, person); err != nil {
				return fmt.Errorf("forget a participant: %w", err)
			}
		}
		if !done {
			return nil
		}
		if _, err := tx.NewUpdate().Model(model).Set("forgotten_at = ?", now).Where("id = ?", id).Exec(ctx); err != nil {
			return fmt.Errorf("mark meeting: %w", err)
		}
		return audit(ctx, tx, now, Actor{}, "forget participants", id)
	})
	return done, err
}

// known returns some people who were invited to, registered for or at the meeting and are no pseudonyms yet, under lock.
func (m pastMeeting) known(ctx context.Context, tx bun.Tx) ([]ID, error) {
	var ids []ID
	if err := tx.NewRaw(`SELECT id FROM people WHERE erased_at IS NULL AND (
			id IN (SELECT person_id FROM registrations WHERE `+onSeatsOfMeeting+`)
			OR id IN (SELECT person_id FROM attendances WHERE `+onSeatsOfMeeting+`)
			OR id IN (SELECT person_id FROM certificates WHERE course_run_id = ?2)
			OR id IN (SELECT person_id FROM invitations WHERE `+inMeeting+`)) ORDER BY id LIMIT ?3`,
		nil, m.EditionID, m.RunID, forgetAtOnce).Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("people of the meeting: %w", err)
	}
	return ids, nil
}

// forget makes a person a pseudonym in a meeting: the person as a whole, when there is nothing else to be known for, else a new one.
func (d *DB) forget(ctx context.Context, tx bun.Tx, now time.Time, m pastMeeting, id ID) error {
	p := new(Person)
	if err := d.locked(tx.NewSelect().Model(p)).Where("id = ?", id).Scan(ctx); err != nil || p.ErasedAt != nil {
		return err
	}
	elsewhere := false
	args := []any{now, m.EditionID, m.RunID, id}
	for _, x := range traces {
		if x.anchor == "" || elsewhere {
			continue
		}
		condition := x.column + " = ?3 AND (" + x.anchor + ")"
		if x.meeting != "" {
			condition += " AND NOT coalesce(" + x.meeting + ", 1 = 0)"
		}
		if err := tx.NewRaw("SELECT EXISTS (SELECT 1 FROM "+x.table+" WHERE "+condition+")", args...).Scan(ctx, &elsewhere); err != nil {
			return fmt.Errorf("what else a person is known for, in %s: %w", x.table, err)
		}
	}
	if !elsewhere {
		if err := d.erase(ctx, tx, now, p); err != nil {
			return err
		}
		return audit(ctx, tx, now, Actor{}, "erase person", id)
	}
	other := pseudonym(NewID(KindPerson, now), now)
	if _, err := tx.NewInsert().Model(other).Exec(ctx); err != nil {
		return fmt.Errorf("insert pseudonym: %w", err)
	}
	args = append(args, other.ID)
	// Mails are found by the registrations and invitations they are about, whoever these lead to, so any order will do.
	for _, x := range traces {
		if x.meeting == "" {
			continue
		}
		if _, err := tx.NewRaw("UPDATE "+x.table+" SET "+x.column+" = ?4 WHERE "+x.column+" = ?3 AND ("+x.meeting+")", args...).Exec(ctx); err != nil {
			return fmt.Errorf("lead %s to a pseudonym: %w", x.table, err)
		}
	}
	return eraseTraces(ctx, tx, other.ID)
}
