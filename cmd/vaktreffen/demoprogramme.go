package main

import (
	"slices"

	"github.com/vaktreffen/vaktreffen/db"
)

// programmeDay is a day of a meeting as pages show it.
type programmeDay struct {
	Date  db.Date
	Timed bool // whether the time of any session is known
	Slots []programmeSlot
}

// programmeSlot is a stretch of time and what happens in it, side by side.
type programmeSlot struct {
	from, to db.LocalTime // "" when not known
	Items    []programmeItem
}

// programmeItem is a session as pages show it.
type programmeItem struct {
	Title    string
	Time     string // its own, when the slot is longer
	Facts    []string
	Abstract string
	People   []programmePeople
	Talks    []programmeSlot
}

// programmePeople are those who do the same in a session; at least one.
type programmePeople []*db.Contribution

// programmeOf arranges the programme of an edition; whole adds what each session is about.
func programmeOf(e *db.Edition, whole bool) []programmeDay {
	var days []programmeDay
	for _, d := range e.Days {
		if len(d.Sessions) == 0 {
			continue
		}
		day := programmeDay{Date: d.Date, Slots: slotsOf(d.Sessions, e.Languages, whole)}
		day.Timed = slices.ContainsFunc(day.Slots, func(s programmeSlot) bool { return s.from != "" })
		days = append(days, day)
	}
	return days
}

// slotsOf puts sessions that overlap side by side. They come in the order of the programme.
func slotsOf(sessions []*db.Session, usual []string, whole bool) []programmeSlot {
	var slots []programmeSlot
	var before *db.Session
	for _, s := range sessions {
		from, to := wall(s.StartsAtLocal), wall(s.EndsAtLocal)
		if before == nil || !beside(slots[len(slots)-1], before, s) {
			slots = append(slots, programmeSlot{from: from, to: to})
		}
		slot := &slots[len(slots)-1]
		slot.to = max(slot.to, to)
		slot.Items = append(slot.Items, itemOf(s, usual, whole))
		before = s
	}
	for _, slot := range slots {
		for i := range slot.Items {
			if own := &slot.Items[i].Time; *own == slot.Time() {
				*own = ""
			}
		}
	}
	return slots
}

// beside reports whether a session runs beside those of the slot before it. Where times are not known, break-outs that follow
// each other do.
func beside(slot programmeSlot, before, s *db.Session) bool {
	if from := wall(s.StartsAtLocal); from != "" {
		return from == slot.from || from < slot.to
	}
	return slot.from == "" && before.Kind == "BREAKOUT" && s.Kind == "BREAKOUT"
}

func itemOf(s *db.Session, usual []string, whole bool) programmeItem {
	item := programmeItem{Title: s.Title, Time: span(wall(s.StartsAtLocal), wall(s.EndsAtLocal)), Talks: slotsOf(s.Children, usual, whole)}
	if word, ok := map[db.SessionKind]string{"BREAKOUT": "Break-out", "EXCURSION": "Excursion"}[s.Kind]; ok {
		item.Facts = append(item.Facts, word)
	}
	if s.Room != nil {
		item.Facts = append(item.Facts, s.Room.Name)
	}
	if !slices.Equal(s.Languages, usual) {
		item.Facts = append(item.Facts, "in "+languageNames(s.Languages))
	}
	for _, c := range s.Contributions {
		if last := len(item.People) - 1; last >= 0 && item.People[last][0].Role == c.Role {
			item.People[last] = append(item.People[last], c)
		} else {
			item.People = append(item.People, programmePeople{c})
		}
	}
	if whole && s.Abstract != nil {
		item.Abstract = *s.Abstract
	}
	return item
}

// Time writes "13:00 – 14:30", as far as known.
func (s programmeSlot) Time() string { return span(s.from, s.to) }

// Parallel reports whether several sessions run beside each other.
func (s programmeSlot) Parallel() bool { return len(s.Items) > 1 }

func span(from, to db.LocalTime) string {
	switch {
	case from == "":
		return ""
	case to == "":
		return clock(from)
	}
	return clock(from) + " – " + clock(to)
}

// clock returns the hours and minutes of a local time.
func clock(t db.LocalTime) string { return string(t[len(t.Date())+len("T"):]) }

func wall(t *db.LocalTime) db.LocalTime {
	if t == nil {
		return ""
	}
	return *t
}

// Role says what they do.
func (p programmePeople) Role() string {
	role, ok := map[db.ContributionRole]string{"CHAIR": "Chair", "MODERATOR": "Moderator", "SPEAKER": "Speaker", "TRAINER": "Trainer"}[p[0].Role]
	switch {
	case !ok:
		return "Panel"
	case len(p) > 1:
		return role + "s"
	}
	return role
}
