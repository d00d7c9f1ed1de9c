package db

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// PracticeComment is what somebody says about a practice, in public and under the own name.
type PracticeComment struct {
	bun.BaseModel `bun:"table:practice_comments,alias:comment"`

	ID         ID `bun:",pk"`
	PracticeID ID
	PersonID   ID
	Text       string
	Status     CommentStatus
	Reason     string
	CreatedAt  time.Time

	Author       string  `bun:"-"` // the name
	HiddenReason *string `bun:"-"` // nil unless it is hidden
	Own          bool    `bun:"-"` // the actor's
	organisation *Organisation
}

// CommentStatus is whether a comment is shown.
type CommentStatus string

// The statuses of comments. A hidden one is read by who wrote it and by those who moderate.
const (
	CommentShown  CommentStatus = "SHOWN"
	CommentHidden CommentStatus = "HIDDEN"
)

func (c *PracticeComment) id() ID { return c.ID }

// Organisation returns whom the author works for.
func (c *PracticeComment) Organisation() Party { return c.organisation.party() }

var commentsByTime = order[PracticeComment]{
	column: "comment.id", descending: true,
	key:    func(c *PracticeComment) (string, ID) { return c.ID.uuid(), c.ID },
	cursor: func(sort string, id ID) bool { return id.Kind() == KindPracticeComment && sort == id.uuid() },
}

// CommentsOn lists what people say about a practice, the latest first. Hidden comments are left out, but for their authors and those
// who moderate.
func (d *DB) CommentsOn(ctx context.Context, actor Actor, of *PracticeDescription, p Page, shape Shape) (*Connection[PracticeComment], error) {
	return pageOf(of.siblings, of.ID, "comments", p, shape, func(ids []ID) (map[ID]*Connection[PracticeComment], error) {
		v := d.view(actor)
		rows, err := v.loadPractices(ctx, ids, nil)
		if err != nil {
			return nil, err
		}
		moderated := idsWhere(values(rows), func(p *PracticeDescription) bool { return p.MayModerate })
		pages, err := connectEach(ctx, v.tx, commentsByTime, p, ids, "comment.practice_id", func() *bun.SelectQuery {
			return v.tx.NewSelect().Model((*PracticeComment)(nil)).Where("comment.status = ? OR comment.person_id = ? OR comment.practice_id IN (?)",
				CommentShown, orUnknown(actor.PersonID), bun.List(append(moderated, unknownID)))
		})
		if err != nil {
			return nil, fmt.Errorf("comments: %w", err)
		}
		return pages, v.finish(ctx, v.comments(ctx, all(pages), shape))
	})
}

// orUnknown returns the id, or one that no record has.
func orUnknown(id ID) ID {
	if id.IsZero() {
		return unknownID
	}
	return id
}

// comments completes comments.
func (v view) comments(ctx context.Context, rows []*PracticeComment, shape Shape) error {
	people, err := byID[Person](ctx, v.tx, idsBy(rows, func(c *PracticeComment) ID { return c.PersonID }))
	if err != nil {
		return err
	}
	for _, c := range rows {
		author := people[c.PersonID]
		c.Author, c.Own = author.Name, c.PersonID == v.actor.PersonID
		if c.Status == CommentHidden {
			c.HiddenReason = &c.Reason
		}
		v.wantOrganisation(author.OrganisationID, shape.Of("organisation"), func(o *Organisation) { c.organisation = o })
	}
	return nil
}

// comment loads a comment that the actor may read, with its practice; nil when there is none.
func (v view) comment(ctx context.Context, id ID, shape Shape) (*PracticeComment, *PracticeDescription, error) {
	rows, err := byID[PracticeComment](ctx, v.tx, []ID{id})
	if err != nil || rows[id] == nil {
		return nil, nil, err
	}
	c := rows[id]
	practices, err := v.loadPractices(ctx, []ID{c.PracticeID}, nil)
	p := practices[c.PracticeID]
	if err != nil || p == nil || c.Status == CommentHidden && !p.MayModerate && c.PersonID != orUnknown(v.actor.PersonID) {
		return nil, nil, err
	}
	return c, p, v.comments(ctx, []*PracticeComment{c}, shape)
}

// CommentOnPracticeInput says something about a practice.
type CommentOnPracticeInput struct {
	PracticeID ID
	Text       string
}

// CommentOnPractice says something about a published practice, in public and under the actor's name. The same words again, as by a
// form that was sent twice, change nothing.
func (d *DB) CommentOnPractice(ctx context.Context, actor Actor, in CommentOnPracticeInput, shape Shape) (*PracticeComment, error) {
	c := new(PracticeComment)
	err := d.onPractice(ctx, actor, in.PracticeID, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		text, wrong := cleanText(in.Text, "input.text", 4000)
		switch {
		case wrong != nil:
			return wrong
		case text == "":
			return problem(CodeRequired, "input.text", "Write what you want to say.")
		}
		ok, err := found(tx.NewSelect().Model(c).Where("practice_id = ?", in.PracticeID).Where("person_id = ?", actor.PersonID).Order("id DESC").Limit(1).Scan(ctx))
		if err != nil {
			return fmt.Errorf("latest comment: %w", err)
		}
		if ok && c.Text == text {
			return nil
		}
		*c = PracticeComment{ID: NewID(KindPracticeComment, now), PracticeID: in.PracticeID, PersonID: actor.PersonID, Text: text, Status: CommentShown, CreatedAt: now}
		if _, err := tx.NewInsert().Model(c).Exec(ctx); err != nil {
			return fmt.Errorf("insert comment: %w", err)
		}
		return audit(ctx, tx, now, actor, "comment on practice", c.ID)
	})
	if err != nil {
		return nil, err
	}
	v := d.view(actor)
	return c, v.finish(ctx, v.comments(ctx, []*PracticeComment{c}, shape))
}

// onPractice changes what the actor says about a published practice.
func (d *DB) onPractice(ctx context.Context, actor Actor, id ID, change func(context.Context, bun.Tx, time.Time) error) error {
	if actor.Anonymous() {
		return notSignedIn()
	}
	return d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		rows, err := viewIn(tx, actor, now).loadPractices(ctx, []ID{id}, nil)
		switch {
		case err != nil:
			return err
		case rows[id] == nil:
			return problem(CodeNotFound, "input.practiceId", "There is no such practice description.")
		case rows[id].Status != PracticePublished:
			return problem(CodeConflict, "input.practiceId", "This practice description is not published yet.")
		}
		return change(ctx, tx, now)
	})
}

// RatePracticeInput rates a practice with one to five stars.
type RatePracticeInput struct {
	PracticeID ID
	Stars      int
}

// RatePractice rates a published practice. Everybody has one rating and can change it.
func (d *DB) RatePractice(ctx context.Context, actor Actor, in RatePracticeInput, shape Shape) (*PracticeDescription, error) {
	err := d.onPractice(ctx, actor, in.PracticeID, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		if in.Stars < 1 || in.Stars > 5 {
			return problem(CodeInvalid, "input.stars", "Give one to five stars.")
		}
		if _, err := tx.NewRaw(`INSERT INTO practice_ratings (practice_id, person_id, stars, rated_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (practice_id, person_id) DO UPDATE SET stars = EXCLUDED.stars, rated_at = EXCLUDED.rated_at`,
			in.PracticeID, actor.PersonID, in.Stars, now).Exec(ctx); err != nil {
			return fmt.Errorf("rate practice: %w", err)
		}
		return audit(ctx, tx, now, actor, "rate practice", in.PracticeID)
	})
	if err != nil {
		return nil, err
	}
	return d.Practice(ctx, actor, in.PracticeID, shape)
}

// ModeratePracticeCommentInput hides a comment or shows it again.
type ModeratePracticeCommentInput struct {
	CommentID ID
	Status    CommentStatus
	Reason    *string // needed to hide it; who wrote it reads it
}

// ModeratePracticeComment hides a comment with a reason, or shows it again: by those who write the description.
func (d *DB) ModeratePracticeComment(ctx context.Context, actor Actor, in ModeratePracticeCommentInput, shape Shape) (*PracticeComment, error) {
	return d.changeComment(ctx, actor, in.CommentID, "moderate comment", shape, func(ctx context.Context, tx bun.Tx, c *PracticeComment, p *PracticeDescription) error {
		if !p.MayModerate {
			return notDescribed()
		}
		if !slices.Contains([]CommentStatus{CommentShown, CommentHidden}, in.Status) {
			return problem(CodeInvalid, "input.status", "A comment is shown or hidden.")
		}
		c.Status, c.Reason = in.Status, ""
		if in.Status == CommentHidden {
			var wrong *Error
			if in.Reason != nil {
				c.Reason, wrong = cleanText(*in.Reason, "input.reason", 1000)
			}
			switch {
			case wrong != nil:
				return wrong
			case c.Reason == "":
				return problem(CodeRequired, "input.reason", "Say why; who wrote the comment reads it.")
			}
		}
		_, err := tx.NewUpdate().Model(c).Column("status", "reason").WherePK().Exec(ctx)
		return err
	})
}

// RemovePracticeComment takes back what the actor has said.
func (d *DB) RemovePracticeComment(ctx context.Context, actor Actor, id ID) error {
	_, err := d.changeComment(ctx, actor, id, "remove comment", nil, func(ctx context.Context, tx bun.Tx, c *PracticeComment, _ *PracticeDescription) error {
		if c.PersonID != actor.PersonID {
			return problem(CodeForbidden, "input.commentId", "Only who wrote a comment can remove it.")
		}
		_, err := tx.NewDelete().Model(c).WherePK().Exec(ctx)
		return err
	})
	return err
}

// changeComment changes a comment that the actor may read, and returns it as it is then.
func (d *DB) changeComment(ctx context.Context, actor Actor, id ID, action string, shape Shape,
	change func(context.Context, bun.Tx, *PracticeComment, *PracticeDescription) error) (*PracticeComment, error) {
	if actor.Anonymous() {
		return nil, notSignedIn()
	}
	err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		c, p, err := viewIn(tx, actor, now).comment(ctx, id, nil)
		if err != nil {
			return err
		}
		if c == nil {
			return problem(CodeNotFound, "input.commentId", "There is no such comment.")
		}
		if err := change(ctx, tx, c, p); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, action, id)
	})
	if err != nil {
		return nil, err
	}
	v := d.view(actor)
	c, _, err := v.comment(ctx, id, shape)
	return c, v.finish(ctx, err)
}
