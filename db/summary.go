package db

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Telling how a campaign ended.
//
// When all mails of a campaign have left or will not leave any more, whoever started it is told how many did, and why others did
// not. A campaign that is tried again after its end begins another round, and the end of that is told by itself, about the mails
// of that round alone. A summary is what was true when it was made: it holds numbers and no personal data.

// summary is how a round of a campaign ended. There is at most one of each.
type summary struct {
	bun.BaseModel `bun:"table:summaries,alias:summary"`

	ID         ID `bun:",pk"`
	CampaignID ID
	Round      int
	CreatedAt  time.Time
	Facts      string // as JSON
}

func (s *summary) id() ID { return s.ID }

func (s *summary) read() (*Summary, error) {
	facts := new(Summary)
	if err := json.Unmarshal([]byte(s.Facts), facts); err != nil {
		return nil, fmt.Errorf("read summary: %w", err)
	}
	return facts, nil
}

// Summary is how a campaign ended, or what came of trying it again.
type Summary struct {
	Again      bool // it is about mails that were tried again
	Total      int
	Sent       int
	Failed     int
	Bounced    int
	Suppressed int
	Uncertain  int
	Cancelled  int
	Reasons    []ReasonCount // why mails did not arrive, the most frequent first
}

// ReasonCount is how many mails did not arrive for a reason.
type ReasonCount struct {
	Reason DeliveryReason
	Count  int
}

// ended restricts a query to campaigns whose end nobody was told yet.
func ended(q *bun.SelectQuery) *bun.SelectQuery {
	return q.Where("finished_at IS NOT NULL").Where("summed_up_at IS NULL").
		Where("sent + failed + suppressed + campaign.cancelled + uncertain + bounced = total")
}

func (d *DB) sumUpCampaigns(ctx context.Context) (told int, err error) {
	var over []ID
	if err := ended(d.read.NewSelect().Model((*Campaign)(nil)).Column("id")).Order("finished_at").Limit(100).Scan(ctx, &over); err != nil {
		return 0, fmt.Errorf("campaigns that ended: %w", err)
	}
	for _, id := range over {
		var news bool
		if err := d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) (err error) {
			news = false
			c := new(Campaign)
			if ok, err := found(ended(d.locked(tx.NewSelect().Model(c))).Where("id = ?", id).Scan(ctx)); !ok || err != nil {
				return err
			}
			if news, err = c.sumUp(ctx, tx, now); err != nil {
				return err
			}
			if _, err := tx.NewUpdate().Model(c).Column("summed_up_at").WherePK().Exec(ctx); err != nil {
				return fmt.Errorf("mark campaign: %w", err)
			}
			return nil
		}); err != nil {
			return told, err
		}
		if news {
			told++
		}
	}
	return told, nil
}

// sumUp tells whoever started a campaign, which is locked and at its end, how this round of it ended. One person whose mail left
// is no news.
func (c *Campaign) sumUp(ctx context.Context, tx bun.Tx, now time.Time) (news bool, err error) {
	c.SummedUpAt = &now
	facts, err := c.outcome(ctx, tx)
	if err != nil || facts.Total == 1 && facts.Sent == 1 {
		return false, err
	}
	text, err := json.Marshal(facts)
	if err != nil {
		return false, fmt.Errorf("write summary: %w", err)
	}
	s := &summary{ID: NewID(KindSummary, now), CampaignID: c.ID, Round: c.Round, CreatedAt: now, Facts: string(text)}
	if _, err := tx.NewInsert().Model(s).Exec(ctx); err != nil {
		return false, fmt.Errorf("insert summary: %w", err)
	}
	return true, queue(ctx, tx, &Delivery{Kind: MailSummary, PersonID: c.CreatedBy, SummaryID: s.ID, CreatedAt: now, NotBefore: now})
}

// outcome counts what became of the mails of this round.
func (c *Campaign) outcome(ctx context.Context, tx bun.Tx) (*Summary, error) {
	own := make([]string, 0, len(ownDetails))
	for text := range ownDetails {
		own = append(own, text)
	}
	slices.Sort(own)
	var rows []struct {
		Delivery
		N int
	}
	// The words of mail servers differ from mail to mail, and tell no more than their codes.
	if err := tx.NewSelect().TableExpr("deliveries").ColumnExpr("state, last_code, status_code, count(*) AS n").
		ColumnExpr("CASE WHEN last_error IN (?) THEN last_error END AS last_error", bun.List(own)).
		Where("campaign_id = ?", c.ID).Where("round = ?", c.Round).GroupExpr("1, 2, 3, 5").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("outcome of campaign: %w", err)
	}
	facts := &Summary{Again: c.Round > 0}
	reasons := map[DeliveryReason]int{}
	for _, row := range rows {
		facts.Total += row.N
		if count := map[DeliveryState]*int{
			Sent: &facts.Sent, Failed: &facts.Failed, Bounced: &facts.Bounced, Suppressed: &facts.Suppressed, Uncertain: &facts.Uncertain,
			DeliveryCanceled: &facts.Cancelled,
		}[row.State]; count != nil {
			*count += row.N
		}
		if reason := row.reason(); reason != "" {
			reasons[reason] += row.N
		}
	}
	for reason, n := range reasons {
		facts.Reasons = append(facts.Reasons, ReasonCount{reason, n})
	}
	slices.SortFunc(facts.Reasons, func(a, b ReasonCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
	return facts, nil
}
