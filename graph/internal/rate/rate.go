// Package rate says how often somebody may do something. The counts are in Redis, so that all processes share them; they may be
// lost at any time, which only forgives.
package rate

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Limit allows an amount in any stretch of time, all of it at once if need be.
type Limit struct {
	Name   string // what is limited; a part of the key
	Amount int
	Per    time.Duration
}

// Limiter counts. The zero Limiter, without Redis, allows everything.
type Limiter struct {
	redis redis.Scripter

	mu     sync.Mutex
	leased map[string]*lease
}

// New counts in the Redis; nil allows everything.
func New(client redis.Scripter) *Limiter { return &Limiter{redis: client, leased: map[string]*lease{}} }

// take is the generic cell rate algorithm: what it keeps is the time at which everything taken so far will have come back. Redis
// tells the time, so that processes whose clocks differ agree.
//
// KEYS[1] the count; ARGV: amount allowed, over how many microseconds, how much to take. It returns how many microseconds to wait,
// 0 when it was taken.
var take = redis.NewScript(`
local amount, per, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local back = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local next = back + math.floor(per * wanted / amount)
if next - now > per then
	return next - now - per
end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000) + 1000)
return 0
`)

// Take takes an amount for somebody and returns 0, or how long to wait until so much is there. More than the limit ever allows is
// taken as all of it. Whom is hashed, so that Redis holds no addresses.
func (l *Limiter) Take(ctx context.Context, limit Limit, whom string, amount int) (wait time.Duration, err error) {
	if l == nil || l.redis == nil {
		return 0, nil
	}
	sum := sha256.Sum256([]byte(whom))
	key := "vaktreffen:rate:" + limit.Name + ":" + base64.RawURLEncoding.EncodeToString(sum[:16])
	microseconds, err := take.Run(ctx, l.redis, []string{key}, limit.Amount, limit.Per.Microseconds(), min(amount, limit.Amount)).Int64()
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", limit.Name, err)
	}
	return time.Duration(microseconds) * time.Microsecond, nil
}

// lease is what this process took of somebody's limit ahead of its use.
type lease struct {
	left    int
	expires time.Time
}

const (
	leaseShare   = 20 // how many leases a limit is cut into
	leaseValid   = 10 * time.Second
	leasesAtMost = 10_000
)

// TakeSmall is Take for amounts that are taken many times a second: the process takes a twentieth of the limit at a time and lives
// on that, so that most calls cost nothing. What a lease leaves unused is lost to its owner.
func (l *Limiter) TakeSmall(ctx context.Context, limit Limit, whom string, amount int) (wait time.Duration, err error) {
	if l == nil || l.redis == nil {
		return 0, nil
	}
	key := limit.Name + "\x00" + whom
	now := time.Now()
	l.mu.Lock()
	if own := l.leased[key]; own != nil && own.left >= amount && now.Before(own.expires) {
		own.left -= amount
		l.mu.Unlock()
		return 0, nil
	}
	l.mu.Unlock()
	portion := max(amount, limit.Amount/leaseShare)
	if wait, err = l.Take(ctx, limit, whom, portion); err != nil {
		return 0, err
	}
	if wait > 0 { // perhaps there is enough for this alone
		return l.Take(ctx, limit, whom, amount)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.leased) >= leasesAtMost {
		clear(l.leased)
	}
	own := l.leased[key]
	if own == nil || !now.Before(own.expires) {
		own = new(lease)
		l.leased[key] = own
	}
	own.left, own.expires = own.left+portion-amount, now.Add(leaseValid)
	return 0, nil
}
