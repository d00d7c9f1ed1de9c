package agendabench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// connections are how many requests are under way at once.
const connections = 16

// outcome is what a server did under load.
type outcome struct {
	perSecond float64
	p50, p99  time.Duration
	bytes     int // of one answer, on average
	answers   int
	own       time.Duration // of a processor, for each answer, in the server
	database  time.Duration // and in PostgreSQL
}

// load sends requests, chosen at random, over kept connections for a while. With a pace, in requests per second, a request that
// leaves late counts as waiting since it was due; without one each connection asks again at once.
func load(address string, requests [][]byte, lasting time.Duration, pace float64) (outcome, error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all []time.Duration
	var failed error
	total := 0
	began := time.Now()
	for n := range connections {
		wg.Go(func() {
			took, size, err := drive(address, requests, began, lasting, n, pace)
			mu.Lock()
			defer mu.Unlock()
			all, total = append(all, took...), total+size
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(began)
	if failed != nil || len(all) == 0 {
		return outcome{}, fmt.Errorf("load on %s: %d answers, then %w", address, len(all), failed)
	}
	slices.Sort(all)
	return outcome{
		perSecond: float64(len(all)) / elapsed.Seconds(), p50: all[len(all)/2], p99: all[len(all)*99/100], bytes: total / len(all), answers: len(all),
	}, nil
}

// drive is one connection of load.
func drive(address string, requests [][]byte, began time.Time, lasting time.Duration, n int, pace float64) (took []time.Duration, size int, err error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, 0, err
	}
	defer c.Close()
	if err := c.SetDeadline(began.Add(lasting + time.Minute)); err != nil {
		return nil, 0, err
	}
	in := bufio.NewReaderSize(c, 64<<10)
	for k := 0; time.Since(began) < lasting; k++ {
		due := time.Now()
		if pace > 0 {
			due = began.Add(time.Duration(float64(k*connections+n) / pace * float64(time.Second)))
			time.Sleep(time.Until(due))
		}
		if _, err := c.Write(requests[rand.IntN(len(requests))]); err != nil {
			return took, size, err
		}
		got, err := skipAnswer(in)
		if err != nil {
			return took, size, err
		}
		took, size = append(took, time.Since(due)), size+got
	}
	return took, size, nil
}

// skipAnswer reads one HTTP answer, as cheaply as can be since the servers share the machine with it.
func skipAnswer(in *bufio.Reader) (size int, err error) {
	status, err := in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200")) {
		return 0, fmt.Errorf("answered %q", status)
	}
	size = -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		const name = "content-length:"
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			if size, err = strconv.Atoi(string(bytes.TrimSpace(line[len(name):]))); err != nil {
				return 0, err
			}
		}
	}
	if size < 0 {
		return 0, fmt.Errorf("an answer without Content-Length")
	}
	first, err := in.Peek(min(size, 10))
	if err != nil {
		return 0, err
	}
	if bytes.HasPrefix(first, []byte(`{"errors"`)) {
		rest, _ := io.ReadAll(io.LimitReader(in, 500))
		return 0, fmt.Errorf("answered %s", rest)
	}
	_, err = in.Discard(size)
	return size, err
}
