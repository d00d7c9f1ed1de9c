-- What follows from reports: who was told of which action and when, and what its owner says about it.

ALTER TABLE report_actions ADD COLUMN note TEXT NOT NULL DEFAULT '';
--bun:split
ALTER TABLE report_actions ADD COLUMN noted_by {{.ID}} REFERENCES people (id);
--bun:split
CREATE INDEX report_actions_due ON report_actions (due_on) WHERE status = 'OPEN';
--bun:split
CREATE INDEX report_actions_person ON report_actions (person_id);
--bun:split
-- A mail may tell of several actions. Nobody is told twice of the same step.
CREATE TABLE action_mails (
	action_id {{.ID}} NOT NULL REFERENCES report_actions (id),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	kind TEXT NOT NULL CHECK (kind IN ('action_assigned', 'action_due')),
	step_on {{.Date}} NOT NULL,
	mailed_on {{.Date}} NOT NULL,
	delivery_id {{.ID}} NOT NULL REFERENCES deliveries (id),
	PRIMARY KEY (action_id, person_id, kind, step_on)
){{.Strict}};
--bun:split
CREATE UNIQUE INDEX action_mails_assigned ON action_mails (action_id, person_id) WHERE kind = 'action_assigned';
--bun:split
CREATE INDEX action_mails_delivery ON action_mails (delivery_id);
--bun:split
CREATE INDEX action_mails_person ON action_mails (person_id, mailed_on);
--bun:split
ALTER TABLE deliveries ADD COLUMN offer_id {{.ID}} REFERENCES help_offers (id);
--bun:split
CREATE UNIQUE INDEX deliveries_offer ON deliveries (offer_id, person_id) WHERE offer_id IS NOT NULL;
