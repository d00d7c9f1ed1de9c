-- Who comes, and every mail about it.

CREATE TABLE settings (
	name TEXT PRIMARY KEY,
	value TEXT NOT NULL
){{.Strict}};
--bun:split
CREATE TABLE access_tokens (
	id {{.ID}} PRIMARY KEY,
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	hash TEXT NOT NULL CONSTRAINT access_tokens_hash UNIQUE,
	way TEXT NOT NULL CHECK (way IN ('MAIL', 'OPENID', 'OPERATOR')),
	device TEXT NOT NULL,
	created_at {{.Instant}} NOT NULL,
	expires_at {{.Instant}} NOT NULL
){{.Strict}};
--bun:split
CREATE INDEX access_tokens_person ON access_tokens (person_id);
--bun:split
CREATE TABLE seats (
	id {{.ID}} PRIMARY KEY,
	edition_id {{.ID}} CONSTRAINT seats_edition UNIQUE REFERENCES editions (id),
	session_id {{.ID}} CONSTRAINT seats_session UNIQUE REFERENCES sessions (id),
	course_run_id {{.ID}} CONSTRAINT seats_course_run UNIQUE REFERENCES course_runs (id),
	capacity {{.Int}} CHECK (capacity >= 0),
	policy TEXT NOT NULL CHECK (policy IN ('OFFER', 'AUTOMATIC', 'CLOSED')),
	line TEXT NOT NULL CHECK (line IN ('FIRST_COME', 'BALANCED')),
	max_per_organisation {{.Int}} CHECK (max_per_organisation > 0),
	offer_hours {{.Int}} NOT NULL CHECK (offer_hours BETWEEN 1 AND 720),
	opens_at {{.Instant}},
	closes_at {{.Instant}},
	taken {{.Int}} NOT NULL CHECK (taken >= 0),
	waiting {{.Int}} NOT NULL CHECK (waiting >= 0),
	last_ticket {{.Int}} NOT NULL,
	CHECK ((CASE WHEN edition_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN session_id IS NULL THEN 0 ELSE 1 END)
		+ (CASE WHEN course_run_id IS NULL THEN 0 ELSE 1 END) = 1)
){{.Strict}};
--bun:split
CREATE TABLE registrations (
	id {{.ID}} PRIMARY KEY,
	seats_id {{.ID}} NOT NULL REFERENCES seats (id),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	organisation_id {{.ID}} REFERENCES organisations (id),
	status TEXT NOT NULL CHECK (status IN ('CONFIRMED', 'HELD', 'WAITLISTED', 'OFFERED', 'EXPIRED', 'CANCELLED')),
	ticket {{.Int}} NOT NULL,
	registered_at {{.Instant}} NOT NULL,
	registered_by {{.ID}} NOT NULL REFERENCES people (id),
	offer_expires_at {{.Instant}},
	expired_because TEXT CHECK (expired_because IN ('OFFER_LAPSED', 'REGISTRATION_CLOSED')),
	cancelled_at {{.Instant}},
	cancelled_with {{.ID}} REFERENCES registrations (id),
	calendar_sequence {{.Int}} NOT NULL,
	CONSTRAINT registrations_ticket UNIQUE (seats_id, ticket),
	CHECK ((status = 'EXPIRED') = (expired_because IS NOT NULL)),
	CHECK ((status = 'OFFERED') = (offer_expires_at IS NOT NULL))
){{.Strict}};
--bun:split
CREATE UNIQUE INDEX registrations_active ON registrations (seats_id, person_id)
	WHERE status IN ('CONFIRMED', 'HELD', 'WAITLISTED', 'OFFERED');
--bun:split
CREATE INDEX registrations_person ON registrations (person_id);
--bun:split
CREATE INDEX registrations_line ON registrations (seats_id, status, ticket);
--bun:split
CREATE INDEX registrations_offers ON registrations (offer_expires_at) WHERE status = 'OFFERED';
--bun:split
CREATE TABLE campaigns (
	id {{.ID}} PRIMARY KEY,
	edition_id {{.ID}} REFERENCES editions (id),
	course_run_id {{.ID}} REFERENCES course_runs (id),
	created_by {{.ID}} NOT NULL REFERENCES people (id),
	status TEXT NOT NULL CHECK (status IN ('SENDING', 'PAUSED', 'FINISHED', 'CANCELLED')),
	message TEXT NOT NULL,
	texts TEXT,
	respond_by {{.Instant}},
	send_at {{.Instant}} NOT NULL,
	created_at {{.Instant}} NOT NULL,
	finished_at {{.Instant}},
	round {{.Int}} NOT NULL CHECK (round >= 0),
	summed_up_at {{.Instant}},
	version {{.Big}} NOT NULL,
	total {{.Int}} NOT NULL CHECK (total > 0),
	sent {{.Int}} NOT NULL,
	failed {{.Int}} NOT NULL,
	suppressed {{.Int}} NOT NULL,
	cancelled {{.Int}} NOT NULL,
	uncertain {{.Int}} NOT NULL,
	bounced {{.Int}} NOT NULL,
	accepted {{.Int}} NOT NULL CHECK (accepted >= 0),
	declined {{.Int}} NOT NULL CHECK (declined >= 0),
	CHECK ((edition_id IS NULL) <> (course_run_id IS NULL)),
	CONSTRAINT campaigns_counts CHECK (sent + failed + suppressed + cancelled + uncertain + bounced <= total)
){{.Strict}};
--bun:split
CREATE INDEX campaigns_edition ON campaigns (edition_id);
--bun:split
CREATE INDEX campaigns_course_run ON campaigns (course_run_id);
--bun:split
CREATE INDEX campaigns_to_sum_up ON campaigns (finished_at) WHERE finished_at IS NOT NULL AND summed_up_at IS NULL;
--bun:split
CREATE TABLE summaries (
	id {{.ID}} PRIMARY KEY,
	campaign_id {{.ID}} NOT NULL REFERENCES campaigns (id),
	round {{.Int}} NOT NULL,
	created_at {{.Instant}} NOT NULL,
	facts TEXT NOT NULL,
	CONSTRAINT summaries_once UNIQUE (campaign_id, round)
){{.Strict}};
--bun:split
CREATE TABLE reminders (
	id {{.ID}} PRIMARY KEY,
	campaign_id {{.ID}} REFERENCES campaigns (id),
	edition_id {{.ID}} REFERENCES editions (id),
	course_run_id {{.ID}} REFERENCES course_runs (id),
	created_by {{.ID}} NOT NULL REFERENCES people (id),
	created_at {{.Instant}} NOT NULL,
	due_at {{.Instant}} NOT NULL,
	progress TEXT NOT NULL CHECK (progress IN ('OPEN', 'QUEUED', 'WITHDRAWN')),
	queued_to {{.ID}},
	CHECK ((edition_id IS NULL) <> (course_run_id IS NULL))
){{.Strict}};
--bun:split
CREATE UNIQUE INDEX reminders_once ON reminders (coalesce(campaign_id, edition_id, course_run_id), due_at) WHERE progress <> 'WITHDRAWN';
--bun:split
CREATE INDEX reminders_due ON reminders (due_at) WHERE progress = 'OPEN';
--bun:split
CREATE INDEX reminders_edition ON reminders (edition_id) WHERE edition_id IS NOT NULL;
--bun:split
CREATE INDEX reminders_course_run ON reminders (course_run_id) WHERE course_run_id IS NOT NULL;
--bun:split
CREATE TABLE invitations (
	id {{.ID}} PRIMARY KEY,
	campaign_id {{.ID}} NOT NULL REFERENCES campaigns (id),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	edition_id {{.ID}} REFERENCES editions (id),
	course_run_id {{.ID}} REFERENCES course_runs (id),
	status TEXT NOT NULL CHECK (status IN ('PENDING', 'ACCEPTED', 'DECLINED', 'WITHDRAWN', 'UNDELIVERED')),
	responded_at {{.Instant}},
	CHECK ((edition_id IS NULL) <> (course_run_id IS NULL))
){{.Strict}};
--bun:split
CREATE INDEX invitations_campaign ON invitations (campaign_id, id);
--bun:split
CREATE INDEX invitations_person ON invitations (person_id);
--bun:split
CREATE UNIQUE INDEX invitations_edition ON invitations (edition_id, person_id) WHERE edition_id IS NOT NULL AND status <> 'WITHDRAWN';
--bun:split
CREATE UNIQUE INDEX invitations_course_run ON invitations (course_run_id, person_id) WHERE course_run_id IS NOT NULL AND status <> 'WITHDRAWN';
--bun:split
CREATE TABLE suppressions (
	email TEXT PRIMARY KEY CHECK (email = lower(email)),
	reason TEXT NOT NULL CHECK (reason IN ('HARD_BOUNCE', 'SOFT_BOUNCES')),
	created_at {{.Instant}} NOT NULL
){{.Strict}};
--bun:split
CREATE TABLE notices (
	id {{.ID}} PRIMARY KEY,
	edition_id {{.ID}} REFERENCES editions (id),
	course_run_id {{.ID}} REFERENCES course_runs (id),
	created_at {{.Instant}} NOT NULL,
	facts TEXT NOT NULL,
	CHECK ((edition_id IS NULL) <> (course_run_id IS NULL))
){{.Strict}};
--bun:split
CREATE INDEX notices_edition ON notices (edition_id) WHERE edition_id IS NOT NULL;
--bun:split
CREATE INDEX notices_course_run ON notices (course_run_id) WHERE course_run_id IS NOT NULL;
--bun:split
CREATE TABLE deliveries (
	id {{.ID}} PRIMARY KEY,
	kind TEXT NOT NULL,
	lane TEXT NOT NULL CHECK (lane IN ('URGENT', 'BULK')),
	state TEXT NOT NULL CHECK (state IN ('QUEUED', 'SENDING', 'SENT', 'FAILED', 'SUPPRESSED', 'CANCELLED', 'UNCERTAIN', 'BOUNCED')),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	campaign_id {{.ID}} REFERENCES campaigns (id),
	invitation_id {{.ID}} REFERENCES invitations (id),
	registration_id {{.ID}} REFERENCES registrations (id),
	notice_id {{.ID}} REFERENCES notices (id),
	reminder_id {{.ID}} REFERENCES reminders (id),
	summary_id {{.ID}} REFERENCES summaries (id),
	course_run_id {{.ID}} REFERENCES course_runs (id),
	trial TEXT,
	created_at {{.Instant}} NOT NULL,
	not_before {{.Instant}} NOT NULL,
	due_at {{.Instant}} GENERATED ALWAYS AS (CASE WHEN state = 'QUEUED' THEN not_before END) STORED,
	claim {{.ID}},
	worker_id {{.ID}},
	attempts {{.Int}} NOT NULL,
	drops {{.Int}} NOT NULL,
	round {{.Int}} NOT NULL DEFAULT 0,
	dated_at {{.Instant}},
	sent_at {{.Instant}},
	last_code {{.Int}} NOT NULL,
	last_error TEXT,
	status_code TEXT,
	CHECK (CASE state WHEN 'QUEUED' THEN claim IS NULL WHEN 'SENDING' THEN claim IS NOT NULL ELSE 1 = 1 END)
){{.Rewritten}}{{.Strict}};
--bun:split
-- No index may mention what changes between a claim and its end, the state least of all: PostgreSQL writes a new entry into every
-- index of a row when a column of any has changed.
CREATE INDEX deliveries_due ON deliveries (lane, due_at) WHERE due_at IS NOT NULL;
--bun:split
CREATE INDEX deliveries_claim ON deliveries (claim) WHERE claim IS NOT NULL;
--bun:split
CREATE INDEX deliveries_campaign ON deliveries (campaign_id) WHERE campaign_id IS NOT NULL;
--bun:split
CREATE INDEX deliveries_invitation ON deliveries (invitation_id) WHERE invitation_id IS NOT NULL;
--bun:split
CREATE INDEX deliveries_registration ON deliveries (registration_id) WHERE registration_id IS NOT NULL;
--bun:split
CREATE INDEX deliveries_notice ON deliveries (notice_id) WHERE notice_id IS NOT NULL;
--bun:split
CREATE UNIQUE INDEX deliveries_summary ON deliveries (summary_id) WHERE summary_id IS NOT NULL;
--bun:split
CREATE UNIQUE INDEX deliveries_reminder ON deliveries (registration_id) WHERE kind = 'intake_reminder';
--bun:split
CREATE UNIQUE INDEX deliveries_reminded ON deliveries (reminder_id, person_id) WHERE reminder_id IS NOT NULL;
--bun:split
CREATE TABLE claims (
	id {{.ID}} PRIMARY KEY,
	claimed_at {{.Instant}} NOT NULL
){{.Strict}};
--bun:split
CREATE TABLE workers (
	id {{.ID}} PRIMARY KEY,
	seen_at {{.Instant}} NOT NULL
){{.Strict}};
--bun:split
CREATE TABLE idempotency_keys (
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	key TEXT NOT NULL,
	input_hash TEXT NOT NULL,
	result_id {{.ID}} NOT NULL,
	created_at {{.Instant}} NOT NULL,
	PRIMARY KEY (person_id, key)
){{.Strict}};
--bun:split
CREATE TABLE audit_log (
	id {{.ID}} PRIMARY KEY,
	at {{.Instant}} NOT NULL,
	actor_id {{.ID}},
	action TEXT NOT NULL,
	record_id {{.ID}} NOT NULL
){{.Strict}};
--bun:split
CREATE INDEX audit_log_record ON audit_log (record_id, id);
