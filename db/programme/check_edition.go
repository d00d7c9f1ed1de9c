package programme

import (
	"cmp"
	"slices"
	"time"
)

// lastEnd is the clock time, on the day after an edition's last, until which its last evening may go on.
const lastEnd = "T06:00"

// A meeting is an edition while its sessions are checked.
type meeting struct {
	*checker
	first, last string // the days; "" when they are not known
	zone        *time.Location
	rooms       map[string]*place
	sessions    map[string]*place
	stays       []stay
}

// A span is the time a session takes. When it isn't known, ok is false, and there is perhaps a day.
type span struct {
	starts, ends time.Time
	ok           bool
	day          string
}

// A stay is the time a session is in a room.
type stay struct {
	at   *place
	room string
	span
}

func (c *checker) edition(at *place, e *Edition) {
	c.present(at.field("series"), e.Series)
	c.refers(at.field("series"), SeriesKind, e.Series)
	c.title(at.field("title"), e.Title)
	c.year(at.field("year"), e.Year)
	c.choice(at.field("status"), e.Status, "DRAFT", "PUBLISHED", "CANCELLED")
	c.refers(at.field("host"), OrganisationKind, e.Host)
	c.text(at.field("summary"), e.Summary)
	m := &meeting{checker: c, rooms: map[string]*place{}, sessions: map[string]*place{}}
	if c.days(at, e.StartsOn, e.EndsOn) {
		m.first, m.last = e.StartsOn, e.EndsOn
		if starts, _ := Date(e.StartsOn); e.Year >= minYear && starts.Year() != e.Year {
			c.problem(at.field("year"), "Write the year the edition starts in, %d, or correct its days; it is %d.", starts.Year(), e.Year)
		}
	}
	m.zone = c.zone(at.field("timeZone"), e.TimeZone)
	c.workingLanguages(at.field("languages"), e.Languages)
	c.venue(at.field("venue"), e.Venue)
	c.refersAll(at.field("themes"), ThemeKind, e.Themes)
	c.money(at.field("budget"), e.Budget)
	c.atLeastOne(at.field("capacity"), e.Capacity)
	c.registration(at.field("registration"), e.Registration, m.zone)
	c.retention(at.field("retentionMonths"), e.RetentionMonths)
	each(at.field("rooms"), e.Rooms, func(at *place, r *Room) {
		c.key(at.field("key"), r.Key, m.rooms)
		c.title(at.field("name"), r.Name)
		c.atLeastOne(at.field("capacity"), r.Capacity)
	})
	if len(e.Sessions) > 0 && e.StartsOn == "" && e.EndsOn == "" {
		c.problem(at.field("sessions"), `Add "startsOn" and "endsOn" to the edition; without its days it cannot have sessions.`)
	}
	each(at.field("sessions"), e.Sessions, m.block)
	m.clashes()
	if e.Report != nil {
		m.aftermath(at.field("report"), e.Report)
	}
}

// days checks the first and last day of something, and tells whether they are in order.
func (c *checker) days(at *place, first, last string) bool {
	startsOn, endsOn := at.field("startsOn"), at.field("endsOn")
	okFirst, okLast := c.date(startsOn, first), c.date(endsOn, last)
	switch {
	case first == "" && last != "":
		c.problem(startsOn, `Add "startsOn", or leave out "endsOn" when the days are not known.`)
	case last == "" && first != "":
		c.problem(endsOn, `Add "endsOn", or leave out "startsOn" when the days are not known.`)
	case okFirst && okLast && last < first:
		c.problem(endsOn, "Write a last day that is not before the first, %s; it is %s.", first, last)
		return false
	}
	return okFirst && okLast
}

// block checks a session and those inside it.
func (m *meeting) block(at *place, s *Session) {
	parent := m.session(at, s, false)
	if s.Day == "" && !parent.ok && s.Starts == "" && s.Ends == "" {
		m.problem(at.field("starts"), `Add "starts" and "ends", or, when the times are not known, the "day" of the session.`)
	}
	each(at.field("children"), s.Children, func(at *place, s *Session) {
		child := m.session(at, s, true)
		if s.Day != "" {
			m.problem(at.field("day"), `Leave out "day"; a session inside a block is on the day of the block.`)
		}
		if len(s.Children) > 0 {
			m.problem(at.field("children"), "Move these sessions up into the block; a session inside a block cannot have sessions inside it.")
		}
		switch {
		case !child.ok:
		case parent.ok && child.starts.Before(parent.starts):
			m.problem(at.field("starts"), "Let the session start when its block does or later; the block starts at %s.", m.local(parent.starts))
		case parent.ok && child.ends.After(parent.ends):
			m.problem(at.field("ends"), "Let the session end when its block does or earlier; the block ends at %s.", m.local(parent.ends))
		case parent.day != "" && child.day != parent.day:
			m.problem(at.field("starts"), "Let the session start on the day of its block, %s.", parent.day)
		}
	})
}

// session checks a session by itself, and gives the time it takes.
func (m *meeting) session(at *place, s *Session, inside bool) span {
	m.key(at.field("key"), s.Key, m.sessions)
	m.choice(at.field("kind"), s.Kind, "ARRIVAL", "PLENARY", "BREAKOUT", "BREAK", "EXCURSION", "SOCIAL", "CLOSING")
	m.title(at.field("title"), s.Title)
	m.text(at.field("abstract"), s.Abstract)
	m.languages(at.field("languages"), s.Languages)
	m.refersAll(at.field("themes"), ThemeKind, s.Themes)
	m.atLeastOne(at.field("capacity"), s.Capacity)
	m.registration(at.field("registration"), s.Registration, m.zone)
	m.contributions(at.field("contributions"), s.Contributions)
	taken := m.span(at, s, inside)
	if here := at.field("room"); s.Room != "" && m.slug(here, s.Room) {
		if _, known := m.rooms[s.Room]; !known {
			m.problem(here, "Correct the key %q, or add the room it means to the rooms of the edition; none there has this key.", s.Room)
		} else if taken.ok {
			m.stays = append(m.stays, stay{at, s.Room, taken})
		}
	}
	return taken
}

// span checks the times of a session, or its day.
func (m *meeting) span(at *place, s *Session, inside bool) span {
	startsAt, endsAt := at.field("starts"), at.field("ends")
	starts, okStarts := m.instant(startsAt, s.Starts, m.zone)
	ends, okEnds := m.instant(endsAt, s.Ends, m.zone)
	switch {
	case s.Starts == "" && s.Ends != "":
		m.problem(startsAt, `Add "starts", or leave out "ends" when the times are not known.`)
	case s.Ends == "" && s.Starts != "":
		m.problem(endsAt, `Add "ends", or leave out "starts" when the times are not known.`)
	}
	if s.Day != "" && !inside {
		if s.Starts != "" || s.Ends != "" {
			m.problem(at.field("day"), `Leave out "day"; the times of the session say it.`)
		} else if m.date(at.field("day"), s.Day) {
			m.on(at.field("day"), s.Day)
			return span{day: s.Day}
		}
	}
	if okStarts {
		m.on(startsAt, s.Starts[:len(dateLayout)])
	}
	if okEnds && m.last != "" && s.Ends > m.after()+lastEnd {
		m.problem(endsAt, "Let the session end by 06:00 on %s, or correct the days of the edition; its last day is %s.", m.after(), m.last)
	}
	if !okStarts || !okEnds {
		return span{}
	}
	if !starts.Before(ends) {
		m.problem(endsAt, "Let the session end later than it starts, %s.", s.Starts)
		return span{}
	}
	return span{starts, ends, true, s.Starts[:len(dateLayout)]}
}

// on reports a day, that of a value, that isn't one of the edition's.
func (m *meeting) on(at *place, day string) {
	if m.first != "" && (day < m.first || day > m.last) {
		m.problem(at, "Choose a day of the edition, %s to %s, or correct its days; this is on %s.", m.first, m.last, day)
	}
}

// after is the day after the last.
func (m *meeting) after() string {
	last, _ := Date(m.last) // m.last is a date, or ""
	return last.AddDate(0, 0, 1).Format(dateLayout)
}

func (m *meeting) local(t time.Time) string {
	return t.In(m.zone).Format(localLayout)
}

func (m *meeting) contributions(at *place, list []Contribution) {
	each(at, list, func(at *place, p *Contribution) {
		m.choice(at.field("role"), p.Role, "CHAIR", "MODERATOR", "SPEAKER", "PANELLIST", "TRAINER")
		m.refers(at.field("person"), PersonKind, p.Person)
		m.line(at.field("name"), p.Name)
		m.line(at.field("affiliation"), p.Affiliation)
		switch {
		case p.Person == "" && p.Name == "":
			m.problem(at.field("person"), `Add the "person", or the "name" of a guest.`)
		case p.Person != "" && p.Name != "":
			m.problem(at.field("name"), `Leave out "name" or "person"; a person has a name already.`)
		case p.Person != "" && p.Affiliation != "":
			m.problem(at.field("affiliation"), `Leave out "affiliation"; that of a person is the organisation.`)
		}
		if slices.Contains(list[:at.step.item], *p) {
			m.problem(at, "Remove one of the contributions that are the same.")
		}
	})
}

// clashes reports the sessions that are in a room while another one is. A session may share it with its block.
func (m *meeting) clashes() {
	slices.SortStableFunc(m.stays, func(a, b stay) int {
		return cmp.Or(cmp.Compare(a.room, b.room), a.starts.Compare(b.starts))
	})
	clashing := map[*place]bool{}
	for i, a := range m.stays {
		for _, b := range m.stays[i+1:] {
			if b.room != a.room || !b.starts.Before(a.ends) {
				break
			}
			if clashing[b.at] || a.at == b.at.parent.parent || b.at == a.at.parent.parent {
				continue
			}
			clashing[b.at] = true
			m.problem(b.at.field("room"), "Choose another room or time; %s is in this room until %s.", a.at, m.local(a.ends))
		}
	}
}
