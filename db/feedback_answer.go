package db

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// MaxRemark is how many characters a remark may have.
const MaxRemark = 2000

// FeedbackForm is what the page of a personal link to a survey shows.
type FeedbackForm struct {
	Survey   *Survey
	Edition  *Edition // with host
	Person   *Person
	Sessions []*Session // that the person can rate
	Answered bool
	Given    FeedbackInput // what the person answered; nothing when the survey is anonymous
	Opening  bool          // it has not opened yet
	Closed   bool
}

// Open reports whether the person can answer now.
func (f *FeedbackForm) Open() bool {
	return !f.Opening && !f.Closed && (!f.Answered || !f.Survey.Anonymous)
}

// FeedbackInput is what somebody thinks of an edition. Ratings are from 1 to 5; whatever is left out was skipped.
type FeedbackInput struct {
	Overall  *int
	Sessions map[ID]int
	Remark   string
}

// FeedbackToken returns the token of a person's link to a survey: 70 characters that need no escaping in a URL. It is made anew
// whenever it is needed and stored nowhere.
func (d *DB) FeedbackToken(ctx context.Context, survey, person ID) (string, error) {
	mac, err := d.mac(ctx, "feedback "+person.uuid(), survey[:])
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(slices.Concat(survey[:], person[:], mac)), nil
}

// FeedbackForm returns what a token opens; nil when it stands for nothing. It changes nothing.
func (d *DB) FeedbackForm(ctx context.Context, token string) (*FeedbackForm, error) {
	survey, person, ok, err := d.feedbackLink(ctx, token)
	if !ok || err != nil {
		return nil, err
	}
	v := d.view(Actor{})
	f, err := v.feedbackForm(ctx, survey, person)
	return f, v.finish(ctx, err)
}

func (d *DB) feedbackLink(ctx context.Context, token string) (survey, person ID, ok bool, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != 2*len(survey)+20 {
		return ID{}, ID{}, false, nil
	}
	copy(survey[:], raw)
	copy(person[:], raw[len(survey):])
	right, err := d.FeedbackToken(ctx, survey, person)
	return survey, person, err == nil && hmac.Equal([]byte(right), []byte(token)), err
}

// feedbackForm reads the form of a person; nil when the person is not asked, or there is no such edition for the public any more.
func (v view) feedbackForm(ctx context.Context, survey, person ID) (*FeedbackForm, error) {
	s, reader := new(Survey), new(surveyReader)
	if ok, err := found(v.tx.NewSelect().Model(s).Where("id = ?", survey).Scan(ctx)); !ok || err != nil {
		return nil, err
	}
	if ok, err := found(v.tx.NewSelect().Model(reader).Where("survey_id = ?", survey).Where("person_id = ?", person).Scan(ctx)); !ok || err != nil {
		return nil, err
	}
	people, err := v.loadPeople(ctx, []ID{person}, nil)
	if err != nil {
		return nil, err
	}
	editions, err := v.loadEditions(ctx, []ID{s.EditionID}, Shape{"host": nil})
	if err != nil {
		return nil, err
	}
	f := &FeedbackForm{
		Survey: s, Person: people[person], Edition: editions[s.EditionID], Answered: reader.Answered, Opening: v.now.Before(s.OpensAt), Closed: s.closed(v.now),
	}
	if f.Edition == nil || f.Person == nil || f.Person.ErasedAt != nil {
		return nil, nil
	}
	if f.Sessions, err = v.rateableBy(ctx, s.EditionID, person); err != nil || s.Anonymous || !f.Answered {
		return f, err
	}
	a := new(surveyAnswer)
	if ok, err := found(v.tx.NewSelect().Model(a).Where("survey_id = ?", survey).Where("person_id = ?", person).Scan(ctx)); !ok || err != nil {
		return f, err
	}
	f.Given = FeedbackInput{Overall: a.Overall, Sessions: map[ID]int{}, Remark: a.Remark}
	for session, rating := range a.Sessions {
		f.Given.Sessions[ParseID(session)] = rating
	}
	return f, nil
}

// rateableBy returns the sessions that a person can rate. Those with places of their own are for those who came there, or had a
// place where nobody recorded who came; so are the parts of a block with places.
func (v view) rateableBy(ctx context.Context, edition, person ID) ([]*Session, error) {
	programmes, err := v.rateable(ctx, []ID{edition}, nil)
	if err != nil {
		return nil, err
	}
	var missed []ID
	if err := v.tx.NewSelect().TableExpr("seats").ColumnExpr("seats.session_id").Join("JOIN sessions AS session ON session.id = seats.session_id").
		Where("session.edition_id = ?", edition).
		Where("NOT EXISTS (SELECT 1 FROM attendances AS x WHERE x.seats_id = seats.id AND x.person_id = ?)", person).
		Where(`NOT (NOT EXISTS (SELECT 1 FROM attendances AS x WHERE x.seats_id = seats.id)
			AND EXISTS (SELECT 1 FROM registrations AS r WHERE r.seats_id = seats.id AND r.person_id = ? AND r.status = ?))`, person, Confirmed).
		Scan(ctx, &missed); err != nil {
		return nil, fmt.Errorf("sessions that the person was not in: %w", err)
	}
	return slices.DeleteFunc(programmes[edition], func(s *Session) bool {
		return slices.Contains(missed, s.ID) || slices.Contains(missed, s.ParentID)
	}), nil
}

// GiveFeedback answers a survey by the token of a personal link: once when it is anonymous, else as often as wanted until it
// closes. It returns the form as FeedbackForm does; nil when the token stands for nothing, and Errors when the answer cannot be
// taken.
func (d *DB) GiveFeedback(ctx context.Context, token string, in FeedbackInput) (*FeedbackForm, error) {
	survey, person, ok, err := d.feedbackLink(ctx, token)
	if !ok || err != nil {
		return nil, err
	}
	var f *FeedbackForm
	err = d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		v := viewIn(tx, Actor{}, now)
		// The survey is locked and not written: two who answer at once wait for each other here.
		if ok, err := found(d.locked(tx.NewSelect().Model((*Survey)(nil)).Column("id")).Where("id = ?", survey).Scan(ctx, new(ID))); !ok || err != nil {
			return err
		}
		if f, err = v.feedbackForm(ctx, survey, person); f == nil || err != nil {
			return err
		}
		a, err := f.answer(now, in)
		if err != nil {
			return err
		}
		if _, err := tx.NewUpdate().Model((*surveyReader)(nil)).Set("answered = ?", true).Where("survey_id = ?", survey).
			Where("person_id = ?", person).Exec(ctx); err != nil {
			return fmt.Errorf("mark as answered: %w", err)
		}
		if f.Survey.Anonymous {
			return a.addTo(ctx, tx)
		}
		if _, err := tx.NewInsert().Model(a).On("CONFLICT (survey_id, person_id) DO UPDATE").Set("overall = EXCLUDED.overall").
			Set("sessions = EXCLUDED.sessions").Set("remark = EXCLUDED.remark").Set("answered_at = EXCLUDED.answered_at").Exec(ctx); err != nil {
			return fmt.Errorf("save answer: %w", err)
		}
		return audit(ctx, tx, now, Actor{PersonID: person}, "give feedback", f.Edition.ID)
	})
	if f == nil || err != nil {
		return nil, err
	}
	return d.FeedbackForm(ctx, token)
}

// answer checks what somebody answers.
func (f *FeedbackForm) answer(now time.Time, in FeedbackInput) (*surveyAnswer, error) {
	switch {
	case f.Opening:
		return nil, problem(CodeConflict, "", "This survey is not open yet.")
	case f.Closed:
		return nil, problem(CodeDeadline, "", "This survey has closed.")
	case !f.Open():
		return nil, problem(CodeConflict, "", "You have answered this survey already. It is anonymous, so your answer cannot be found again and changed.")
	}
	a := &surveyAnswer{SurveyID: f.Survey.ID, PersonID: f.Person.ID, Overall: in.Overall, Sessions: map[string]int{}, AnsweredAt: now}
	outside := func(rating int) bool { return rating < 1 || rating > 5 }
	problems := Errors{}
	if in.Overall != nil && outside(*in.Overall) {
		problems = append(problems, problem(CodeInvalid, "overall", "Rate from 1 to 5."))
	}
	for session, rating := range in.Sessions {
		if outside(rating) || !slices.ContainsFunc(f.Sessions, func(s *Session) bool { return s.ID == session }) {
			problems = append(problems, problem(CodeInvalid, "sessions", "Rate the sessions that are listed, from 1 to 5."))
			break
		}
		a.Sessions[session.String()] = rating
	}
	remark, wrong := cleanText(in.Remark, "remark", MaxRemark)
	if a.Remark = remark; wrong != nil {
		problems = append(problems, wrong)
	}
	if len(problems) == 0 && a.Overall == nil && len(a.Sessions) == 0 && a.Remark == "" {
		problems = append(problems, problem(CodeRequired, "", "Rate something, or write something."))
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return a, nil
}

// addTo adds an answer to those of everybody else to an anonymous survey, and forgets it.
func (a *surveyAnswer) addTo(ctx context.Context, tx bun.Tx) error {
	row := new(surveyTally)
	if err := tx.NewSelect().Model(row).Where("survey_id = ?", a.SurveyID).Scan(ctx); err != nil {
		return fmt.Errorf("tally: %w", err)
	}
	t, err := row.read()
	if err != nil {
		return err
	}
	t.add(a)
	if row.Tally, err = t.text(); err != nil {
		return err
	}
	if _, err := tx.NewUpdate().Model(row).WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("save tally: %w", err)
	}
	return nil
}
