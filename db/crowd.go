package db

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/uptrace/bun"
)

// Registrations on the same seats follow each other: the row of the seats is locked from the decision until the commit. With a
// transaction for each, a crowd would wait for one commit after another. So whoever comes while nobody is being registered on
// the seats is registered at once, and all who come meanwhile are registered together afterwards, in the order in which they
// came. Other processes do the same; the lock keeps them apart as it always does.

// maxCrowd is how many are registered together. It bounds how long others wait for the seats.
const maxCrowd = 100

// crowds are those who wait until the newcomers before them are registered.
type crowds struct {
	mu      sync.Mutex
	waiting map[ID][]*arrival // by seats; there is an entry, be it empty, while newcomers to the seats are being registered
}

// arrival is a newcomer who waits.
type arrival struct {
	*newcomer
	ctx  context.Context
	err  error // an unexpected one
	done chan struct{}
}

// join registers a newcomer together with those who come at the same time, and returns why there is no registration.
func (d *DB) join(ctx context.Context, n *newcomer) error {
	a := &arrival{newcomer: n, ctx: ctx, done: make(chan struct{})}
	seats := n.in.SeatsID
	d.crowds.mu.Lock()
	if d.crowds.waiting == nil {
		d.crowds.waiting = map[ID][]*arrival{}
	}
	before, busy := d.crowds.waiting[seats]
	d.crowds.waiting[seats] = append(before, a)
	d.crowds.mu.Unlock()
	if !busy {
		go d.serve(seats)
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if a.err != nil {
		return a.err
	}
	return n.refusal
}

// serve registers those who wait for the seats until nobody does.
func (d *DB) serve(seats ID) {
	for crowd := d.crowds.next(seats); crowd != nil; crowd = d.crowds.next(seats) {
		d.serveCrowd(crowd)
	}
}

// next takes the first of those who wait for the seats and have not left meanwhile; nil when there is nobody.
func (c *crowds) next(seats ID) []*arrival {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := slices.DeleteFunc(c.waiting[seats], func(a *arrival) bool { return a.ctx.Err() != nil })
	if len(waiting) == 0 {
		delete(c.waiting, seats)
		return nil
	}
	n := min(len(waiting), maxCrowd)
	c.waiting[seats] = waiting[n:]
	return waiting[:n]
}

// serveCrowd registers arrivals to the same seats in one transaction. No caller can end that for the others, and when it fails
// each is registered alone, so that whoever is to blame for it spoils it for nobody else.
func (d *DB) serveCrowd(crowd []*arrival) {
	ctx := crowd[0].ctx
	if len(crowd) > 1 {
		ctx = context.WithoutCancel(ctx)
	}
	err := d.registerCrowd(ctx, crowd)
	if err != nil && len(crowd) > 1 {
		var alone sync.WaitGroup
		for _, a := range crowd {
			alone.Go(func() { d.serveCrowd([]*arrival{a}) })
		}
		alone.Wait()
		return
	}
	for _, a := range crowd {
		a.err = err
		close(a.done)
	}
}

// registerCrowd makes an error of a panic, which would end the process here: no caller's goroutine can recover from it.
func (d *DB) registerCrowd(ctx context.Context, crowd []*arrival) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
	}()
	newcomers := make([]*newcomer, len(crowd))
	for i, a := range crowd {
		newcomers[i] = a.newcomer
	}
	return d.change(ctx, func(ctx context.Context, tx bun.Tx, now time.Time) error {
		return d.registerAll(ctx, tx, now, newcomers[0].in.SeatsID, newcomers)
	})
}
