package db

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// An anonymous survey keeps no answers: it keeps what everybody answered together, as one row that is a function of the answers
// and not of who gave them, in which order or when. Beside it stands only whom it asked and whether each of them has answered,
// which takes answering once and reminding the others. So there is nothing in the database to join, be it by key, by time, by
// the order of rows or by the number of a transaction. Organisers get the figures when it has closed, so that nobody reads an
// answer out of the difference between two of them.

// MinFeedback is how many answers there must be before any figure about them is shown.
const MinFeedback = 5

// Survey asks those who came to an edition what they think of it.
type Survey struct {
	bun.BaseModel `bun:"table:surveys,alias:survey"`

	ID         ID `bun:",pk"`
	EditionID  ID
	OpensAt    time.Time
	ClosesAt   time.Time
	RemindAt   *time.Time // when those who have not answered are reminded; nil: never
	RemindedAt *time.Time // when that was done
	Anonymous  bool
	CreatedBy  ID
	CreatedAt  time.Time
}

// surveyReader is somebody who is asked.
type surveyReader struct {
	bun.BaseModel `bun:"table:survey_readers,alias:reader"`

	SurveyID ID `bun:",pk"`
	PersonID ID `bun:",pk"`
	Answered bool
}

// surveyAnswer is what one person answered to a survey that is not anonymous.
type surveyAnswer struct {
	bun.BaseModel `bun:"table:survey_answers,alias:answer"`

	SurveyID   ID `bun:",pk"`
	PersonID   ID `bun:",pk"`
	Overall    *int
	Sessions   map[string]int // ratings by the id of the session
	Remark     string
	AnsweredAt time.Time
}

// surveyTally is the one row of an anonymous survey.
type surveyTally struct {
	bun.BaseModel `bun:"table:survey_tallies,alias:tally"`

	SurveyID ID     `bun:",pk"`
	Tally    string // as JSON
}

// tally is what several people answered together.
type tally struct {
	Overall  distribution            `json:"overall"`
	Sessions map[string]distribution `json:"sessions"`
	Remarks  []string                `json:"remarks"` // in the order of the alphabet, which tells nothing of that of answering
}

// distribution is how often each rating from 1 to 5 was given.
type distribution [5]int

// add counts an answer.
func (t *tally) add(a *surveyAnswer) {
	if a.Overall != nil {
		t.Overall[*a.Overall-1]++
	}
	for session, rating := range a.Sessions {
		if t.Sessions == nil {
			t.Sessions = map[string]distribution{}
		}
		d := t.Sessions[session]
		d[rating-1]++
		t.Sessions[session] = d
	}
	if a.Remark != "" {
		at, _ := slices.BinarySearch(t.Remarks, a.Remark)
		t.Remarks = slices.Insert(t.Remarks, at, a.Remark)
	}
}

func (t *tally) text() (string, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("write tally: %w", err)
	}
	return string(text), nil
}

func (s *surveyTally) read() (*tally, error) {
	t := new(tally)
	if err := json.Unmarshal([]byte(s.Tally), t); err != nil {
		return nil, fmt.Errorf("read tally: %w", err)
	}
	return t, nil
}

// Feedback is what those who were asked think of an edition, as far as organisers may know.
type Feedback struct {
	*Survey

	Asked    int
	Answered int
	Overall  *Rating            // nil below MinFeedback, and before an anonymous survey has closed
	Sessions []*SessionFeedback // in the order of the programme
	Comments []string           // nil likewise
}

// Rating is how often each rating from 1 to 5 was given, in at least MinFeedback answers.
type Rating struct {
	Count        int
	Average      float64
	Distribution []int
}

// SessionFeedback is what those who were asked think of a session. Rating is nil below MinFeedback.
type SessionFeedback struct {
	Session *Session
	Rating  *Rating
}

// rating is nil when there are too few of them.
func (d distribution) rating() *Rating {
	r := &Rating{Distribution: d[:]}
	sum := 0
	for i, n := range d {
		r.Count, sum = r.Count+n, sum+n*(i+1)
	}
	if r.Count < MinFeedback {
		return nil
	}
	r.Average = float64(sum) / float64(r.Count)
	return r
}

// feedback loads what is known of editions that the actor organises.
func (v view) feedback(ctx context.Context, editions []ID, shape Shape) (map[ID]*Feedback, error) {
	if len(editions) == 0 {
		return nil, nil
	}
	var surveys []*Survey
	if err := v.tx.NewSelect().Model(&surveys).Where("edition_id IN (?)", bun.List(editions)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("surveys: %w", err)
	}
	if len(surveys) == 0 {
		return nil, nil
	}
	ids := make([]ID, len(surveys))
	of := map[ID]*Feedback{}
	for i, s := range surveys {
		ids[i] = s.ID
		of[s.EditionID] = &Feedback{Survey: s, Sessions: []*SessionFeedback{}}
	}
	var counts []struct {
		SurveyID        ID
		Asked, Answered int
	}
	if err := v.tx.NewSelect().Model((*surveyReader)(nil)).Column("survey_id").ColumnExpr("count(*) AS asked").
		ColumnExpr("count(CASE WHEN answered THEN 1 END) AS answered").Where("survey_id IN (?)", bun.List(ids)).Group("survey_id").
		Scan(ctx, &counts); err != nil {
		return nil, fmt.Errorf("count answers: %w", err)
	}
	tallies, err := v.tallies(ctx, surveys)
	if err != nil {
		return nil, err
	}
	programmes, err := v.rateable(ctx, editions, shape.Of("sessions").Of("session"))
	if err != nil {
		return nil, err
	}
	for edition, f := range of {
		for _, c := range counts {
			if c.SurveyID == f.ID {
				f.Asked, f.Answered = c.Asked, c.Answered
			}
		}
		t := tallies[f.ID]
		f.Overall = t.Overall.rating()
		if f.Answered >= MinFeedback && (!f.Anonymous || f.closed(v.now)) {
			f.Comments = slices.Concat([]string{}, t.Remarks)
		}
		for _, s := range programmes[edition] {
			f.Sessions = append(f.Sessions, &SessionFeedback{Session: s, Rating: t.Sessions[s.ID.String()].rating()})
		}
	}
	return of, nil
}

// tallies returns what was answered to surveys together: nothing to an anonymous one that is still open.
func (v view) tallies(ctx context.Context, surveys []*Survey) (map[ID]*tally, error) {
	all := map[ID]*tally{}
	var named, anonymous []ID
	for _, s := range surveys {
		all[s.ID] = new(tally)
		if !s.Anonymous {
			named = append(named, s.ID)
		} else if s.closed(v.now) {
			anonymous = append(anonymous, s.ID)
		}
	}
	rows, err := ofSurveys[surveyTally](ctx, v.tx, anonymous)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if all[row.SurveyID], err = row.read(); err != nil {
			return nil, err
		}
	}
	answers, err := ofSurveys[surveyAnswer](ctx, v.tx, named)
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		all[a.SurveyID].add(a)
	}
	return all, nil
}

// ofSurveys returns the rows of surveys.
func ofSurveys[T any](ctx context.Context, tx bun.IDB, surveys []ID) (rows []*T, err error) {
	if len(surveys) == 0 {
		return nil, nil
	}
	if err := tx.NewSelect().Model(&rows).Where("survey_id IN (?)", bun.List(surveys)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("answers to surveys: %w", err)
	}
	return rows, nil
}

// rateable returns the sessions of editions that people are asked about, in the order of the programme: what took place, the parts
// of a block instead of the block, without arrivals and breaks.
func (v view) rateable(ctx context.Context, editions []ID, shape Shape) (map[ID][]*Session, error) {
	var ids []ID
	if err := v.tx.NewSelect().Model((*Session)(nil)).Column("id").Where("edition_id IN (?)", bun.List(editions)).Where("cancelled_at IS NULL").
		Where("kind NOT IN ('ARRIVAL', 'BREAK')").
		Where("NOT EXISTS (SELECT 1 FROM sessions AS part WHERE part.parent_id = session.id AND part.cancelled_at IS NULL)").Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("sessions to rate: %w", err)
	}
	sessions, err := v.loadSessions(ctx, ids, shape)
	if err != nil {
		return nil, err
	}
	of := groupBy(values(sessions), func(s *Session) ID { return s.EditionID })
	for _, programme := range of {
		slices.SortFunc(programme, func(a, b *Session) int { return a.Position - b.Position })
	}
	return of, nil
}

func (s *Survey) closed(now time.Time) bool { return !now.Before(s.ClosesAt) }
func (s *Survey) id() ID                    { return s.ID }
