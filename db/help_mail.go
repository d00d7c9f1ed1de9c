package db

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Help is an offer as those are told of it whom it concerns.
type Help struct {
	ReportID ID
	Question string
	AskedBy  string // the organisation; "" when it is not known
	Helper   string // the organisation
	Person   string // whom to ask there; "" when nobody is named
	Note     string
	Asked    bool // the reader asked, or coordinates for the organisation that did
}

// tellOffer tells who asked a question, and the organiser of the edition, that somebody offers to help. An offer to a question of
// a report that is not published yet is read in the report. Who offered is told nothing.
func (v view) tellOffer(ctx context.Context, tx bun.Tx, now time.Time, actor Actor, q *ReportQuestion, offer ID) error {
	if q.Report.Status != ReportPublished || q.Report.Edition == nil {
		return nil
	}
	to, err := v.askers(ctx, q)
	if err != nil {
		return err
	}
	organisers, err := v.organisersToAnswer(ctx, []ID{q.Report.EditionID}, nil)
	if err != nil {
		return err
	}
	if o := organisers[q.Report.EditionID]; o != nil {
		to = append(to, o.ID)
	}
	var mails []*Delivery
	for _, person := range distinct(to) {
		if person != actor.PersonID {
			mails = append(mails, &Delivery{Kind: MailHelp, PersonID: person, OfferID: offer, CreatedAt: now, NotBefore: now})
		}
	}
	return queue(ctx, tx, mails...)
}

// askers returns who asked a question, or who coordinates for the organisation that did.
func (v view) askers(ctx context.Context, q *ReportQuestion) ([]ID, error) {
	reached, err := v.reached(ctx, []ID{q.PersonID})
	if err != nil || reached[q.PersonID] {
		return []ID{q.PersonID}, err
	}
	partnership := q.Report.Edition.PartnershipID
	coordinators, err := v.coordinatorsIn(ctx, []ID{partnership})
	return coordinators[spokenFor{partnership, q.OrganisationID}], err
}

// helps loads the offers that mails tell of, by delivery, and the edition of each.
func (v view) helps(ctx context.Context, deliveries []*Delivery, people map[ID]*Person) (helps map[ID]*Help, editions map[ID]ID, err error) {
	offers, err := byID[HelpOffer](ctx, v.tx, idsBy(deliveries, func(x *Delivery) ID { return x.OfferID }))
	if err != nil || len(offers) == 0 {
		return nil, nil, err
	}
	questions, err := byID[ReportQuestion](ctx, v.tx, idsBy(values(offers), func(o *HelpOffer) ID { return o.QuestionID }))
	if err != nil {
		return nil, nil, err
	}
	reports, err := v.loadReports(ctx, idsBy(values(questions), func(q *ReportQuestion) ID { return q.ReportID }), nil)
	if err != nil {
		return nil, nil, err
	}
	organisations, err := byID[Organisation](ctx, v.tx, append(idsBy(values(offers), func(o *HelpOffer) ID { return o.OrganisationID }),
		idsBy(values(questions), func(q *ReportQuestion) ID { return q.OrganisationID })...))
	if err != nil {
		return nil, nil, err
	}
	helpers, err := v.loadPeople(ctx, idsBy(values(offers), func(o *HelpOffer) ID { return o.PersonID }), nil)
	if err != nil {
		return nil, nil, err
	}
	helps, editions = map[ID]*Help{}, map[ID]ID{}
	for _, x := range deliveries {
		o := offers[x.OfferID]
		if o == nil || people[x.PersonID] == nil {
			continue
		}
		q := questions[o.QuestionID]
		q.Report = reports[q.ReportID]
		if q.Report == nil || q.Report.Edition == nil {
			continue
		}
		q.words = q.Report.words
		askers, err := v.askers(ctx, q)
		if err != nil {
			return nil, nil, fmt.Errorf("who asked: %w", err)
		}
		h := &Help{ReportID: q.ReportID, Question: q.Text(&people[x.PersonID].Language), Note: o.Note, Asked: slices.Contains(askers, x.PersonID)}
		if asker := organisations[q.OrganisationID]; asker != nil {
			h.AskedBy = asker.Name
		}
		h.Helper = organisations[o.OrganisationID].Name
		if helper := helpers[o.PersonID]; helper != nil && helper.ErasedAt == nil {
			h.Person = helper.Name
		}
		helps[x.ID], editions[x.ID] = h, q.Report.EditionID
	}
	return helps, editions, nil
}
