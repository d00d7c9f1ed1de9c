// Package browser opens every page that people see in a real browser and holds it to WCAG 2.1 AA, and uses the pages as people do
// whose browser runs no scripts. Run "npm ci" in this folder first; it needs Chromium.
package browser

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

func TestPagesInABrowser(t *testing.T) {
	h := newHouse(t)
	l := h.furnish()
	demonstrate(t, l)
	input, err := json.Marshal(map[string]any{"url": h.url, "links": l})
	h.must(err)
	browse := exec.CommandContext(t.Context(), "node", "browse.mjs")
	browse.Stdin, browse.Stdout, browse.Stderr = bytes.NewReader(input), os.Stdout, os.Stderr
	if err := browse.Run(); err != nil {
		t.Errorf("the browser: %v", err)
	}
	if h.log.Len() > 0 {
		t.Errorf("the service logged:\n%s", h.log.String())
	}
}
