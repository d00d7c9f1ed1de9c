package dbtest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// Traced returns a provider of traces that writes into the log what each span says, so that [Discreet] searches it too. What was
// said before is not said again.
func Traced(log slog.Handler) *sdk.TracerProvider {
	return sdk.NewTracerProvider(sdk.WithSpanProcessor(&toLog{log: slog.New(log)}))
}

type toLog struct {
	log  *slog.Logger
	said sync.Map
}

func (l *toLog) OnEnd(s sdk.ReadOnlySpan) {
	text := fmt.Sprint(s.Name(), s.Attributes(), s.Events(), s.Links(), s.Status())
	if _, before := l.said.LoadOrStore(text, true); !before {
		l.log.Debug("traced", "span", text)
	}
}

func (*toLog) OnStart(context.Context, sdk.ReadWriteSpan) {}
func (*toLog) ForceFlush(context.Context) error           { return nil }
func (*toLog) Shutdown(context.Context) error             { return nil }
