-- Invitations of organisations, which name who comes.

CREATE TABLE delegations (
	id {{.ID}} PRIMARY KEY,
	edition_id {{.ID}} NOT NULL REFERENCES editions (id),
	organisation_id {{.ID}} NOT NULL REFERENCES organisations (id),
	places {{.Int}} NOT NULL CHECK (places > 0),
	respond_by {{.Instant}} NOT NULL,
	message TEXT NOT NULL,
	status TEXT NOT NULL CHECK (status IN ('OPEN', 'ANSWERED', 'DECLINED')),
	created_by {{.ID}} NOT NULL REFERENCES people (id),
	created_at {{.Instant}} NOT NULL,
	answered_at {{.Instant}},
	reminded_at {{.Instant}},
	CONSTRAINT delegations_once UNIQUE (edition_id, organisation_id),
	CHECK ((answered_at IS NULL) = (status = 'OPEN'))
){{.Strict}};
--bun:split
CREATE INDEX delegations_organisation ON delegations (organisation_id);
--bun:split
CREATE TABLE delegates (
	registration_id {{.ID}} PRIMARY KEY REFERENCES registrations (id),
	delegation_id {{.ID}} NOT NULL REFERENCES delegations (id)
){{.Strict}};
--bun:split
CREATE INDEX delegates_delegation ON delegates (delegation_id);
--bun:split
ALTER TABLE deliveries ADD COLUMN delegation_id {{.ID}} REFERENCES delegations (id);
--bun:split
CREATE INDEX deliveries_delegation ON deliveries (delegation_id) WHERE delegation_id IS NOT NULL;
