package worker

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// BenchmarkSend sends invitations over ten connections to a sink on loopback that does next to nothing: each alone, and begun behind the
// one before it as in a campaign.
func BenchmarkSend(b *testing.B) {
	for _, together := range []bool{false, true} {
		b.Run(fmt.Sprintf("together=%t", together), func(b *testing.B) { benchmarkSend(b, together) })
	}
}

func benchmarkSend(b *testing.B, together bool) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	go func() { _ = smtptest.Discard(listener, new(atomic.Int64)) }()
	pool, err := NewPool(SMTPConfig{URL: "smtp://" + listener.Addr().String()}, 10)
	if err != nil {
		b.Fatal(err)
	}
	message := benchmarkMessage(b)
	b.SetParallelism(5) // ten senders on two cores
	b.ReportAllocs()
	var failed atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		talk := pool.converse(always)
		defer talk.end()
		letter, err := pool.seal(message)
		if err != nil {
			b.Error(err)
			return
		}
		next := letter
		if !together {
			next = nil
		}
		for pb.Next() {
			if out := talk.send(b.Context(), closedChannel, letter, next); out.Result != Sent {
				failed.Add(1)
			}
		}
	})
	if failed.Load() > 0 {
		b.Errorf("%d not sent", failed.Load())
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
	if err := pool.Close(b.Context()); err != nil {
		b.Error(err)
	}
}

// BenchmarkSeal is the part of BenchmarkSend that writes the message to memory.
func BenchmarkSeal(b *testing.B) {
	message := benchmarkMessage(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := message.seal(); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkMessage(b *testing.B) *Message {
	l, err := NewLetters()
	if err != nil {
		b.Fatal(err)
	}
	letter, err := l.Write(KindInvitation, "nl", Facts{
		PersonName: "Marieke de Vries", OrganiserName: "Gemeente Groningen", AnswerURL: "https://vaktreffen.example.org/a/1",
		Meeting: Meeting{Title: "Vaktreffen 2027", Year: 2027, City: "Groningen", Languages: []string{"de", "en"}},
	})
	if err != nil {
		b.Fatal(err)
	}
	message := testMessage(1)
	message.Subject, message.Text = letter.Subject, letter.Text()
	if message.HTML, err = letter.HTML(); err != nil {
		b.Fatal(err)
	}
	return message
}
