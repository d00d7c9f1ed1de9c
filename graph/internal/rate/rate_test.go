package rate_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/graph/internal/rate"
)

// eachRedis runs the test on the Redis inside the process, whose clock the test moves, and on a real server.
func eachRedis(t *testing.T, test func(t *testing.T, client redis.UniversalClient, advance func(time.Duration))) {
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		server := miniredis.RunT(t)
		now := time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)
		server.SetTime(now)
		client := redis.NewClient(&redis.Options{Addr: server.Addr()})
		t.Cleanup(func() { _ = client.Close() })
		test(t, client, func(by time.Duration) { now = now.Add(by); server.SetTime(now); server.FastForward(by) })
	})
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		options, err := redis.ParseURL(dbtest.Redis(t))
		if err != nil {
			t.Fatal(err)
		}
		client := redis.NewClient(options)
		t.Cleanup(func() { _ = client.Close() })
		test(t, client, nil)
	})
}

func TestAllOfItAndNoMore(t *testing.T) {
	t.Parallel()
	eachRedis(t, func(t *testing.T, client redis.UniversalClient, advance func(time.Duration)) {
		limit := rate.Limit{Name: "letters", Amount: 5, Per: 10 * time.Minute}
		one, other := rate.New(client), rate.New(client) // two processes
		for i := range 5 {
			if wait, err := []*rate.Limiter{one, other}[i%2].Take(t.Context(), limit, "anna@example.org", 1); wait != 0 || err != nil {
				t.Fatalf("%d: wait %s, %v", i, wait, err)
			}
		}
		wait, err := other.Take(t.Context(), limit, "anna@example.org", 1)
		if err != nil || wait <= time.Minute || wait > 2*time.Minute {
			t.Errorf("the sixth: wait %s, %v", wait, err)
		}
		if wait, err := one.Take(t.Context(), limit, "bert@example.org", 5); wait != 0 || err != nil {
			t.Errorf("somebody else: wait %s, %v", wait, err)
		}
		if wait, err := one.Take(t.Context(), rate.Limit{Name: "parcels", Amount: 1, Per: time.Minute}, "anna@example.org", 7); wait != 0 || err != nil {
			t.Errorf("more than the limit ever allows: wait %s, %v", wait, err)
		}
		if advance == nil {
			return
		}
		advance(wait)
		if again, err := one.Take(t.Context(), limit, "anna@example.org", 1); again != 0 || err != nil {
			t.Errorf("after waiting %s: wait %s, %v", wait, again, err)
		}
		if again, err := one.Take(t.Context(), limit, "anna@example.org", 1); again == 0 || err != nil {
			t.Errorf("and once more: wait %s, %v", again, err)
		}
		advance(10 * time.Minute)
		if again, err := one.Take(t.Context(), limit, "anna@example.org", 5); again != 0 || err != nil {
			t.Errorf("all of it has come back: wait %s, %v", again, err)
		}
		for _, key := range client.Keys(t.Context(), "*").Val() {
			if len(key) > 60 {
				t.Errorf("key %q", key)
			}
		}
	})
}

func TestLeasesNeverExceedTheLimit(t *testing.T) {
	t.Parallel()
	eachRedis(t, func(t *testing.T, client redis.UniversalClient, _ func(time.Duration)) {
		limit := rate.Limit{Name: "cost", Amount: 10_000, Per: 24 * time.Hour}
		var taken atomic.Int64
		var group sync.WaitGroup
		for range 3 { // processes
			limiter := rate.New(client)
			for range 8 {
				group.Go(func() {
					for range 80 {
						if wait, err := limiter.TakeSmall(t.Context(), limit, "anna", 7); err != nil {
							t.Error(err)
						} else if wait == 0 {
							taken.Add(7)
						}
					}
				})
			}
		}
		group.Wait()
		if n := taken.Load(); n > 10_050 || n < 5_000 {
			t.Errorf("%d taken of 10,000", n)
		}
	})
}

func TestWithoutRedisEverythingIsAllowed(t *testing.T) {
	t.Parallel()
	for _, limiter := range []*rate.Limiter{nil, rate.New(nil)} {
		if wait, err := limiter.Take(t.Context(), rate.Limit{Name: "x", Amount: 1, Per: time.Hour}, "anna", 5); wait != 0 || err != nil {
			t.Errorf("wait %s, %v", wait, err)
		}
	}
}
