package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// telling is what a process tells operators beside its log: numbers on a listener of their own, and traces. Both are nil for
// a process that is not configured to.
type telling struct {
	metrics  prometheus.Registerer
	traces   trace.TracerProvider
	numbers  *http.Server
	exporter *sdk.TracerProvider
}

// startTelling serves numbers and prepares to send traces, where the configuration says so.
func (p *process) startTelling(ctx context.Context, c *Config) error {
	if c.MetricsListen != "" {
		listener, err := net.Listen("tcp", c.MetricsListen)
		if err != nil {
			return fmt.Errorf("listen for metrics: %w", err)
		}
		p.serveNumbers(listener)
	}
	if c.TracesURL == "" {
		return nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimRight(c.TracesURL, "/")+"/v1/traces"))
	if err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "vaktreffen")), resource.WithFromEnv())
	if err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	p.exporter = sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	p.traces = p.exporter
	return nil
}

// serveNumbers answers Prometheus until the process ends.
func (p *process) serveNumbers(listener net.Listener) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	p.metrics = registry
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	p.numbers = &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	go func() {
		if err := p.numbers.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			p.log.Error("metrics are not served any more", "error", err)
		}
	}()
	p.log.Info("serving metrics", "address", listener.Addr().String())
}

// stopTelling sends the traces that are left and stops serving numbers.
func (p *process) stopTelling(ctx context.Context) {
	if p.exporter != nil {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := p.exporter.Shutdown(ctx); err != nil {
			p.log.Warn("traces could not be sent", "error", err)
		}
	}
	if p.numbers != nil {
		_ = p.numbers.Close() // nothing is lost
	}
}
