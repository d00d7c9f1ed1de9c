package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/mail"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/graph"
	"github.com/vaktreffen/vaktreffen/worker"
)

type serveCommand struct{}

// Run serves API and pages and sends mail until the context ends.
func (serveCommand) Run(ctx context.Context, c *Config) error {
	return c.serve(ctx, needs{http: true, mail: true})
}

type apiCommand struct{}

// Run serves API and pages until the context ends.
func (apiCommand) Run(ctx context.Context, c *Config) error {
	return c.serve(ctx, needs{http: true})
}

type workerCommand struct{}

// Run sends mail until the context ends.
func (workerCommand) Run(ctx context.Context, c *Config) error {
	return c.serve(ctx, needs{mail: true})
}

func (c *Config) serve(ctx context.Context, n needs) error {
	if err := c.check(n); err != nil {
		return err
	}
	log := c.logger()
	d, err := c.openDB(ctx, true)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // the process ends
	p := &process{db: d, log: log}
	if err := p.startTelling(ctx, c); err != nil {
		p.stop()
		return err
	}
	if n.mail {
		if err := p.startWorker(ctx, c); err != nil {
			p.stop()
			return err
		}
	}
	if n.http {
		listener, err := net.Listen("tcp", c.Listen)
		if err != nil {
			p.stop()
			return fmt.Errorf("listen: %w", err)
		}
		if err := p.startHTTP(c, listener, nil); err != nil {
			p.stop()
			return err
		}
	}
	return p.wait(ctx)
}

// process is what runs until the program is told to end.
type process struct {
	db      *db.DB
	log     *slog.Logger
	redis   *worker.Redis
	rates   redis.UniversalClient // counts how often what is done
	worker  *worker.Worker
	bounces *worker.BounceServer
	server  *http.Server
	telling
	draining chan struct{}
	requests sync.WaitGroup // running, streams included
	failed   chan error
}

// openRedis opens the Redis that worker and API share, once.
func (p *process) openRedis(ctx context.Context, c *Config) (err error) {
	if p.redis == nil {
		p.redis, err = worker.OpenRedis(ctx, c.RedisURL)
	}
	return err
}

func (p *process) startWorker(ctx context.Context, c *Config) (err error) {
	from, err := mail.ParseAddress(c.MailFrom)
	if err != nil {
		return err
	}
	dkim, err := c.dkim(from)
	if err != nil {
		return err
	}
	roots, err := c.smtpRoots()
	if err != nil {
		return err
	}
	if err := p.openRedis(context.WithoutCancel(ctx), c); err != nil {
		return err
	}
	p.worker, err = worker.New(worker.Config{
		DB: p.db, Redis: p.redis, Log: p.log, SMTP: worker.SMTPConfig{URL: c.SMTPURL, Roots: roots, EHLO: c.SMTPEHLO, DKIM: dkim},
		Connections: c.SMTPConnections, Rate: c.SMTPRate, From: c.MailFrom, PublicURL: c.publicURL(), Lease: c.Lease, BounceDomain: c.BounceDomain,
		Metrics: p.metrics, Traces: p.traces,
	})
	if err != nil {
		return err
	}
	if c.BounceListen != "" {
		if err := p.startBounces(c); err != nil {
			p.worker = nil
			return err
		}
	}
	if err := p.worker.Start(ctx); err != nil {
		p.worker = nil
		return err
	}
	p.log.Info("worker started")
	return nil
}

// startBounces takes reports about mails that came back.
func (p *process) startBounces(c *Config) error {
	listener, err := net.Listen("tcp", c.BounceListen)
	if err != nil {
		return fmt.Errorf("listen for bounces: %w", err)
	}
	p.bounces = worker.NewBounceServer(p.db, p.log, c.BounceDomain)
	go func() {
		if err := p.bounces.Serve(listener); err != nil {
			p.log.Error("bounces are not taken any more", "error", err)
		}
	}()
	p.log.Info("taking bounces", "address", listener.Addr().String())
	return nil
}

// startHTTP serves the API and the pages, and whatever extra handlers are given, on the listener.
func (p *process) startHTTP(c *Config, listener net.Listener, extra map[string]http.Handler) error {
	p.draining = make(chan struct{})
	p.failed = make(chan error, 1)
	trusted, err := c.trusted()
	if err != nil {
		return fmt.Errorf("trusted documents: %w", err)
	}
	if err := p.openRedis(context.Background(), c); err != nil {
		return err
	}
	p.rates = p.redis.Client()
	proof, err := c.proof()
	if err != nil {
		return err
	}
	api, err := graph.Handler(graph.Config{
		DB: p.db, Redis: p.rates, ProxyHeader: c.ProxyHeader, Points: c.Points, Log: p.log, Origins: c.AllowedOrigins, Development: c.Development, Draining: p.draining,
		OpenID: c.openID(), PublicURL: c.publicURL(), Secure: strings.HasPrefix(c.PublicURL, "https://"), CacheBytes: c.ResponseCache << 20,
		Proof: proof, Trusted: trusted, TrustedOnly: c.DocumentsMode == "only", Metrics: p.metrics, Traces: p.traces,
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", api)
	for pattern, handler := range extra {
		mux.Handle(pattern, handler)
	}
	p.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p.requests.Add(1)
			defer p.requests.Done()
			mux.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	go func() {
		if err := p.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- err
		}
	}()
	p.log.Info("serving", "address", listener.Addr().String())
	return nil
}

// wait runs until the context ends or the server fails, and then ends everything in order.
func (p *process) wait(ctx context.Context) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-p.failed:
	}
	p.log.Info("ending: finishing what is under way")
	p.stop()
	p.log.Info("ended")
	return err
}

// stop ends in order: readiness off and streams closed, requests finished, mails in flight finished.
func (p *process) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	if p.server != nil {
		close(p.draining)
		if err := p.server.Shutdown(ctx); err != nil {
			p.log.Warn("requests were still running", "error", err)
		}
		p.finishStreams(ctx)
	}
	if p.bounces != nil {
		if err := p.bounces.Close(ctx); err != nil {
			p.log.Warn("reports were still coming in", "error", err)
		}
	}
	if p.worker != nil {
		p.worker.Stop(ctx)
	}
	if p.rates != nil {
		_ = p.rates.Close()
	}
	if p.redis != nil {
		p.redis.Close()
	}
	p.stopTelling(ctx)
}

// finishStreams waits for WebSockets, which the server does not count among its requests.
func (p *process) finishStreams(ctx context.Context) {
	done := make(chan struct{})
	go func() { p.requests.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		p.log.Warn("streams were still open")
	}
}
