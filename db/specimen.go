package db

import (
	"cmp"
	"context"
	"slices"
)

// Specimen is what those who read a language would get of a campaign.
type Specimen struct {
	Language Locale
	Words    Locale // in which the organiser's text is; "" when nobody said so
	Readers  int
	Mail     *Mail // to one of the readers, else to who asks; it has no personal links
}

// readers finds out whom of an audience mails would go to and in which language: new people as they would be written.
func (v view) readers(ctx context.Context, a *audience) error {
	var fresh []*recipient
	var known []ID
	for _, r := range a.recipients {
		switch {
		case r.standing != standsNew:
		case r.person == nil:
			fresh = append(fresh, r)
		default:
			known = append(known, r.person.ID)
		}
	}
	employers, err := employersOf(ctx, v.tx, fresh)
	if err != nil {
		return err
	}
	people := make(map[ID]*Person, len(known))
	for chunk := range slices.Chunk(known, 1000) {
		found, err := v.loadPeople(ctx, chunk, Shape{"organisation": nil})
		if err != nil {
			return err
		}
		for id, person := range found {
			people[id] = person
		}
	}
	for _, r := range a.recipients {
		switch {
		case r.standing != standsNew:
		case r.person == nil:
			a.readers = append(a.readers, r.newPerson(v.now, employers))
		default:
			a.readers = append(a.readers, people[r.person.ID])
		}
	}
	return v.finish(ctx, nil)
}

// specimens makes of a campaign one mail in each language.
func (v view) specimens(ctx context.Context, in *SendInvitationsInput, words campaignWords, readers []*Person) ([]*Specimen, error) {
	people, err := v.loadPeople(ctx, []ID{v.actor.PersonID}, Shape{"organisation": nil})
	if err != nil {
		return nil, err
	}
	self, campaign := people[v.actor.PersonID], &Campaign{CreatedAt: v.now, Message: words.message, Texts: words.texts, RespondBy: in.RespondBy}
	editionID, runID := valueOf(in.EditionID), valueOf(in.CourseRunID)
	editions, err := v.loadEditions(ctx, []ID{editionID}, Shape{"host": nil})
	if err != nil {
		return nil, err
	}
	runs, err := v.loadCourseRuns(ctx, []ID{runID}, Shape{"course": {"organisation": nil}})
	if err != nil {
		return nil, err
	}
	hours, err := v.hours(ctx, []ID{editionID})
	if err != nil {
		return nil, err
	}
	var all []*Specimen
	for _, language := range []Locale{Dutch, German, English} {
		s := &Specimen{Language: language, Words: campaign.TextFor(language).Language}
		reader := *self
		for _, p := range readers {
			if p.Language == language {
				if s.Readers++; s.Readers == 1 {
					reader = *p
				}
			}
		}
		reader.Language = language
		s.Mail = &Mail{
			Delivery: &Delivery{Kind: MailInvitation, CreatedAt: v.now, DatedAt: &v.now},
			Person:   &reader, Organiser: self, Campaign: campaign,
			Edition: editions[editionID], CourseRun: runs[runID], Hours: hours[cmp.Or(editionID, runID)],
		}
		all = append(all, s)
	}
	return all, v.finish(ctx, nil)
}
