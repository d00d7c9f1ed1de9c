-- What comes back: who wants no invitations, and which mails did not arrive. And what calendars know of meetings.

CREATE TABLE opt_outs (
	person_id {{.ID}} PRIMARY KEY REFERENCES people (id),
	opted_out_at {{.Instant}} NOT NULL,
	means TEXT NOT NULL CHECK (means IN ('ONE_CLICK', 'PAGE', 'API', 'COMPLAINT'))
){{.Strict}};
--bun:split
CREATE TABLE erased_opt_outs (
	hash TEXT PRIMARY KEY,
	opted_out_at {{.Instant}} NOT NULL
){{.Strict}};
--bun:split
CREATE TABLE bounces (
	delivery_id {{.ID}} PRIMARY KEY REFERENCES deliveries (id),
	recipient_tag TEXT NOT NULL,
	status_code TEXT NOT NULL,
	bounced_at {{.Instant}} NOT NULL
){{.Strict}};
--bun:split
CREATE TABLE calendar_entries (
	id {{.ID}} PRIMARY KEY,
	sequence {{.Int}} NOT NULL,
	changed_at {{.Instant}} NOT NULL
){{.Strict}};
--bun:split
CREATE TABLE calendar_links (
	person_id {{.ID}} PRIMARY KEY REFERENCES people (id),
	renewals {{.Int}} NOT NULL,
	renewed_at {{.Instant}} NOT NULL
){{.Strict}};
