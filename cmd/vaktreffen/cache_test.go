package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vaktreffen/vaktreffen/db"
	"github.com/vaktreffen/vaktreffen/db/dbtest"
	"github.com/vaktreffen/vaktreffen/worker/smtptest"
)

// Organisers rename a meeting through two processes at the same time while others read it through the caches of both. Whoever
// asks after a change was answered gets it, whichever process answers.
func TestNoProcessAnswersWithWhatAnotherHasChanged(t *testing.T) {
	t.Parallel()
	database, redis, smtp := dbtest.Postgres(t), dbtest.Redis(t), smtptest.Start(t)
	m := newMeeting(t, database)
	var processes []string
	for range 2 {
		_, here := serving(t, settings(database, redis, smtp))
		processes = append(processes, here)
	}
	var titles []string // in the order of their numbers
	const changes = 60
	for n := range changes {
		titles = append(titles, fmt.Sprintf("Meeting %03d", n))
	}
	rename := func(here string, n int) error {
		var answer struct {
			ChangeEdition struct{ UserErrors []db.Error }
		}
		err := askAPI(t, here, m.token, `mutation($id: ID!, $title: String!) { changeEdition(input: { editionId: $id, title: $title }) { userErrors { message } } }`,
			map[string]any{"id": m.edition.String(), "title": titles[n]}, &answer)
		if err == nil && len(answer.ChangeEdition.UserErrors) > 0 {
			err = fmt.Errorf("rename: %+v", answer.ChangeEdition.UserErrors)
		}
		return err
	}
	if err := rename(processes[0], 0); err != nil {
		t.Fatal(err)
	}
	var committed, kept atomic.Int64 // the number of the last change that was answered; how many readings followed on the same
	over := make(chan struct{})
	var reading sync.WaitGroup
	for _, here := range processes {
		for range 2 {
			reading.Go(func() {
				last := -1
				for {
					select {
					case <-over:
						return
					default:
					}
					least := committed.Load()
					var answer struct{ Edition struct{ Title string } }
					if err := askAPI(t, here, "", `query Title($id: ID!) { edition(id: $id) { title } }`, map[string]any{"id": m.edition.String()}, &answer); err != nil {
						t.Error(err)
						return
					}
					var n int
					if _, err := fmt.Sscanf(answer.Edition.Title, "Meeting %d", &n); err != nil || int64(n) < least {
						t.Errorf("%s answers %q after %q was changed to", here, answer.Edition.Title, titles[least])
						return
					}
					if n == last {
						kept.Add(1)
					}
					last = n
				}
			})
		}
	}
	for n := 1; n < changes; n++ { // one after the other, so that their order is known, through either process
		if err := rename(processes[n%2], n); err != nil {
			t.Error(err)
			break
		}
		committed.Store(int64(n))
	}
	close(over)
	reading.Wait()
	if kept.Load() == 0 {
		t.Error("nobody read a title twice: no answer can have come from a cache")
	}
}

// askAPI asks the API of a process and reads the data of its answer.
func askAPI(t *testing.T, here, token, query string, variables map[string]any, data any) error {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, here+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer := struct {
		Data   any
		Errors []struct{ Message string }
	}{Data: data}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return fmt.Errorf("%+v", answer.Errors)
	}
	return nil
}
