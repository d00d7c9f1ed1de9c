package graph_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

func TestACoordinatorNamesWhoComes(t *testing.T) {
	each(t, func(t *house) {
		edition, oldenburg := t.id("editions", "vaktreffen-2027"), t.id("organisations", "oldenburg")
		invite := func(message string) any {
			return at(t.ask(organiser, `mutation($input: InviteDelegationsInput!) { inviteDelegations(input: $input) {
				delegations { id status places organisation { name } edition { title } named { id } } userErrors { code message field index } } }`,
				vars{"input": vars{"editionId": edition, "respondBy": "2027-02-15T12:00:00Z", "message": message, "delegations": []vars{{"organisationId": oldenburg, "places": 3}}}}), "inviteDelegations")
		}
		refused := invite("Dear {nmae}")
		if problem, _ := at(refused, "userErrors", 0, "message").(string); !strings.HasPrefix(problem, "{nmae} is no field. Did you mean {name}?") ||
			fmt.Sprint(at(refused, "userErrors", 0, "field")) != "[input message]" || at(refused, "delegations") != nil {
			t.Errorf("with an unknown field: %v", refused)
		}
		payload := invite("Dear {name}, bring <b>ideas</b>.")
		if at(payload, "delegations", 0, "status") != "OPEN" || at(payload, "delegations", 0, "organisation", "name") == nil || at(payload, "delegations", 0, "edition", "title") == nil {
			t.Fatalf("invited: %v", payload)
		}
		_, mails, err := t.db.StartDeliveries(t.Context(), db.Urgent, db.NewID(db.KindWorker, time.Now()), 50)
		if err != nil || len(mails) != 1 || *mails[0].Person.Address != colleague {
			t.Fatalf("mails %+v, %v", mails, err)
		}
		path, b := "/d/"+mails[0].DeskToken, t.browser()
		status, page := b.page("GET", path+"?lang=de", nil)
		boxes := regexp.MustCompile(`name="person" value="([^"]+)"`).FindAllStringSubmatch(page, -1)
		if status != 200 || !strings.Contains(page, "Wen melden Sie an?") || len(boxes) < 2 {
			t.Fatalf("the page: %d %s", status, page)
		}
		if status, _ := b.page("POST", path, url.Values{"do": {"name"}, "person": {boxes[0][1]}}, "Sec-Fetch-Site", "cross-site"); status != 403 {
			t.Errorf("a post from another site: %d", status)
		}
		status, page = b.page("POST", path+"?lang=en", url.Values{"do": {"name"}, "person": {boxes[0][1]}, "name": {"Nina <Neu>", "", ""}, "email": {"no address", "", ""}})
		if status != 422 || !strings.Contains(page, "Nina &lt;Neu&gt;: enter a valid e-mail address.") || !strings.Contains(page, `value="Nina &lt;Neu&gt;"`) || !strings.Contains(page, `value="`+boxes[0][1]+`" checked`) {
			t.Errorf("with a wrong address: %d %s", status, page)
		}
		status, page = b.page("POST", path+"?lang=en", url.Values{"do": {"name"}, "person": {boxes[0][1]}, "name": {"Nina Neu", "", ""}, "email": {"nina.neu@example.org", "", ""}})
		if status != 200 || !strings.Contains(page, "Nina Neu") || !strings.Contains(page, "we know who is coming") || strings.Contains(page, `value="decline"`) {
			t.Errorf("named two: %d %s", status, page)
		}
		status, page = b.page("POST", path, url.Values{"do": {"name"}, "person": {boxes[1][1]}, "name": {"A", "B"}, "email": {"a@example.org", "b@example.org"}})
		if status != 422 {
			t.Errorf("more than there are places: %d %s", status, page)
		}
		if status, _ := b.page("GET", path[:40], nil); status != 404 {
			t.Errorf("a cut link: %d", status)
		}
		for email, want := range map[string]int{organiser: 1, colleague: 1, stranger: 0, nobody: 0} {
			data := t.ask(email, `query($id: ID!) { edition(id: $id) { delegations { status named { person { name } } } } viewer { delegations { id } } }`, vars{"id": edition})
			if got := len(list(data, "edition", "delegations")); got != want {
				t.Errorf("%q sees %d delegations", email, got)
			}
			if email == colleague && (len(list(data, "viewer", "delegations")) != 1 || len(list(data, "edition", "delegations", 0, "named")) != 2) {
				t.Errorf("the coordinator sees %v", data)
			}
		}
		for _, line := range t.log.messages() {
			if strings.Contains(line, mails[0].DeskToken) || strings.Contains(line, "nina") {
				t.Errorf("the log tells: %s", line)
			}
		}
	})
}
