package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// importedReports are the reports that a file begins, of editions that have none yet.
type importedReports struct {
	reports     []*Report
	texts       []*ReportText
	asked       []*ReportQuestion
	offers      []*HelpOffer
	actions     []*ReportAction
	materials   []*Material
	attendances []*attendance
}

// attendance is that a person came.
type attendance struct {
	bun.BaseModel `bun:"table:attendances,alias:attendance"`

	SeatsID        ID `bun:",pk"`
	PersonID       ID `bun:",pk"`
	OrganisationID ID `bun:",nullzero"`
	WalkIn         bool
	At             time.Time
	RecordedBy     ID `bun:",nullzero"`
}

// planReports plans the reports of the file. It comes after everything that they refer to.
func (i *importing) planReports(ctx context.Context) error {
	there, err := selectBy[*Report](ctx, i, "edition_id", idsOf(i.editions))
	if err != nil {
		return err
	}
	begun := map[ID]bool{}
	for _, r := range there {
		begun[r.EditionID] = true
	}
	employers := map[ID]ID{}
	for _, p := range i.people {
		employers[p.ID] = p.OrganisationID
	}
	for n := range i.file.Editions {
		if e := &i.file.Editions[n]; e.Report != nil && !begun[i.editions[n].ID] {
			if err := i.planReport(ctx, i.editions[n], e.Report, employers); err != nil {
				return fmt.Errorf("report of edition %s: %w", e.Key, err)
			}
		}
	}
	return nil
}

func (i *importing) planReport(ctx context.Context, edition *Edition, stated *programme.Report, employers map[ID]ID) error {
	r := &Report{ID: NewID(KindReport, i.now), EditionID: edition.ID, Status: ReportStatus(stated.Status), CreatedAt: i.now}
	if r.Status == ReportPublished {
		at := i.now
		if stated.PublishedOn != "" {
			at = startOfDay(Date(stated.PublishedOn), edition.TimeZone)
		} else if edition.EndsOn != nil {
			at = startOfDay(*edition.EndsOn, edition.TimeZone)
		}
		r.PublishedAt = &at
	}
	i.reports = append(i.reports, r)
	say := func(part ID, language, text string) {
		if text != "" {
			i.texts = append(i.texts, &ReportText{ReportID: r.ID, PartID: part, Locale: Locale(language), Version: 1, Text: text, SavedAt: i.now})
		}
	}
	say(r.ID, stated.Language, stated.Summary)
	for _, t := range stated.Translations {
		say(r.ID, t.Language, t.Summary)
	}
	sessions := map[string]ID{}
	for _, s := range i.sessions {
		if s.EditionID == edition.ID {
			sessions[s.Key] = s.ID
		}
	}
	at := i.now
	next := func() time.Time { at = at.Add(time.Microsecond); return at } // what is listed first was there first
	organisation := func(key string) ID { return i.ids[programme.OrganisationKind][key] }
	person := func(key string) ID { return i.ids[programme.PersonKind][key] }
	for _, item := range stated.Items {
		session := sessions[item.Session]
		say(session, stated.Language, strings.Join(item.Findings, "\n"))
		for _, q := range item.Questions {
			row := &ReportQuestion{
				ID: NewID(KindReportQuestion, i.now), ReportID: r.ID, SessionID: session, OrganisationID: organisation(q.AskedBy),
				PersonID: person(q.Person), Status: QuestionStatus(q.Status), CreatedAt: next(),
			}
			i.asked = append(i.asked, row)
			say(row.ID, stated.Language, q.Text)
			for _, o := range q.Offers {
				i.offers = append(i.offers, &HelpOffer{
					ID: NewID(KindHelpOffer, i.now), QuestionID: row.ID, OrganisationID: organisation(o.Organisation), Note: o.Note, CreatedAt: next(),
				})
			}
		}
		for _, m := range item.Materials {
			i.materials = append(i.materials, &Material{ID: NewID(KindMaterial, i.now), ReportID: r.ID, SessionID: session, Title: m.Title, URL: m.URL, CreatedAt: next()})
		}
	}
	for _, a := range stated.Actions {
		row := &ReportAction{
			ID: NewID(KindReportAction, i.now), ReportID: r.ID, OrganisationID: organisation(a.Owner), PersonID: person(a.Person),
			Status: ActionStatus(a.Status), CreatedAt: next(),
		}
		if a.Due != "" {
			due := Date(a.Due)
			row.DueOn = &due
		}
		i.actions = append(i.actions, row)
		say(row.ID, stated.Language, a.Description)
	}
	return i.planAttendances(ctx, edition, i.all(programme.PersonKind, stated.Attended), employers)
}

// planAttendances notes who came. People whom only the database knows came from whom they work for now.
func (i *importing) planAttendances(ctx context.Context, edition *Edition, people []ID, employers map[ID]ID) error {
	if len(people) == 0 {
		return nil
	}
	known, err := selectBy[*Person](ctx, i, "id", people)
	if err != nil {
		return err
	}
	for _, p := range known {
		if _, stated := employers[p.ID]; !stated {
			employers[p.ID] = p.OrganisationID
		}
	}
	came := i.now
	if edition.StartsOn != nil {
		came = startOfDay(*edition.StartsOn, edition.TimeZone)
	}
	for _, id := range people {
		// The seats are those of the edition, which may be new: writeReports finds them.
		i.attendances = append(i.attendances, &attendance{SeatsID: edition.ID, PersonID: id, OrganisationID: employers[id], At: came})
	}
	return nil
}

// writeReports comes after the seats were written.
func (i *importing) writeReports(ctx context.Context) error {
	seats, err := selectBy[*Seats](ctx, i, "edition_id", idsBy(i.reports, func(r *Report) ID { return r.EditionID }))
	if err != nil {
		return err
	}
	of := map[ID]ID{}
	for _, s := range seats {
		of[s.EditionID] = s.ID
	}
	for _, a := range i.attendances {
		a.SeatsID = of[a.SeatsID]
	}
	for _, write := range []func() error{
		func() error { return insertAll(ctx, i.tx, i.reports) }, func() error { return insertAll(ctx, i.tx, i.asked) },
		func() error { return insertAll(ctx, i.tx, i.offers) }, func() error { return insertAll(ctx, i.tx, i.actions) },
		func() error { return insertAll(ctx, i.tx, i.materials) }, func() error { return insertAll(ctx, i.tx, i.texts) },
		func() error { return insertAll(ctx, i.tx, i.attendances) },
	} {
		if err := write(); err != nil {
			return fmt.Errorf("reports: %w", err)
		}
	}
	return nil
}
