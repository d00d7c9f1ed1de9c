package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const redisScript = `
prepare() { :; }
start() {
	"$program" --bind 127.0.0.1 --port "$1" --dir "$dir" --save '' --appendonly no --maxmemory-policy noeviction &
	redis=$!
	until grep -q 'Ready to accept connections' "$dir/log"; do
		kill -0 $redis || return
		sleep 0.01
	done
}
stop() { kill -KILL $redis; }
`

// privateRedis is the program of the private servers.
var privateRedis = sync.OnceValues(func() (string, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return "", &lack{server: "redis", advice: "Install Redis (Debian: redis-server, macOS: brew install redis) or set TEST_REDIS_URL."}
	}
	return program, nil
})

// Redis returns the URL of an empty Redis database that the test may fill and empty as it likes: of a server of its own, or,
// when TEST_REDIS_URL is set, an empty logical database of that server other than the one in the URL, which is emptied when the
// test ends. Logical databases share their channels and FLUSHALL; the one in the URL keeps for up to an hour who has which.
func Redis(t testing.TB) string {
	t.Helper()
	if shared := os.Getenv("TEST_REDIS_URL"); shared != "" {
		return logicalRedis(t, shared)
	}
	program, err := privateRedis()
	if err != nil {
		refuse(t, err)
	}
	ports, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	s, err := launch(redisScript, program, nil, ports)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return "redis://127.0.0.1:" + s.port + "/0"
}

// logicalRedis waits for a free logical database of the server, because there are usually no more than 16.
func logicalRedis(t testing.TB, shared string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		database, release, err := claim(ctx, shared)
		if err != nil {
			t.Fatal(err)
		}
		if database != "" {
			t.Cleanup(func() {
				if err := release(); err != nil {
					t.Error(err)
				}
			})
			return database
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal("The server of TEST_REDIS_URL has no empty logical database left. Empty those that earlier tests have left behind.")
		}
	}
}

// claim takes the first logical database that is empty and not taken, for an hour at most. It returns "" when there is none.
func claim(ctx context.Context, shared string) (database string, release func() error, err error) {
	options, err := redis.ParseURL(shared)
	if err != nil {
		return "", nil, fmt.Errorf("TEST_REDIS_URL: %w", err)
	}
	home := redis.NewClient(options)
	defer home.Close()
	if err := home.Ping(ctx).Err(); err != nil {
		return "", nil, fmt.Errorf("TEST_REDIS_URL: %w", err)
	}
	for number := 0; ; number++ {
		if number == options.DB {
			continue
		}
		mark := fmt.Sprint("vaktreffen:dbtest:", number)
		err := home.SetArgs(ctx, mark, "taken", redis.SetArgs{Mode: "NX", TTL: time.Hour}).Err()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		there := *options
		there.DB = number
		size, sizeErr := databaseSize(ctx, &there)
		if sizeErr == nil && size == 0 {
			return withDatabase(shared, strconv.Itoa(number)), func() error { return giveBack(options, &there, mark) }, nil
		}
		if err := home.Del(ctx, mark).Err(); err != nil {
			return "", nil, err
		}
		if sizeErr != nil { // the number is past the server's last
			return "", nil, nil
		}
	}
}

func databaseSize(ctx context.Context, options *redis.Options) (int64, error) {
	client := redis.NewClient(options)
	defer client.Close()
	return client.DBSize(ctx).Result()
}

// giveBack empties a logical database before it is marked as free in its home.
func giveBack(home, database *redis.Options, mark string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	used, marks := redis.NewClient(database), redis.NewClient(home)
	defer used.Close()
	defer marks.Close()
	if err := used.FlushDB(ctx).Err(); err != nil {
		return err
	}
	return marks.Del(ctx, mark).Err()
}
