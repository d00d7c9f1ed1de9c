package smtptest_test

import (
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// BenchmarkCountOnly measures what the server takes from a client that costs next to nothing: one that writes each mail
// of 4 kB whole and reads the replies afterwards (PIPELINING, RFC 2920).
func BenchmarkCountOnly(b *testing.B) {
	const connections = 10
	srv := smtptest.Start(b, smtptest.CountOnly())
	body := mail("1@example.org") + strings.Repeat(strings.Repeat("x", 78)+"\r\n", 48) + ".\r\n"
	var sending sync.WaitGroup
	for range connections {
		conn, err := net.Dial("tcp", srv.Addr())
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		text := textproto.NewConn(conn)
		fmt.Fprint(conn, "EHLO bench.example\r\n")
		text.ReadResponse(220)
		text.ReadResponse(250)
		sending.Go(func() {
			for range b.N / connections {
				fmt.Fprintf(conn, "MAIL FROM:<%s>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\n%s", from, body)
				for _, code := range []int{250, 250, 354, 250} {
					if _, _, err := text.ReadResponse(code); err != nil {
						b.Error(err)
						return
					}
				}
			}
		})
	}
	sending.Wait()
	b.ReportMetric(float64(srv.Count())/b.Elapsed().Seconds(), "mails/s")
}
