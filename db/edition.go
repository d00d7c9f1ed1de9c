package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Edition is one meeting of a series.
type Edition struct {
	bun.BaseModel `bun:"table:editions,alias:edition"`

	ID             ID `bun:",pk"`
	Key            string
	SeriesID       ID
	PartnershipID  ID // that of the series, kept here because every right on an edition hangs on it
	HostID         ID `bun:",nullzero"`
	Title          string
	Year           int
	Status         EditionStatus
	Summary        string
	StartsOn       *Date // nil when only the year is known
	EndsOn         *Date
	SortsOn        Date // StartsOn, else the first day of the year
	TimeZone       string
	Languages      []string
	VenueName      string // "" when not known
	VenueAddress   string
	VenueCity      string
	VenueCountry   string
	BudgetMinor    *int
	BudgetCurrency string
	Search         string // what the free-text filter looks in, folded
	Retention      *int   `bun:"retention_months"` // nil: DefaultRetention
	ForgottenAt    *time.Time

	Series *Series  `bun:"rel:belongs-to,join:series_id=id"`
	Themes []*Theme `bun:"-"`
	Days   []*Day   `bun:"-"`
	Seats  *Seats   `bun:"-"`
	Report *Report  `bun:"-"` // nil when there is none that the actor may read
	// CarriedOver is what is open from earlier editions of the series; nil unless the actor organises the edition and it lies ahead.
	CarriedOver *CarriedOver           `bun:"-"`
	Practices   []*PracticeDescription `bun:"-"` // that the actor may read, the latest first
	// Feedback is what those who came think of it; nil unless the actor organises the edition and has asked.
	Feedback *Feedback `bun:"-"`
	// Organisers are those who were named; nil unless the actor organises the edition.
	Organisers []*Person `bun:"-"`
	// PreparedChanges are what would change if the programme were published now; nil unless the actor organises the edition.
	PreparedChanges []*ProgrammeChange `bun:"-"`
	host            *Organisation
	siblings        *siblings
}

// EditionStatus is whether an edition is public and on.
type EditionStatus string

// The statuses of editions.
const (
	EditionDraft     EditionStatus = "DRAFT"
	EditionPublished EditionStatus = "PUBLISHED"
	EditionCancelled EditionStatus = "CANCELLED"
)

// Venue is a place to meet.
type Venue struct {
	Name    string
	Address *string
	City    string
	Country *string
}

// Money is an amount in the smallest unit of its currency (ISO 4217).
type Money struct {
	AmountMinor int
	Currency    string
}

// Day is one day of an edition with the sessions on it.
type Day struct {
	Date     Date
	Sessions []*Session
}

func (e *Edition) id() ID { return e.ID }

// Host returns who receives the others, if the shape asked for it.
func (e *Edition) Host() Party { return e.host.party() }

// HostName returns the name of who receives the others, "" when that is not known or not loaded.
func (e *Edition) HostName() string { return e.host.name() }

// Venue returns where the edition is held; nil when that is not known.
func (e *Edition) Venue() *Venue {
	return venue(e.VenueName, e.VenueAddress, e.VenueCity, e.VenueCountry)
}

// Budget returns what the edition costs to hold; nil when that is not known.
func (e *Edition) Budget() *Money { return money(e.BudgetMinor, e.BudgetCurrency) }

// starts is when the edition begins, as far as known: midnight at the start of its first day.
func (e *Edition) starts() (time.Time, bool) {
	if e.StartsOn == nil {
		return time.Time{}, false
	}
	return startOfDay(*e.StartsOn, e.TimeZone), true
}

func startOfDay(day Date, zone string) time.Time {
	location, err := time.LoadLocation(zone)
	if err != nil {
		location = time.UTC // the import refuses unknown zones
	}
	t := day.Time()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, location)
}

func venue(name, address, city, country string) *Venue {
	if name == "" && city == "" {
		return nil
	}
	return &Venue{Name: name, Address: optional(address), City: city, Country: optional(country)}
}

func money(minor *int, currency string) *Money {
	if minor == nil {
		return nil
	}
	return &Money{AmountMinor: *minor, Currency: currency}
}

// optional returns nil for "".
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// EditionFilter restricts a list of editions; nil fields do not.
type EditionFilter struct {
	Year          *int
	HostID        *ID
	PartnershipID *ID
	ThemeID       *ID
	Status        *EditionStatus
	Text          *string
}

var editionsByDate = order[Edition]{
	column: "edition.sorts_on", descending: true,
	key:    func(e *Edition) (string, ID) { return string(e.SortsOn), e.ID },
	cursor: byDate(KindEdition),
}

// Edition returns one edition; nil when there is none that the actor may know of.
func (d *DB) Edition(ctx context.Context, actor Actor, id ID, shape Shape) (*Edition, error) {
	v := d.view(actor)
	found, err := v.loadEditions(ctx, []ID{id}, shape)
	return found[id], v.finish(ctx, err)
}

// Editions lists editions, the latest first.
func (d *DB) Editions(ctx context.Context, actor Actor, p Page, filter EditionFilter, shape Shape) (*Connection[Edition], error) {
	v := d.view(actor)
	c, err := connect(ctx, v.tx, editionsByDate, p, func(q *bun.SelectQuery) *bun.SelectQuery { return filter.restrict(v.visible(q)) })
	if err != nil {
		return nil, fmt.Errorf("editions: %w", err)
	}
	return c, v.finish(ctx, v.editions(ctx, c.Nodes, shape))
}

func (f EditionFilter) restrict(q *bun.SelectQuery) *bun.SelectQuery {
	if f.Year != nil {
		q = q.Where("edition.year = ?", *f.Year)
	}
	if f.HostID != nil {
		q = q.Where("edition.host_id = ?", *f.HostID)
	}
	if f.PartnershipID != nil {
		q = q.Where("edition.partnership_id = ?", *f.PartnershipID)
	}
	if f.ThemeID != nil {
		q = q.Where(`edition.id IN (SELECT edition_id FROM edition_themes WHERE theme_id = ?
			UNION SELECT session.edition_id FROM session_themes JOIN sessions AS session ON session.id = session_themes.session_id WHERE session_themes.theme_id = ?)`,
			*f.ThemeID, *f.ThemeID)
	}
	if f.Status != nil {
		q = q.Where("edition.status = ?", *f.Status)
	}
	if f.Text != nil {
		for word := range strings.FieldsSeq(fold(*f.Text)) {
			q = contains(q, "edition.search", word)
		}
	}
	return q
}

// editionsBy returns the editions of each parent, the latest first; the column of editions names the parent.
func (d *DB) editionsBy(ctx context.Context, actor Actor, column bun.Ident, parents []ID, p Page, shape Shape) (map[ID]*Connection[Edition], error) {
	v := d.view(actor)
	pages, err := connectEach(ctx, v.tx, editionsByDate, p, parents, column, func() *bun.SelectQuery {
		return v.visible(v.tx.NewSelect().Model((*Edition)(nil)))
	})
	if err != nil {
		return nil, fmt.Errorf("editions of parents: %w", err)
	}
	return pages, v.finish(ctx, v.editions(ctx, all(pages), shape))
}

// loadEditions loads those of the editions that the actor may know of and completes them.
func (v view) loadEditions(ctx context.Context, ids []ID, shape Shape) (map[ID]*Edition, error) {
	ids = distinct(ids)
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []*Edition
	q := v.visible(v.tx.NewSelect().Model(&rows))
	if shape.Has("series") {
		q = q.Relation("Series")
		if shape.Of("series").Has("partnership") {
			q = q.Relation("Series.Partnership")
		}
	}
	if err := selectAmong(ctx, v.tx, &rows, q, "edition.id", ids); err != nil {
		return nil, fmt.Errorf("editions: %w", err)
	}
	found := make(map[ID]*Edition, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, v.editions(ctx, rows, shape)
}

func (v view) editions(ctx context.Context, rows []*Edition, shape Shape) error {
	if len(rows) == 0 {
		return nil
	}
	ids := distinct(idsOf(rows))
	together := newSiblings(ids)
	for _, row := range rows {
		row.siblings = together
	}
	if shape.Has("host") {
		for _, row := range rows {
			v.wantOrganisation(row.HostID, shape.Of("host"), func(o *Organisation) { row.host = o })
		}
	}
	if shape.Has("series") {
		if err := v.seriesOfEditions(ctx, rows, shape.Of("series")); err != nil {
			return err
		}
	}
	if shape.Has("themes") {
		themes, err := v.themesOf(ctx, "edition_themes", "edition_id", ids)
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Themes = themes[row.ID]
		}
	}
	if shape.Has("seats") {
		seats, err := v.seats(ctx, "edition_id", ids)
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Seats = seats[row.ID]
		}
	}
	if shape.Has("report") {
		reports, err := v.reportsOf(ctx, ids, shape.Of("report"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Report = reports[row.ID]
		}
	}
	if shape.Has("feedback") {
		own := idsWhere(rows, func(e *Edition) bool { return v.actor.organisesEdition(e.ID, e.PartnershipID, e.HostID) })
		feedback, err := v.feedback(ctx, own, shape.Of("feedback"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Feedback = feedback[row.ID]
		}
	}
	if shape.Has("practices") {
		practices, err := v.practicesOf(ctx, "edition_id", ids, func(p *PracticeDescription) ID { return p.EditionID }, shape.Of("practices"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Practices = practices[row.ID]
		}
	}
	if shape.Has("carriedOver") {
		if err := v.carriedOver(ctx, rows, shape.Of("carriedOver")); err != nil {
			return err
		}
	}
	if shape.Has("organisers") {
		own := idsWhere(rows, func(e *Edition) bool { return v.actor.organisesEdition(e.ID, e.PartnershipID, e.HostID) })
		named, err := v.organisers(ctx, "edition_id", own, shape.Of("organisers"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			row.Organisers = named[row.ID]
		}
	}
	if shape.Has("preparedChanges") {
		var own []*Edition
		for _, row := range rows {
			if v.actor.organisesEdition(row.ID, row.PartnershipID, row.HostID) {
				own = append(own, row)
			}
		}
		prepared, err := v.prepared(ctx, own)
		if err != nil {
			return err
		}
		for _, row := range own {
			row.PreparedChanges = prepared[row.ID]
		}
	}
	if shape.Has("days") {
		return v.days(ctx, rows, shape.Of("days"))
	}
	return nil
}

// seriesOfEditions completes the series of editions, loading those that did not come with the editions.
func (v view) seriesOfEditions(ctx context.Context, rows []*Edition, shape Shape) error {
	var came []*Series
	var missing []ID
	for _, row := range rows {
		if row.Series != nil {
			came = append(came, row.Series)
		} else {
			missing = append(missing, row.SeriesID)
		}
	}
	if err := v.series(ctx, came, shape); err != nil {
		return err
	}
	loaded, err := v.loadSeries(ctx, missing, shape)
	for _, row := range rows {
		if row.Series == nil {
			row.Series = loaded[row.SeriesID]
		}
	}
	return err
}
