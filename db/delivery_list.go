package db

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

var deliveriesInOrder = order[Delivery]{
	column: "delivery.id",
	key:    func(x *Delivery) (string, ID) { return x.ID.uuid(), x.ID },
	cursor: func(sort string, id ID) bool { return id.Kind() == KindDelivery && sort == id.uuid() },
}

// DeliveriesOf returns the mails of a campaign in the order in which they were written, to its organisers. A state restricts them.
func (d *DB) DeliveriesOf(ctx context.Context, actor Actor, c *Campaign, p Page, state *DeliveryState, shape Shape) (*Connection[Delivery], error) {
	v := d.view(actor)
	if ok, err := v.organises(ctx, c.EditionID, c.CourseRunID); err != nil || !ok {
		return nil, err
	}
	connection, err := connect(ctx, v.tx, deliveriesInOrder, p, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("delivery.campaign_id = ?", c.ID)
		if state != nil {
			q = q.Where("delivery.state = ?", *state)
		}
		return q
	})
	if err != nil {
		return nil, fmt.Errorf("deliveries: %w", err)
	}
	return connection, v.finish(ctx, v.addressed(ctx, connection.Nodes, shape))
}

// addressed completes deliveries with whom they go to, for those who may read them: organisers, and the people themselves.
func (v view) addressed(ctx context.Context, rows []*Delivery, shape Shape) error {
	if !shape.Has("person") {
		return nil
	}
	people, err := v.loadPeople(ctx, idsBy(rows, func(x *Delivery) ID { return x.PersonID }), shape.Of("person"))
	for _, row := range rows {
		row.Person = people[row.PersonID]
	}
	return err
}
