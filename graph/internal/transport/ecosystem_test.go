package transport_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The scripts of .ci/graphql-http judge the transports with other people's
// audits and clients. "npm ci" in that folder turns these tests on.
const ecosystem = "../../../.ci/graphql-http"

func TestAudits(t *testing.T) {
	t.Parallel()
	runScript(t, "audit.mjs", serve(t, newToySchema()).URL)
}

func TestClients(t *testing.T) {
	t.Parallel()
	schema := newToySchema()
	go func() {
		for n := 0; ; n++ {
			select {
			case schema.ticks <- n:
			case <-t.Context().Done():
				return
			}
		}
	}()
	runScript(t, "clients.mjs", serve(t, schema).URL, "subscription { ticks }", "3", "valid")
}

// runScript fails the test if the Node script does.
func runScript(t *testing.T, script string, args ...string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(ecosystem, "node_modules")); err != nil {
		t.Skip("run npm ci in .ci/graphql-http first")
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{script}, args...)...)
	cmd.Dir = ecosystem
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
