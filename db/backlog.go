package db

import (
	"context"
	"fmt"
)

// Waiting is how many mails of a lane are in a state.
type Waiting struct {
	Lane  Lane
	State DeliveryState
	Mails int
}

// Backlog counts the mails that have not left: queued and sending, for both lanes, zero where there are none. What it reads
// are the indexes of mails that are under way, however many have been sent.
func (d *DB) Backlog(ctx context.Context) ([]Waiting, error) {
	var counted []Waiting
	err := d.read.NewRaw(`SELECT lane, 'QUEUED' AS state, count(*) AS mails FROM deliveries WHERE due_at IS NOT NULL GROUP BY lane
		UNION ALL SELECT delivery.lane, state, count(*) AS mails FROM claims JOIN deliveries AS delivery ON delivery.claim = claims.id
		WHERE state = ? GROUP BY delivery.lane, state`, Sending).Scan(ctx, &counted)
	if err != nil {
		return nil, fmt.Errorf("count the backlog: %w", err)
	}
	var all []Waiting
	for _, lane := range []Lane{Urgent, Bulk} {
		for _, state := range []DeliveryState{Queued, Sending} {
			w := Waiting{Lane: lane, State: state}
			for _, c := range counted {
				if c.Lane == lane && c.State == state {
					w.Mails = c.Mails
				}
			}
			all = append(all, w)
		}
	}
	return all, nil
}
