package db

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Course is what an organisation offers to teach.
type Course struct {
	bun.BaseModel `bun:"table:courses,alias:course"`

	ID              ID `bun:",pk"`
	Key             string
	OrganisationID  ID
	Title           string
	FoldedTitle     string
	Summary         string
	Audience        []string
	Topics          []string
	Days            int
	MaxParticipants *int
	PriceMinor      *int
	PriceCurrency   string

	Trainers     []*Person `bun:"-"`
	Related      []*Course `bun:"-"`
	Organisers   []*Person `bun:"-"` // those who were named; nil unless the actor organises the course
	organisation *Organisation
	siblings     *siblings
}

type courseTrainer struct {
	bun.BaseModel `bun:"table:course_trainers,alias:course_trainer"`

	CourseID ID `bun:",pk"`
	PersonID ID `bun:",pk"`
	Position int
}

type relatedCourse struct {
	bun.BaseModel `bun:"table:related_courses,alias:related_course"`

	CourseID  ID `bun:",pk"`
	RelatedID ID `bun:",pk"`
	Position  int
}

// CourseRun is one dated run of a course.
type CourseRun struct {
	bun.BaseModel `bun:"table:course_runs,alias:course_run"`

	ID           ID `bun:",pk"`
	Key          string
	CourseID     ID
	Status       CourseRunStatus
	StartsOn     Date
	EndsOn       Date
	TimeZone     string
	Languages    []string
	VenueName    string
	VenueAddress string
	VenueCity    string
	VenueCountry string
	Retention    *int `bun:"retention_months"` // nil: DefaultRetention
	ForgottenAt  *time.Time

	MinParticipants     *int       // fewer, and the organisers decide whether it takes place
	DecideOn            *Date      // the day on which they do
	BelowMinimumToldFor *Date      // the DecideOn for which they were told that it is below its minimum
	PriceMinor          *int       // nil: that of the course
	PriceCurrency       string     // "" with PriceMinor nil
	IntakeDueAt         *time.Time // until when participants complete the intake; nil: until the run begins

	// Who pays for all participants, and what has to be on that invoice; zero and nil when everybody pays for themselves.
	PayerID          ID `bun:",nullzero"`
	InvoiceReference *string
	InvoiceVATNumber *string `bun:"invoice_vat_number"`
	InvoiceAddress   *string

	Course          *Course           `bun:"-"`
	Seats           *Seats            `bun:"-"`
	Trainers        []*Person         `bun:"-"`
	IntakeQuestions []*IntakeQuestion `bun:"-"` // that the viewer may know of
	Invoice         *Invoice          `bun:"-"` // to the payer; nil when there is none, or none that the viewer may see
	siblings        *siblings
}

// CourseRunStatus is whether a run is on.
type CourseRunStatus string

// The statuses of runs.
const (
	RunDraft     CourseRunStatus = "DRAFT"
	RunPlanned   CourseRunStatus = "PLANNED"
	RunConfirmed CourseRunStatus = "CONFIRMED"
	RunCancelled CourseRunStatus = "CANCELLED"
)

func (c *Course) id() ID    { return c.ID }
func (r *CourseRun) id() ID { return r.ID }

// Organisation returns who offers the course, if the shape asked for it.
func (c *Course) Organisation() Party { return c.organisation.party() }

// OfferedBy returns the name of who offers the course, "" when that is not loaded.
func (c *Course) OfferedBy() string { return c.organisation.name() }

// Price returns what one participant pays; nil when that is not known.
func (c *Course) Price() *Money { return money(c.PriceMinor, c.PriceCurrency) }

// Venue returns where the run is held; nil when that is not known.
func (r *CourseRun) Venue() *Venue {
	return venue(r.VenueName, r.VenueAddress, r.VenueCity, r.VenueCountry)
}

// Price returns what one participant pays in this run, if the shape asked for it or for the course; nil when that is not known.
func (r *CourseRun) Price() *Money {
	if r.PriceMinor != nil || r.Course == nil {
		return money(r.PriceMinor, r.PriceCurrency)
	}
	return r.Course.Price()
}

// InvoiceNeeded reports whether each participant has to say to whom the invoice goes. It needs what Price needs.
func (r *CourseRun) InvoiceNeeded() bool {
	price := r.Price()
	return r.PayerID.IsZero() && price != nil && price.AmountMinor > 0
}

// starts is when the run begins: midnight at the start of its first day.
func (r *CourseRun) starts() time.Time { return startOfDay(r.StartsOn, r.TimeZone) }

var (
	coursesByTitle = order[Course]{
		column: "course.folded_title",
		key:    func(c *Course) (string, ID) { return c.FoldedTitle, c.ID },
		cursor: byText(KindCourse),
	}
	runsByDate = order[CourseRun]{
		column: "course_run.starts_on", descending: true,
		key:    func(r *CourseRun) (string, ID) { return string(r.StartsOn), r.ID },
		cursor: byDate(KindCourseRun),
	}
)

// Courses lists courses by title.
func (d *DB) Courses(ctx context.Context, actor Actor, p Page, shape Shape) (*Connection[Course], error) {
	v := d.view(actor)
	c, err := connect(ctx, v.tx, coursesByTitle, p, func(q *bun.SelectQuery) *bun.SelectQuery { return q })
	if err != nil {
		return nil, fmt.Errorf("courses: %w", err)
	}
	return c, v.finish(ctx, v.courses(ctx, c.Nodes, shape))
}

// RunsOf returns the runs of a course, the latest first.
func (d *DB) RunsOf(ctx context.Context, actor Actor, course *Course, p Page, shape Shape) (*Connection[CourseRun], error) {
	return pageOf(course.siblings, course.ID, "runs", p, shape, func(ids []ID) (map[ID]*Connection[CourseRun], error) {
		v := d.view(actor)
		pages, err := connectEach(ctx, v.tx, runsByDate, p, ids, "course_run.course_id", func() *bun.SelectQuery {
			return v.visibleRuns(v.tx.NewSelect().Model((*CourseRun)(nil)))
		})
		if err != nil {
			return nil, fmt.Errorf("runs of courses: %w", err)
		}
		return pages, v.finish(ctx, v.courseRuns(ctx, all(pages), shape))
	})
}

func (v view) loadCourses(ctx context.Context, ids []ID, shape Shape) (map[ID]*Course, error) {
	found, err := byID[Course](ctx, v.tx, ids)
	if err != nil {
		return nil, fmt.Errorf("courses: %w", err)
	}
	return found, v.courses(ctx, values(found), shape)
}

// loadCourseRuns loads those of the runs that the actor may know of and completes them.
func (v view) loadCourseRuns(ctx context.Context, ids []ID, shape Shape) (map[ID]*CourseRun, error) {
	ids = distinct(ids)
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []*CourseRun
	if err := selectAmong(ctx, v.tx, &rows, v.visibleRuns(v.tx.NewSelect().Model(&rows)), "course_run.id", ids); err != nil {
		return nil, fmt.Errorf("course runs: %w", err)
	}
	found := make(map[ID]*CourseRun, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, v.courseRuns(ctx, rows, shape)
}

func (v view) courses(ctx context.Context, rows []*Course, shape Shape) error {
	if len(rows) == 0 {
		return nil
	}
	ids := distinct(idsOf(rows))
	together := newSiblings(ids)
	for _, row := range rows {
		row.siblings = together
		if shape.Has("organisation") {
			v.wantOrganisation(row.OrganisationID, shape.Of("organisation"), func(o *Organisation) { row.organisation = o })
		}
	}
	if shape.Has("organisers") {
		own := idsWhere(rows, func(c *Course) bool { return v.actor.organisesCourse(c.ID, c.OrganisationID) })
		named, err := v.organisers(ctx, "course_id", own, shape.Of("organisers"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Organisers = named[row.ID]
		}
	}
	if shape.Has("trainers") {
		var links []*courseTrainer
		if err := selectAmong(ctx, v.tx, &links, v.tx.NewSelect().Model(&links).Order("course_id", "position"), "course_id", ids); err != nil {
			return fmt.Errorf("trainers: %w", err)
		}
		of := idsBy(links, func(l *courseTrainer) ID { return l.PersonID })
		people, err := v.loadPeople(ctx, of, shape.Of("trainers"))
		if err != nil {
			return err
		}
		byCourse := groupBy(links, func(l *courseTrainer) ID { return l.CourseID })
		for _, row := range rows {
			for _, link := range byCourse[row.ID] {
				row.Trainers = append(row.Trainers, people[link.PersonID])
			}
		}
	}
	if shape.Has("related") {
		var links []*relatedCourse
		if err := selectAmong(ctx, v.tx, &links, v.tx.NewSelect().Model(&links).Order("course_id", "position"), "course_id", ids); err != nil {
			return fmt.Errorf("related courses: %w", err)
		}
		of := idsBy(links, func(l *relatedCourse) ID { return l.RelatedID })
		courses, err := v.loadCourses(ctx, of, shape.Of("related"))
		if err != nil {
			return err
		}
		byCourse := groupBy(links, func(l *relatedCourse) ID { return l.CourseID })
		for _, row := range rows {
			for _, link := range byCourse[row.ID] {
				row.Related = append(row.Related, courses[link.RelatedID])
			}
		}
	}
	return nil
}

func (v view) courseRuns(ctx context.Context, rows []*CourseRun, shape Shape) error {
	if len(rows) == 0 {
		return nil
	}
	together := newSiblings(distinct(idsOf(rows)))
	for _, row := range rows {
		row.siblings = together
	}
	if shape.Has("course", "price") {
		of := idsBy(rows, func(r *CourseRun) ID { return r.CourseID })
		courses, err := v.loadCourses(ctx, of, shape.Of("course"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Course = courses[row.CourseID]
		}
	}
	if shape.Has("seats") {
		seats, err := v.seats(ctx, "course_run_id", distinct(idsOf(rows)))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Seats = seats[row.ID]
		}
	}
	return v.runDetails(ctx, rows, shape)
}
