package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// The npm clients of both stream protocols follow a campaign of a running program to its end, and are refused as their
// protocols say. "npm ci" in .ci/graphql-http turns this test on.
func TestClientsFollowACampaign(t *testing.T) {
	t.Parallel()
	smtp := smtptest.Start(t, smtptest.SlowDot(20*time.Millisecond))
	database := dbtest.SQLite(t)
	m := newMeeting(t, database)
	paused, campaign := m.inviteOthers(t, "other", 1), m.invite(t, 100)
	if _, err := m.db.PauseCampaign(t.Context(), m.organiser, paused, nil); err != nil {
		t.Fatal(err)
	}
	_, here := serving(t, settings(database, "", smtp))
	const subscription = `subscription { campaignProgress(id: "%s") { status sent total } }`
	runScript(t, "clients.mjs", here+"/graphql", fmt.Sprintf(subscription, campaign), "all", m.token)
	runScript(t, "refusals.mjs", here+"/graphql", fmt.Sprintf(subscription, paused), m.token)
}

// runScript fails the test if the Node script does.
func runScript(t *testing.T, script string, args ...string) {
	t.Helper()
	const folder = "../../.ci/graphql-http"
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		t.Skip("run npm ci in .ci/graphql-http first")
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{script}, args...)...)
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
