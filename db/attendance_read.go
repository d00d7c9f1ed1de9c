package db

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// AttendeeState is where somebody stands on the day of a meeting.
type AttendeeState string

// The states.
const (
	AttendeeExpected AttendeeState = "EXPECTED" // has a place and has not come yet
	AttendeeCame     AttendeeState = "CAME"     // with a place or without
	AttendeeNoShow   AttendeeState = "NO_SHOW"  // had a place and had not come when the meeting was over
	AttendeeNoPlace  AttendeeState = "NO_PLACE" // waits or waited for a place
)

// Attendee is somebody on the list of who comes in.
type Attendee struct {
	PersonID        ID
	Name            string
	State           AttendeeState
	WalkIn          bool       // came without a place
	CheckedInAt     *time.Time // nil for who has not come
	CertificateCode *string    // of the certificate that is valid; nil when there is none

	registrationID ID
	organisationID ID
	affiliation    string // whom the person works for when that is no organisation known here
	Registration   *Registration
	organisation   *Organisation
}

// Organisation returns whom the person works for, if the shape asked for it; nil when that is not one known here.
func (a *Attendee) Organisation() Party { return a.organisation.party() }

// WorksFor names whom the person works for, "" when nobody knows.
func (a *Attendee) WorksFor() string { return cmp.Or(a.organisation.name(), a.affiliation) }

// SeatsAttendance are the numbers of those who come in.
type SeatsAttendance struct {
	Expected      int // who have a place, whether they came or not
	Came          int // with a place or without
	WalkIns       int // those of them without
	NoShows       int // who had a place and had not come when the meeting was over; 0 before
	Organisations []*OrganisationPresence
}

// OrganisationPresence is how many of an organisation come in.
type OrganisationPresence struct {
	Name         string // of the organisation, "" for people who work for nobody we know of
	Expected     int
	Came         int
	organisation *Organisation
}

// Organisation returns which one it is; nil when it is not one known here.
func (p *OrganisationPresence) Organisation() Party { return p.organisation.party() }

// AttendeeFilter restricts a list of attendees; nil fields do not.
type AttendeeFilter struct {
	Text  *string // in the name or the organisation, whatever the case and the accents
	State *AttendeeState
}

func (f AttendeeFilter) holds(a *Attendee) bool {
	if f.State != nil && a.State != *f.State {
		return false
	}
	if f.Text != nil {
		in := fold(a.Name + " " + a.WorksFor())
		for word := range strings.FieldsSeq(fold(*f.Text)) {
			if !strings.Contains(in, word) {
				return false
			}
		}
	}
	return true
}

// roll reads everybody who is registered on seats or came, by name. Many meetings have hundreds of people and none many thousands, so that
// it is read as a whole.
func (v view) roll(ctx context.Context, at *gate) ([]*Attendee, error) {
	var registered []*Registration
	if err := v.tx.NewSelect().Model(&registered).Column("id", "person_id", "organisation_id", "status").Where("seats_id = ?", at.seats.ID).
		Where("status <> ?", Cancelled).Order("ticket").Scan(ctx); err != nil { // of several, the last counts
		return nil, fmt.Errorf("who is registered: %w", err)
	}
	var present []*presence
	if err := v.tx.NewSelect().Model(&present).Where("seats_id = ?", at.seats.ID).Scan(ctx); err != nil {
		return nil, fmt.Errorf("who came: %w", err)
	}
	over, by := at.over(v.now), map[ID]*Attendee{}
	for _, r := range registered {
		a := &Attendee{PersonID: r.PersonID, State: AttendeeExpected, registrationID: r.ID, organisationID: r.OrganisationID}
		switch {
		case !slices.Contains(having, r.Status):
			a.State = AttendeeNoPlace
		case over:
			a.State = AttendeeNoShow
		}
		by[r.PersonID] = a
	}
	for _, p := range present {
		a := by[p.PersonID]
		if a == nil {
			a = &Attendee{PersonID: p.PersonID}
			by[p.PersonID] = a
		}
		a.State, a.WalkIn, a.CheckedInAt, a.organisationID = AttendeeCame, p.WalkIn, &p.At, p.OrganisationID
	}
	roll := values(by)
	return roll, v.identify(ctx, at, roll)
}

// identify says who the people on a roll are, and sorts them by name.
func (v view) identify(ctx context.Context, at *gate, roll []*Attendee) error {
	people, err := byID[Person](ctx, v.tx, idsBy(roll, func(a *Attendee) ID { return a.PersonID }))
	if err != nil {
		return fmt.Errorf("people: %w", err)
	}
	organisations, err := byID[Organisation](ctx, v.tx, idsBy(roll, func(a *Attendee) ID { return a.organisationID }))
	if err != nil {
		return fmt.Errorf("organisations: %w", err)
	}
	codes, err := v.certificateCodes(ctx, at.seats.CourseRunID)
	if err != nil {
		return err
	}
	for _, a := range roll {
		p := people[a.PersonID]
		if a.Name, a.organisation = p.Name, organisations[a.organisationID]; a.organisation == nil {
			a.affiliation = p.Affiliation
		}
		if code, ok := codes[a.PersonID]; ok {
			a.CertificateCode = &code
		}
	}
	slices.SortFunc(roll, func(a, b *Attendee) int {
		return cmp.Or(cmp.Compare(fold(a.Name), fold(b.Name)), a.PersonID.compare(b.PersonID))
	})
	return nil
}

// count counts the people on a roll, and those of each organisation: the one that more are expected of or came from first.
func count(roll []*Attendee) *SeatsAttendance {
	all, of := &SeatsAttendance{Organisations: []*OrganisationPresence{}}, map[string]*OrganisationPresence{}
	for _, a := range roll {
		if a.State == AttendeeNoPlace {
			continue
		}
		one := of[a.WorksFor()]
		if one == nil {
			one = &OrganisationPresence{Name: a.WorksFor(), organisation: a.organisation}
			of[one.Name] = one
			all.Organisations = append(all.Organisations, one)
		}
		if !a.WalkIn {
			all.Expected++
			one.Expected++
		}
		switch a.State {
		case AttendeeCame:
			all.Came++
			one.Came++
			if a.WalkIn {
				all.WalkIns++
			}
		case AttendeeNoShow:
			all.NoShows++
		}
	}
	slices.SortFunc(all.Organisations, func(a, b *OrganisationPresence) int {
		return cmp.Or(max(b.Expected, b.Came)-max(a.Expected, a.Came), cmp.Compare(fold(a.Name), fold(b.Name)))
	})
	return all
}

// AttendanceOn counts who is expected on seats and who came, for those who may check people in there; nil for everybody else.
func (d *DB) AttendanceOn(ctx context.Context, actor Actor, seats *Seats, shape Shape) (*SeatsAttendance, error) {
	v := d.view(actor)
	at, err := v.gate(ctx, seats.ID)
	if err != nil {
		return nil, unlessRefused(err)
	}
	roll, err := v.roll(ctx, at)
	if err != nil {
		return nil, err
	}
	all := count(roll)
	for _, one := range all.Organisations {
		if one.organisation != nil {
			v.wantOrganisation(one.organisation.ID, shape.Of("organisations").Of("organisation"), func(o *Organisation) { one.organisation = o })
		}
	}
	return all, v.finish(ctx, nil)
}

// unlessRefused drops an expected problem: who may not read a list finds it empty.
func unlessRefused(err error) error {
	if _, refused := AsErrors(err); refused {
		return nil
	}
	return err
}

var peopleByName = order[Person]{
	column: "person.name", key: func(p *Person) (string, ID) { return p.Name, p.ID }, cursor: byText(KindPerson),
}

// AttendeesOn lists who is registered on seats and who came, by name, for those who may check people in there; nobody for everybody
// else.
func (d *DB) AttendeesOn(ctx context.Context, actor Actor, seats *Seats, p Page, filter AttendeeFilter, shape Shape) (*Connection[Attendee], error) {
	v := d.view(actor)
	by, ids := map[ID]*Attendee{}, []ID{unknownID}
	at, err := v.gate(ctx, seats.ID)
	switch {
	case err == nil:
		roll, err := v.roll(ctx, at)
		if err != nil {
			return nil, err
		}
		for _, a := range roll {
			if filter.holds(a) {
				by[a.PersonID], ids = a, append(ids, a.PersonID)
			}
		}
	case unlessRefused(err) != nil:
		return nil, err
	}
	people, err := connect(ctx, v.tx, peopleByName, p, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("person.id IN (?)", bun.List(ids)) })
	if err != nil {
		return nil, fmt.Errorf("attendees: %w", err)
	}
	list := mapped(people, func(p *Person) *Attendee { return by[p.ID] })
	return list, v.finish(ctx, v.attendees(ctx, list.Nodes, shape))
}

// attendees completes attendees with their records.
func (v view) attendees(ctx context.Context, rows []*Attendee, shape Shape) error {
	if shape.Has("registration") {
		registrations, err := byID[Registration](ctx, v.tx, idsBy(rows, func(a *Attendee) ID { return a.registrationID }))
		if err != nil {
			return err
		}
		for _, a := range rows {
			a.Registration = registrations[a.registrationID]
		}
		if err := v.registrations(ctx, values(registrations), shape.Of("registration")); err != nil {
			return err
		}
	}
	for _, a := range rows {
		if a.organisation != nil {
			v.wantOrganisation(a.organisation.ID, shape.Of("organisation"), func(o *Organisation) { a.organisation = o })
		}
	}
	return nil
}

// attendee returns somebody on the list of seats; nil when the person is not on it any more.
func (d *DB) attendee(ctx context.Context, actor Actor, seats, person ID, shape Shape) (*Attendee, error) {
	v := d.view(actor)
	at, err := v.gate(ctx, seats)
	if err != nil {
		return nil, err
	}
	roll, err := v.roll(ctx, at)
	if err != nil {
		return nil, err
	}
	for _, a := range roll {
		if a.PersonID == person {
			return a, v.finish(ctx, v.attendees(ctx, []*Attendee{a}, shape))
		}
	}
	return nil, nil
}

// checkedIn says of registrations when their people came.
func (v view) checkedIn(ctx context.Context, rows []*Registration) error {
	var present []*presence
	if err := v.tx.NewSelect().Model(&present).Column("seats_id", "person_id", "at").
		Where("seats_id IN (?)", bun.List(distinct(idsBy(rows, func(r *Registration) ID { return r.SeatsID })))).
		Where("person_id IN (?)", bun.List(distinct(idsBy(rows, func(r *Registration) ID { return r.PersonID })))).Scan(ctx); err != nil {
		return fmt.Errorf("who came: %w", err)
	}
	type place struct{ seats, person ID }
	at := make(map[place]time.Time, len(present))
	for _, p := range present {
		at[place{p.SeatsID, p.PersonID}] = p.At
	}
	for _, row := range rows {
		if came, ok := at[place{row.SeatsID, row.PersonID}]; ok && slices.Contains(active, row.Status) {
			row.CheckedInAt = &came
		}
	}
	return nil
}

// CheckInDesk is what whoever checks people in sees: the list as far as it matches a text, and the numbers.
type CheckInDesk struct {
	Reader     *Person
	Edition    *Edition   // or that of the session; nil when it is about a course run
	Session    *Session   // nil when it is about no session
	CourseRun  *CourseRun // with course
	Attendance *SeatsAttendance
	Attendees  []*Attendee // who match, by name
	Last       *Attendee   // who was asked for besides; nil when nobody was, or is not on the list
	Open       bool        // whether people can be checked in now
	Opens      *time.Time  // from when they can be, when that is later
}

// CheckInDesk returns what those see who may check people in on seats, with who matches the text, and somebody in any case; nil to
// everybody else.
func (d *DB) CheckInDesk(ctx context.Context, actor Actor, seats ID, text string, last ID) (*CheckInDesk, error) {
	v := d.view(actor)
	at, err := v.gate(ctx, seats)
	if err != nil {
		return nil, unlessRefused(err)
	}
	roll, err := v.roll(ctx, at)
	if err != nil {
		return nil, err
	}
	desk := &CheckInDesk{Attendance: count(roll), Open: at.refusal(v.now) == nil}
	if opens := at.opens(); at.on() && v.now.Before(opens) {
		desk.Opens = &opens
	}
	for _, a := range roll {
		if a.PersonID == last {
			desk.Last = a
		}
	}
	filter := AttendeeFilter{Text: &text}
	desk.Attendees = slices.DeleteFunc(roll, func(a *Attendee) bool { return !filter.holds(a) })
	people, err := v.loadPeople(ctx, []ID{actor.PersonID}, nil)
	if err != nil {
		return nil, err
	}
	editions, err := v.loadEditions(ctx, []ID{at.occasion.EditionID}, nil)
	if err != nil {
		return nil, err
	}
	sessions, err := v.loadSessions(ctx, []ID{at.occasion.SessionID}, nil)
	if err != nil {
		return nil, err
	}
	runs, err := v.loadCourseRuns(ctx, []ID{at.occasion.CourseRunID}, Shape{"course": nil})
	if err != nil {
		return nil, err
	}
	desk.Reader, desk.Edition = people[actor.PersonID], editions[at.occasion.EditionID]
	desk.Session, desk.CourseRun = sessions[at.occasion.SessionID], runs[at.occasion.CourseRunID]
	return desk, v.finish(ctx, nil)
}
