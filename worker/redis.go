package worker

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// Redis is where calls wait for a free handler. It holds nothing that SQL does not know better: it may be emptied or replaced at any
// time.
type Redis struct {
	connection asynq.RedisConnOpt
	close      func()
}

// OpenRedis uses the Redis at the address: redis://, rediss:// or redis-sentinel://. Without an address it makes one of its
// own inside the process, which listens on no port.
func OpenRedis(ctx context.Context, address string) (*Redis, error) {
	if address == "" {
		return embeddedRedis(ctx), nil
	}
	connection, err := asynq.ParseRedisURI(address)
	if err != nil {
		return nil, fmt.Errorf("the Redis address starts with redis://, rediss:// or redis-sentinel://")
	}
	return &Redis{connection: connection, close: func() {}}, nil
}

// Client returns a client for others than the queue, which has its own; whoever asks closes it.
func (r *Redis) Client() redis.UniversalClient {
	return r.connection.MakeRedisClient().(redis.UniversalClient)
}

// Close frees an embedded Redis.
func (r *Redis) Close() { r.close() }

// Ping reports whether Redis answers.
func (r *Redis) Ping(ctx context.Context) error {
	client := r.Client()
	err := client.Ping(ctx).Err()
	if closed := client.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("reach Redis: %w", err)
	}
	return nil
}

// embedded connects to a Redis inside the process.
type embedded struct{ server *miniredis.Miniredis }

// MakeRedisClient implements asynq.RedisConnOpt.
func (e embedded) MakeRedisClient() any {
	return redis.NewClient(&redis.Options{
		Dialer:   func(context.Context, string, string) (net.Conn, error) { return e.server.Dial() },
		PoolSize: 16,
	})
}

func embeddedRedis(ctx context.Context) *Redis {
	server := miniredis.NewMiniRedis()
	ctx, cancel := context.WithCancel(ctx)
	go func() { // its clock stands still unless it is moved
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				server.FastForward(time.Second)
			case <-ctx.Done():
				return
			}
		}
	}()
	return &Redis{connection: embedded{server}, close: func() { cancel(); server.Close() }}
}
