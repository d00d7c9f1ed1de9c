package dbtest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A lack is a server that this machine does not have.
type lack struct {
	server   string // as VAKTREFFEN_TEST_REQUIRE names it
	advice   string // a whole sentence: what to install or to set
	announce sync.Once
}

func (l *lack) Error() string { return "no " + l.server + " to test with. " + l.advice }

// refuse ends a test that cannot have its server. A lack skips it, unless that server is required; anything else fails it.
func refuse(t testing.TB, err error) {
	t.Helper()
	missing, ok := errors.AsType[*lack](err)
	if !ok || slices.Contains(strings.Split(os.Getenv("VAKTREFFEN_TEST_REQUIRE"), ","), missing.server) {
		t.Fatal(err)
	}
	missing.announce.Do(func() {
		fmt.Fprintln(os.Stderr, "dbtest: tests are left out:", missing)
	})
	t.Skip(missing)
}
