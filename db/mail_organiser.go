package db

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/uptrace/bun"
)

// Answers to a mail go to one person. Who was invited answers whoever sent the campaign, also about sessions. Everybody else
// answers the first coordinator with a mail address
//
//	of an edition, or a session of it    of its host in the partnership, else of who leads that
//	of a course run                      of the organisation that offers the course
//
// and, where there is none, the sender of all mails.

// organisersToAnswer returns the coordinators that answers about editions and course runs go to, without those of campaigns.
func (v view) organisersToAnswer(ctx context.Context, editions, runs []ID) (map[ID]*Person, error) {
	type coordinator struct{ MeetingID, PersonID ID }
	var found []coordinator
	for _, q := range []*bun.SelectQuery{
		v.tx.NewSelect().ColumnExpr("edition.id AS meeting_id").TableExpr("editions AS edition").
			Join("JOIN members AS member ON member.partnership_id = edition.partnership_id AND (member.organisation_id = edition.host_id OR member.role IN (?))",
				bun.List([]MemberRole{RoleLead, RoleSecretariat})).
			Where("edition.id IN (?)", bun.List(append(distinct(editions), unknownID))).
			OrderExpr("CASE WHEN member.organisation_id = edition.host_id THEN 0 ELSE 1 END"),
		v.tx.NewSelect().ColumnExpr("run.id AS meeting_id").TableExpr("course_runs AS run").
			Join("JOIN courses AS course ON course.id = run.course_id").
			Join("JOIN members AS member ON member.organisation_id = course.organisation_id").
			Where("run.id IN (?)", bun.List(append(distinct(runs), unknownID))),
	} {
		var rows []coordinator
		if err := q.ColumnExpr("coordinator.person_id").Join("JOIN coordinators AS coordinator ON coordinator.member_id = member.id").
			Join("JOIN people AS person ON person.id = coordinator.person_id AND person.email IS NOT NULL").
			OrderExpr("member.position, member.id, coordinator.position").Scan(ctx, &rows); err != nil {
			return nil, fmt.Errorf("whom answers go to: %w", err)
		}
		found = append(found, rows...)
	}
	first := map[ID]ID{}
	for _, row := range found {
		if _, ok := first[row.MeetingID]; !ok {
			first[row.MeetingID] = row.PersonID
		}
	}
	people, err := v.loadPeople(ctx, values(first), nil)
	of := make(map[ID]*Person, len(first))
	for meeting, person := range first {
		of[meeting] = people[person]
	}
	return of, err
}

// cancellations says of mails about cancelled registrations which of these never were a certain place, and which sessions went with them.
func (v view) cancellations(ctx context.Context, mails []*Mail) error {
	of := map[ID]*Mail{} // by registration
	for _, m := range mails {
		if m.Delivery.Kind == MailCancelled {
			of[m.Registration.ID] = m
		}
	}
	if len(of) == 0 {
		return nil
	}
	var rows []*Registration
	if err := v.tx.NewSelect().Model(&rows).Where("cancelled_with IN (?)", bun.List(idsBy(values(of), func(m *Mail) ID { return m.Registration.ID }))).Scan(ctx); err != nil {
		return fmt.Errorf("sessions cancelled with an edition: %w", err)
	}
	if err := v.sequences(ctx, rows); err != nil {
		return err
	}
	seats, err := byID[Seats](ctx, v.tx, idsBy(rows, func(r *Registration) ID { return r.SeatsID }))
	if err != nil {
		return err
	}
	sessions, err := v.loadSessions(ctx, idsBy(values(seats), func(s *Seats) ID { return s.SessionID }), nil)
	if err != nil {
		return err
	}
	sessionOf := func(r *Registration) *Session { return sessions[seats[r.SeatsID].SessionID] }
	rows = slices.DeleteFunc(rows, func(r *Registration) bool { return sessionOf(r) == nil }) // of an edition that is a draft again
	slices.SortFunc(rows, func(a, b *Registration) int { return sessionOf(a).Position - sessionOf(b).Position })
	for _, r := range rows {
		with := of[r.CancelledWith]
		own := *with
		own.Registration, own.Session, own.Sessions = r, sessionOf(r), nil
		with.Sessions = append(with.Sessions, &own)
		of[r.ID] = &own
	}
	var told []*Delivery // whoever got a place was told so
	if err := v.tx.NewSelect().Model(&told).Column("registration_id", "kind").Where("kind IN (?)", bun.List([]MailKind{MailConfirmed, MailIntakeRequested})).
		Where("registration_id IN (?)", bun.List(slices.Collect(maps.Keys(of)))).Scan(ctx); err != nil {
		return fmt.Errorf("places of cancelled registrations: %w", err)
	}
	was := groupBy(told, func(x *Delivery) ID { return x.RegistrationID })
	for id, m := range of {
		m.NoPlace = !slices.ContainsFunc(was[id], func(x *Delivery) bool { return x.Kind == MailConfirmed })
		m.Held = m.NoPlace && len(was[id]) > 0
	}
	return nil
}
