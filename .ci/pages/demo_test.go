package browser

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// demonstrate starts the demo, which has pages of its own, all in English, and returns them.
func demonstrate(t *testing.T, l links) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "vaktreffen")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/vaktreffen").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	demo := exec.Command(program, "demo", "--listen", "127.0.0.1:0", "--data", t.TempDir())
	demo.Env = []string{"PATH=" + os.Getenv("PATH")}
	said, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = demo.Process.Kill()
		_ = demo.Wait()
	})
	here, tells := "", regexp.MustCompile(`^  (http://127\.0\.0\.1:\d+) `)
	for lines := bufio.NewScanner(said); here == "" && lines.Scan(); {
		if found := tells.FindStringSubmatch(lines.Text()); found != nil {
			here = found[1]
		}
	}
	english := func(name, path string, status int) { l[name] = link{Path: here + path, Status: status, Only: "en"} }
	english("demo", "/", http.StatusOK)
	english("demo, no such meeting", "/editions/nothing", http.StatusNotFound)
	english("demo, mailbox", "/mailbox", http.StatusOK)
	english("demo, nothing found in the mailbox", "/mailbox?q=nobody-has-this", http.StatusOK)
	english("demo, mail", "/mailbox/"+firstMail(t, here), http.StatusOK)
	english("demo, no such mail", "/mailbox/0", http.StatusNotFound)
	var list struct {
		Data struct {
			Editions struct{ Nodes []struct{ ID string } }
		}
	}
	read(t, here+"/graphql?query="+"%7Beditions(first:1)%7Bnodes%7Bid%7D%7D%7D", &list)
	english("demo, meeting", "/editions/"+list.Data.Editions.Nodes[0].ID, http.StatusOK)
}

// firstMail waits for the first mail that the demo sends, and returns its number in the mailbox.
func firstMail(t *testing.T, here string) string {
	t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-look.C {
		var mails []struct{ ID string }
		if read(t, here+"/mailbox/messages", &mails); len(mails) > 0 {
			return mails[0].ID
		}
	}
	t.Fatal("the demo sent no mail within a minute")
	return ""
}

func read(t *testing.T, url string, into any) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
}
