package graph_test

import "crypto/rand"

const sendInvitations = `mutation($input: SendInvitationsInput!) { sendInvitations(input: $input) { campaign { id total queued status version } userErrors { code message field index } } }`

// invite starts a campaign that has to start and returns its id.
func (h *house) invite(email string, input vars) string {
	h.Helper()
	if input["idempotencyKey"] == nil {
		input["idempotencyKey"] = rand.Text()
	}
	data := h.ask(email, sendInvitations, vars{"input": input})
	id, ok := at(data, "sendInvitations", "campaign", "id").(string)
	if !ok {
		h.Fatal(data)
	}
	return id
}
