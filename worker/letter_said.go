package worker

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
)

// said is what the words may mention. The fields are "" when unknown, for {{with}}; a method ends the letter then.
type said struct {
	Name, Dates, Deadline, Summary, Message string
	CalendarEntry, NoPlace, Held            bool
	Invited, Reopened, Waits, IntakeOpen    bool
	Delegated                               bool
	Trial, Reported, Surveyed, Anonymous    bool
	Places, Taken                           int
	Sessions                                []string

	title, organiser, delegation string
	position, minimum            int
	began, report                string
	result                       *db.Summary
	tasks                        []string
	help                         *db.Help
}

func say(f Facts, t *tongue) *said {
	s := &said{
		Name:          oneLine(f.PersonName, maxName),
		Dates:         t.dates(f.Meeting),
		Deadline:      t.deadline(f.RespondBy),
		Summary:       plainText(f.Meeting.Summary),
		CalendarEntry: f.CalendarEntry,
		Invited:       f.Invited,
		Delegated:     f.Delegated,
		Reopened:      f.Was != nil && f.Was.Cancelled && !f.Meeting.Cancelled,
		NoPlace:       f.NoPlace,
		Held:          f.Held,
		Sessions:      titles(f.Sessions),
		title:         oneLine(f.Meeting.Title, maxSubject),
		organiser:     oneLine(f.OrganiserName, maxName),
		position:      f.Position,
		Places:        f.Places,
		delegation:    oneLine(f.Delegation, maxName),
		Waits:         f.Waits,
		IntakeOpen:    f.IntakeOpen,
		Taken:         f.Taken,
		minimum:       f.Minimum,
		result:        f.Result,
		Reported:      f.Reported,
		Surveyed:      f.Surveyed,
		began:         t.deadline(f.Began),
		Trial:         f.Trial,
		tasks:         titlesOf(f.Tasks),
		help:          f.Help,
		Anonymous:     f.Anonymous,
	}
	if f.Words != nil && f.Words.Message != nil {
		s.Message = ownPlace
	}
	if strings.TrimSpace(f.Report) != "" {
		s.report = recordPlace
	}
	return s
}

func titles(sessions []string) []string {
	lines := make([]string, len(sessions))
	for i, title := range sessions {
		lines[i] = oneLine(title, maxSubject)
	}
	return lines
}

// Title is the name of the meeting.
func (s *said) Title() (string, error) { return needed("the title of the meeting", s.title) }

// Organiser is who signs.
func (s *said) Organiser() (string, error) { return needed("the name of the organiser", s.organiser) }

// Delegation is the organisation that is invited.
func (s *said) Delegation() (string, error) {
	return needed("the name of the organisation", s.delegation)
}

// OfferEnds is until when a place is offered.
func (s *said) OfferEnds() (string, error) { return needed("the end of the offer", s.Deadline) }

func needed(what, value string) (string, error) {
	if value == "" {
		return "", fmt.Errorf("%s is missing", what)
	}
	return value, nil
}

// Minimum is how many participants a course run needs.
func (s *said) Minimum() (int, error) {
	if s.minimum < 1 {
		return 0, errors.New("the minimum of the course is missing")
	}
	return s.minimum, nil
}

// Result is how a campaign ended.
func (s *said) Result() (*db.Summary, error) {
	if s.result == nil {
		return nil, errors.New("the result of the campaign is missing")
	}
	return s.result, nil
}

// Report is what came of the meeting.
func (s *said) Report() (string, error) { return needed("the summary of the report", s.report) }

// Began is when a campaign began.
func (s *said) Began() (string, error) { return needed("the beginning of the campaign", s.began) }

// Position is the place on the waiting list.
func (s *said) Position() (int, error) {
	if s.position < 1 {
		return 0, errors.New("the position on the waiting list is missing")
	}
	return s.position, nil
}
