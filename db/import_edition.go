package db

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// importedEditions are the editions of a file with their rooms and sessions.
type importedEditions struct {
	editions            []*Edition
	retained            []*Edition // those for which the file says for how long personal data is kept
	editionThemes       []*editionTheme
	rooms               []*Room
	sessions            []*Session // parents before their children
	shifted             []*Session // known only to the database, and with another place or time because of those of the file
	sessionThemes       []*sessionTheme
	contributions       []*Contribution
	formerContributions []ID
	searchable          []ID // editions whose search column may have to change
}

// knownEditions is what the database holds of the editions of a file.
type knownEditions struct {
	rooms    map[within]ID
	sessions map[within]ID
	agendas  map[ID][]*Session // by position
}

func (i *importing) planEditions(ctx context.Context) error {
	rows, err := selectBy[*Edition](ctx, i, "key", keysOf(i.file.Editions, func(e programme.Edition) string { return e.Key }))
	if err != nil {
		return err
	}
	ids := map[string]ID{}
	for _, row := range rows {
		ids[row.Key] = row.ID
	}
	known, err := i.knownEditions(ctx, idsOf(rows))
	if err != nil {
		return err
	}
	for n := range i.file.Editions {
		e := &i.file.Editions[n]
		row := i.edition(e, i.orNew(ids[e.Key], KindEdition))
		i.editions = append(i.editions, row)
		if row.Retention = e.RetentionMonths; row.Retention != nil {
			i.retained = append(i.retained, row)
		}
		i.seats = append(i.seats, &statedSeats{of: Seats{EditionID: row.ID}, capacity: e.Capacity, rules: e.Registration, timeZone: e.TimeZone,
			path: fmt.Sprintf("editions[%d]", n)})
		for n, theme := range i.all(programme.ThemeKind, e.Themes) {
			i.editionThemes = append(i.editionThemes, &editionTheme{EditionID: row.ID, ThemeID: theme, Position: n})
		}
		for _, r := range e.Rooms {
			key := within{row.ID, r.Key}
			known.rooms[key] = i.orNew(known.rooms[key], KindRoom)
			i.rooms = append(i.rooms, &Room{ID: known.rooms[key], Key: r.Key, EditionID: row.ID, Name: r.Name, Capacity: r.Capacity})
		}
		if err := i.planAgenda(row, fmt.Sprintf("editions[%d]", n), e.Sessions, known); err != nil {
			return fmt.Errorf("edition %s: %w", e.Key, err)
		}
	}
	if err := i.planContributions(ctx); err != nil {
		return err
	}
	hosted, err := selectBy[*Edition](ctx, i, "host_id", i.renamed)
	if err != nil {
		return err
	}
	i.searchable = distinct(append(idsOf(i.editions), idsOf(hosted)...))
	return nil
}

func (i *importing) edition(e *programme.Edition, id ID) *Edition {
	row := &Edition{
		ID: id, Key: e.Key, SeriesID: i.ids[programme.SeriesKind][e.Series], HostID: i.ids[programme.OrganisationKind][e.Host],
		Title: e.Title, Year: e.Year, Status: EditionStatus(e.Status), Summary: e.Summary, SortsOn: Date(fmt.Sprintf("%04d-01-01", e.Year)),
		TimeZone: e.TimeZone, Languages: list(e.Languages),
	}
	row.PartnershipID = i.holders[row.SeriesID]
	if e.StartsOn != "" {
		first, last := Date(e.StartsOn), Date(e.EndsOn)
		row.StartsOn, row.EndsOn, row.SortsOn = &first, &last, first
	}
	row.VenueName, row.VenueAddress, row.VenueCity, row.VenueCountry = place(e.Venue)
	row.BudgetMinor, row.BudgetCurrency = amount(e.Budget)
	return row
}

func (i *importing) knownEditions(ctx context.Context, editions []ID) (*knownEditions, error) {
	known := &knownEditions{rooms: map[within]ID{}, sessions: map[within]ID{}}
	rooms, err := selectBy[*Room](ctx, i, "edition_id", editions)
	if err != nil {
		return nil, err
	}
	for _, r := range rooms {
		known.rooms[within{r.EditionID, r.Key}] = r.ID
	}
	sessions, err := selectBy[*Session](ctx, i, "edition_id", editions)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(sessions, func(a, b *Session) int { return a.Position - b.Position })
	known.agendas = groupBy(sessions, func(s *Session) ID { return s.EditionID })
	for _, s := range sessions {
		known.sessions[within{s.EditionID, s.Key}] = s.ID
	}
	return known, nil
}

// planAgenda places the sessions that the file states of an edition among those that only the database knows.
func (i *importing) planAgenda(edition *Edition, path string, stated []programme.Session, known *knownEditions) error {
	zone, err := programme.Zone(edition.TimeZone)
	if err != nil {
		return err
	}
	a := &agenda{edition: edition, path: path, zone: zone, items: map[ID]*item{}, problem: i.problem}
	for n := range stated {
		at := fmt.Sprintf("%s.sessions[%d]", path, n)
		block, err := a.state(nil, i.session(edition, &stated[n], at, known), &stated[n], at)
		if err != nil {
			return err
		}
		for m := range stated[n].Children {
			child := &stated[n].Children[m]
			at := fmt.Sprintf("%s.children[%d]", block.path, m)
			if _, err := a.state(block, i.session(edition, child, at, known), child, at); err != nil {
				return err
			}
		}
	}
	a.merge(known.agendas[edition.ID])
	a.clashes()
	for position, it := range a.inOrder() {
		shifted := it.shifted || it.row.Position != position
		it.row.Position = position
		switch {
		case it.path != "":
			i.sessions = append(i.sessions, it.row)
		case shifted:
			i.shifted = append(i.shifted, it.row)
		}
	}
	return nil
}

// session makes the row of a session, without its place and times, and what belongs to it.
func (i *importing) session(edition *Edition, s *programme.Session, path string, known *knownEditions) *Session {
	row := &Session{
		ID: i.orNew(known.sessions[within{edition.ID, s.Key}], KindSession), Key: s.Key, EditionID: edition.ID, Kind: SessionKind(s.Kind),
		Title: s.Title, Abstract: optional(s.Abstract), Languages: s.Languages,
	}
	if len(row.Languages) == 0 {
		row.Languages = edition.Languages
	}
	if s.Room != "" {
		row.RoomID = known.rooms[within{edition.ID, s.Room}]
	}
	i.seats = append(i.seats, &statedSeats{of: Seats{SessionID: row.ID}, capacity: s.Capacity, rules: s.Registration, timeZone: edition.TimeZone, path: path})
	for n, theme := range i.all(programme.ThemeKind, s.Themes) {
		i.sessionThemes = append(i.sessionThemes, &sessionTheme{SessionID: row.ID, ThemeID: theme, Position: n})
	}
	for n, c := range s.Contributions {
		i.contributions = append(i.contributions, &Contribution{
			SessionID: row.ID, Role: ContributionRole(c.Role), PersonID: i.ids[programme.PersonKind][c.Person],
			GuestName: c.Name, GuestAffiliation: c.Affiliation, Position: n,
		})
	}
	return row
}

// planContributions finds the contributions that are known again by who does what, since they have no keys, so that they keep
// their ids.
func (i *importing) planContributions(ctx context.Context) error {
	type part struct {
		session            ID
		role               ContributionRole
		person             ID
		guest, affiliation string
	}
	partOf := func(c *Contribution) part {
		return part{c.SessionID, c.Role, c.PersonID, c.GuestName, c.GuestAffiliation}
	}
	rows, err := selectBy[*Contribution](ctx, i, "session_id", idsOf(i.sessions))
	if err != nil {
		return err
	}
	known := make(map[part]ID, len(rows))
	for _, row := range rows {
		known[partOf(row)] = row.ID
	}
	for _, c := range i.contributions {
		c.ID = i.orNew(known[partOf(c)], KindContribution)
		delete(known, partOf(c))
	}
	i.formerContributions = values(known)
	return nil
}

func (i *importing) writeEditions(ctx context.Context) error {
	// The search column is derived from the rows at the end.
	if err := upsert(ctx, i, i.editions, "series_id", "partnership_id", "host_id", "title", "year", "status", "summary", "starts_on", "ends_on", "sorts_on",
		"time_zone", "languages", "venue_name", "venue_address", "venue_city", "venue_country", "budget_minor", "budget_currency"); err != nil {
		return err
	}
	if err := upsert(ctx, i, i.retained, "retention_months"); err != nil { // for the others it stays as organisers have set it
		return err
	}
	if err := replace(ctx, i, "edition_id", idsOf(i.editions), i.editionThemes); err != nil {
		return err
	}
	return upsert(ctx, i, i.rooms, "name", "capacity")
}

func (i *importing) writeSessions(ctx context.Context) error {
	if err := upsert(ctx, i, i.sessions, "parent_id", "kind", "title", "abstract", "day", "starts_local", "ends_local", "starts_at", "ends_at",
		"room_id", "languages", "position"); err != nil {
		return err
	}
	if err := upsert(ctx, i, i.shifted, "day", "starts_at", "ends_at", "position"); err != nil {
		return err
	}
	if err := replace(ctx, i, "session_id", idsOf(i.sessions), i.sessionThemes); err != nil {
		return err
	}
	if err := replace[Contribution](ctx, i, "id", i.formerContributions, nil); err != nil {
		return err
	}
	return upsert(ctx, i, i.contributions, "position")
}

// writeSearch derives what the free-text filter looks in, from the rows as they are now.
func (i *importing) writeSearch(ctx context.Context) error {
	for part := range slices.Chunk(i.searchable, chunk) {
		var rows []*Edition
		if err := i.tx.NewSelect().Model(&rows).Where("id IN (?)", bun.List(part)).Scan(ctx); err != nil {
			return fmt.Errorf("editions to search: %w", err)
		}
		hosts, err := byID[Organisation](ctx, i.tx, idsBy(rows, func(e *Edition) ID { return e.HostID }))
		if err != nil {
			return fmt.Errorf("hosts to search: %w", err)
		}
		var sessions []struct {
			EditionID ID
			Title     string
		}
		if err := i.tx.NewSelect().Model((*Session)(nil)).Column("edition_id", "title").Where("edition_id IN (?)", bun.List(part)).
			Order("position").Scan(ctx, &sessions); err != nil {
			return fmt.Errorf("sessions to search: %w", err)
		}
		texts := map[ID][]string{}
		for _, row := range rows {
			texts[row.ID] = []string{row.Title, row.Summary, row.VenueCity}
			if host := hosts[row.HostID]; host != nil {
				texts[row.ID] = append(texts[row.ID], host.Name)
			}
		}
		for _, s := range sessions {
			texts[s.EditionID] = append(texts[s.EditionID], s.Title)
		}
		for _, row := range rows {
			row.Search = fold(strings.Join(texts[row.ID], " "))
		}
		if err := upsert(ctx, i, rows, "search"); err != nil {
			return err
		}
	}
	return nil
}
