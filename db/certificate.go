package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Certificate is that somebody attended a run of a course. Whoever has its code can check it.
type Certificate struct {
	bun.BaseModel `bun:"table:certificates,alias:certificate"`

	ID          ID `bun:",pk"`
	CourseRunID ID
	PersonID    ID
	Code        string
	IssuedAt    time.Time
	IssuedBy    ID
	RevokedAt   *time.Time // when the attendance turned out to be wrong

	Person    *Person    `bun:"-"` // nil when the personal data was erased
	CourseRun *CourseRun `bun:"-"` // with course and organisation
}

func (c *Certificate) id() ID { return c.ID }

// IssuedCertificates is what IssueCertificates did.
type IssuedCertificates struct {
	CourseRun      *CourseRun
	Issued         int // certificates that are new
	WithoutAddress int // those of them that cannot be mailed
}

// IssueCertificates gives everybody who attended a run that is over a certificate, and mails it. It is for organisers of the course.
// Each attendance counts once: doing it again serves those who were entered since.
func (d *DB) IssueCertificates(ctx context.Context, actor Actor, run ID, shape Shape) (*IssuedCertificates, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	var issued *IssuedCertificates
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		issued = new(IssuedCertificates)
		seats := new(Seats)
		ok, err := found(d.locked(tx.NewSelect().Model(seats)).Where("course_run_id = ?", run).Scan(ctx))
		if err != nil {
			return fmt.Errorf("lock seats: %w", err)
		}
		occasions, err := viewIn(tx, actor, now).occasions(ctx, distinct([]ID{seats.ID}))
		if err != nil {
			return err
		}
		o := occasions[seats.ID]
		switch {
		case !ok || !o.organisedBy(actor):
			return problem(CodeNotFound, "input.courseRunId", "There is no such course run, or none that you organise.")
		case !o.on():
			return problem(CodeConflict, "input.courseRunId", "This course did not take place.")
		case o.ForgottenAt != nil:
			return problem(CodeDeadline, "input.courseRunId", "The personal data of this course is gone already.")
		case !o.over(now):
			return problem(CodeConflict, "input.courseRunId", "This course is not over yet; issue the certificates after its last day.")
		}
		var people []*Person
		if err := tx.NewSelect().Model(&people).Where("erased_at IS NULL").
			Where("id IN (SELECT person_id FROM attendances WHERE seats_id = ?)", seats.ID).
			Where("id NOT IN (SELECT person_id FROM certificates WHERE course_run_id = ? AND revoked_at IS NULL)", run).
			Order("id").Scan(ctx); err != nil {
			return fmt.Errorf("who attended: %w", err)
		}
		if len(people) == 0 {
			return nil
		}
		var certificates []*Certificate
		var mails []*Delivery
		for i, id := range newIDs(KindCertificate, now, len(people)) {
			p := people[i]
			certificates = append(certificates, &Certificate{
				ID: id, CourseRunID: run, PersonID: p.ID, Code: newCertificateCode(), IssuedAt: now, IssuedBy: actor.PersonID,
			})
			if p.Address == nil {
				issued.WithoutAddress++
				continue
			}
			mails = append(mails, &Delivery{Kind: MailCertificate, PersonID: p.ID, CertificateID: id, CreatedAt: now, NotBefore: now})
		}
		issued.Issued = len(certificates)
		if err := insertAll(ctx, tx, certificates); err != nil {
			return fmt.Errorf("certificates: %w", err)
		}
		if err := queue(ctx, tx, mails...); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, "issue certificates", run)
	})
	if err != nil {
		return nil, err
	}
	d.woken()
	v := d.view(actor)
	runs, err := v.loadCourseRuns(ctx, []ID{run}, shape)
	issued.CourseRun = runs[run]
	return issued, v.finish(ctx, err)
}

// revokeCertificates revokes the certificate of somebody who did not attend after all. A mail with it that has not left does not leave any more.
func revokeCertificates(ctx context.Context, tx bun.Tx, now time.Time, run, person ID) error {
	if run.IsZero() {
		return nil
	}
	if _, err := tx.NewUpdate().Model((*Certificate)(nil)).Set("revoked_at = ?", now).Where("course_run_id = ?", run).
		Where("person_id = ?", person).Where("revoked_at IS NULL").Exec(ctx); err != nil {
		return fmt.Errorf("revoke certificate: %w", err)
	}
	return nil
}

// PrintedCode is the code as it is printed: in groups of four.
func (c *Certificate) PrintedCode() string { return grouped(c.Code) }

// Certificate returns the certificate with the code, whatever the case and the signs between its groups; nil when there is none.
// Whoever has the code has the paper with the name on it, and only with the name can it be told from a forged one, so the name is
// part of it until the person's data is erased.
func (d *DB) Certificate(ctx context.Context, text string) (*Certificate, error) {
	code, ok := readSpokenCode(text, certificateDigits)
	if !ok {
		return nil, nil
	}
	c := new(Certificate)
	if ok, err := found(d.read.NewSelect().Model(c).Where("code = ?", code).Scan(ctx)); err != nil || !ok {
		if err != nil {
			err = fmt.Errorf("certificate: %w", err)
		}
		return nil, err
	}
	v := d.view(Actor{Administrator: true}) // a course that is called off afterwards hides none
	people, err := byID[Person](ctx, v.tx, []ID{c.PersonID})
	if err != nil {
		return nil, err
	}
	if p := people[c.PersonID]; p.ErasedAt == nil {
		c.Person = p
	}
	runs, err := v.loadCourseRuns(ctx, []ID{c.CourseRunID}, Shape{"course": {"organisation": nil}})
	c.CourseRun = runs[c.CourseRunID]
	return c, v.finish(ctx, err)
}

// certificateCodes returns the codes of the certificates of a run that are valid, by person.
func (v view) certificateCodes(ctx context.Context, run ID) (map[ID]string, error) {
	if run.IsZero() {
		return nil, nil
	}
	var rows []*Certificate
	if err := v.tx.NewSelect().Model(&rows).Where("course_run_id = ?", run).Where("revoked_at IS NULL").Scan(ctx); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	codes := make(map[ID]string, len(rows))
	for _, c := range rows {
		codes[c.PersonID] = c.PrintedCode()
	}
	return codes, nil
}
