package db

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// importedCourses are the courses of a file and their runs.
type importedCourses struct {
	courses  []*Course
	trainers []*courseTrainer
	related  []*relatedCourse
	runs     []*CourseRun
	kept     []*CourseRun // those for which the file says for how long personal data is kept

	knownRuns []ID // of the courses, also those that the file leaves out
	importedIntakes
}

func (i *importing) planCourses(ctx context.Context) error {
	known, err := lookUp(ctx, i, programme.CourseKind, keysOf(i.file.Courses, func(c programme.Course) string { return c.Key }),
		func(c *Course) string { return c.Key })
	if err != nil {
		return err
	}
	runs, err := selectBy[*CourseRun](ctx, i, "course_id", idsOf(values(known)))
	if err != nil {
		return err
	}
	i.knownRuns = idsOf(runs)
	runIDs := map[within]ID{}
	for _, r := range runs {
		runIDs[within{r.CourseID, r.Key}] = r.ID
	}
	for n, c := range i.file.Courses {
		row := &Course{
			ID: i.idOf(programme.CourseKind, c.Key, known[c.Key] != nil, KindCourse), Key: c.Key, OrganisationID: i.ids[programme.OrganisationKind][c.Organisation],
			Title: c.Title, FoldedTitle: fold(c.Title), Summary: c.Summary, Audience: list(c.Audience), Topics: list(c.Topics), Days: c.Days,
			MaxParticipants: c.MaxParticipants,
		}
		row.PriceMinor, row.PriceCurrency = amount(c.Price)
		i.courses = append(i.courses, row)
		for n, person := range i.all(programme.PersonKind, c.Trainers) {
			i.trainers = append(i.trainers, &courseTrainer{CourseID: row.ID, PersonID: person, Position: n})
		}
		for m, r := range c.Runs {
			run := &CourseRun{
				ID: i.orNew(runIDs[within{row.ID, r.Key}], KindCourseRun), Key: r.Key, CourseID: row.ID, Status: CourseRunStatus(r.Status), StatedStatus: CourseRunStatus(r.Status),
				StartsOn: Date(r.StartsOn), EndsOn: Date(r.EndsOn), TimeZone: r.TimeZone, Languages: list(r.Languages),
			}
			run.VenueName, run.VenueAddress, run.VenueCity, run.VenueCountry = place(r.Venue)
			i.runs = append(i.runs, run)
			if run.Retention = r.RetentionMonths; run.Retention != nil {
				i.kept = append(i.kept, run)
			}
			i.planRun(run, c, r)
			i.seats = append(i.seats, &statedSeats{of: Seats{CourseRunID: run.ID}, capacity: r.Capacity, usual: c.MaxParticipants, rules: r.Registration,
				timeZone: r.TimeZone, path: fmt.Sprintf("courses[%d].runs[%d]", n, m)})
		}
	}
	for n, c := range i.file.Courses {
		for position, other := range i.all(programme.CourseKind, c.Related) {
			i.related = append(i.related, &relatedCourse{CourseID: i.courses[n].ID, RelatedID: other, Position: position})
		}
	}
	return i.planQuestions(ctx)
}

func (i *importing) writeCourses(ctx context.Context) error {
	if err := upsert(ctx, i, i.courses, "organisation_id", "title", "folded_title", "summary", "audience", "topics", "days",
		"max_participants", "price_minor", "price_currency"); err != nil {
		return err
	}
	ids := idsOf(i.courses)
	if err := replace(ctx, i, "course_id", ids, i.trainers); err != nil {
		return err
	}
	if err := replace(ctx, i, "course_id", ids, i.related); err != nil {
		return err
	}
	if err := i.writeStatuses(ctx); err != nil {
		return err
	}
	if err := upsert(ctx, i, i.runs, "starts_on", "ends_on", "time_zone", "languages",
		"venue_name", "venue_address", "venue_city", "venue_country", "min_participants", "decide_on", "price_minor", "price_currency",
		"intake_due_at", "payer_id", "invoice_reference", "invoice_vat_number", "invoice_address"); err != nil {
		return err
	}
	if err := upsert(ctx, i, i.kept, "retention_months"); err != nil {
		return err
	}
	return i.writeIntakes(ctx)
}

// writeStatuses gives runs the status that the file says, where it says another than the last time: organisers may have confirmed
// or cancelled a run since.
func (i *importing) writeStatuses(ctx context.Context) error {
	for status, runs := range groupBy(i.runs, func(r *CourseRun) CourseRunStatus { return r.StatedStatus }) {
		for part := range slices.Chunk(idsOf(runs), chunk) {
			if _, err := i.tx.NewUpdate().Model((*CourseRun)(nil)).Set("status = ?", status).Set("stated_status = ?", status).
				Where("id IN (?)", bun.List(part)).Where("stated_status <> ?", status).Exec(ctx); err != nil {
				return fmt.Errorf("write statuses of course runs: %w", err)
			}
		}
	}
	return nil
}

// list returns the texts as the database keeps them: never NULL.
func list(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

func amount(m *programme.Money) (minor *int, currency string) {
	if m == nil {
		return nil, ""
	}
	return &m.AmountMinor, m.Currency
}

func place(v *programme.Venue) (name, address, city, country string) {
	if v == nil {
		return "", "", "", ""
	}
	return v.Name, v.Address, v.City, v.Country
}
