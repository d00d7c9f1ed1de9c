-- What came of editions: who was there, what was found and asked, who helps, and what follows.

CREATE TABLE attendances (
	seats_id {{.ID}} NOT NULL REFERENCES seats (id),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	organisation_id {{.ID}} REFERENCES organisations (id),
	walk_in {{.Bool}} NOT NULL,
	at {{.Instant}} NOT NULL,
	recorded_by {{.ID}} REFERENCES people (id),
	PRIMARY KEY (seats_id, person_id)
){{.Strict}};
--bun:split
CREATE INDEX attendances_person ON attendances (person_id);
--bun:split
CREATE TABLE reports (
	id {{.ID}} PRIMARY KEY,
	edition_id {{.ID}} NOT NULL CONSTRAINT reports_edition UNIQUE REFERENCES editions (id),
	status TEXT NOT NULL CHECK (status IN ('DRAFT', 'IN_REVIEW', 'PUBLISHED')),
	created_at {{.Instant}} NOT NULL,
	published_at {{.Instant}},
	CHECK ((published_at IS NULL) = (status <> 'PUBLISHED'))
){{.Strict}};
--bun:split
-- Every version of every text; the last one counts. Nothing is overwritten: whoever saves names the version that he has read,
-- and two cannot write the same next one.
CREATE TABLE report_texts (
	report_id {{.ID}} NOT NULL REFERENCES reports (id),
	part_id {{.ID}} NOT NULL,
	locale TEXT NOT NULL CHECK (locale IN ('nl', 'de', 'en')),
	version {{.Int}} NOT NULL CHECK (version > 0),
	text TEXT NOT NULL,
	author_id {{.ID}} REFERENCES people (id),
	saved_at {{.Instant}} NOT NULL,
	PRIMARY KEY (part_id, locale, version)
){{.Strict}};
--bun:split
CREATE INDEX report_texts_report ON report_texts (report_id, part_id, locale, version);
--bun:split
CREATE TABLE report_questions (
	id {{.ID}} PRIMARY KEY,
	report_id {{.ID}} NOT NULL REFERENCES reports (id),
	session_id {{.ID}} REFERENCES sessions (id),
	organisation_id {{.ID}} REFERENCES organisations (id),
	person_id {{.ID}} REFERENCES people (id),
	status TEXT NOT NULL CHECK (status IN ('OPEN', 'ANSWERED')),
	created_at {{.Instant}} NOT NULL
){{.Strict}};
--bun:split
CREATE INDEX report_questions_report ON report_questions (report_id);
--bun:split
CREATE TABLE help_offers (
	id {{.ID}} PRIMARY KEY,
	question_id {{.ID}} NOT NULL REFERENCES report_questions (id),
	organisation_id {{.ID}} NOT NULL REFERENCES organisations (id),
	person_id {{.ID}} REFERENCES people (id),
	note TEXT NOT NULL,
	created_at {{.Instant}} NOT NULL,
	CONSTRAINT help_offers_once UNIQUE (question_id, organisation_id)
){{.Strict}};
--bun:split
CREATE TABLE report_actions (
	id {{.ID}} PRIMARY KEY,
	report_id {{.ID}} NOT NULL REFERENCES reports (id),
	session_id {{.ID}} REFERENCES sessions (id),
	organisation_id {{.ID}} NOT NULL REFERENCES organisations (id),
	person_id {{.ID}} REFERENCES people (id),
	due_on {{.Date}},
	status TEXT NOT NULL CHECK (status IN ('OPEN', 'DONE', 'DROPPED')),
	created_at {{.Instant}} NOT NULL
){{.Strict}};
--bun:split
CREATE INDEX report_actions_report ON report_actions (report_id);
--bun:split
-- Contents of files, each once whoever sent it; the folder beside the database has them under their hashes.
CREATE TABLE files (
	hash TEXT PRIMARY KEY CHECK (length(hash) = 64),
	type TEXT NOT NULL CHECK (type <> ''),
	size {{.Int}} NOT NULL CHECK (size > 0),
	created_at {{.Instant}} NOT NULL
){{.Strict}};
--bun:split
CREATE TABLE materials (
	id {{.ID}} PRIMARY KEY,
	report_id {{.ID}} NOT NULL REFERENCES reports (id),
	session_id {{.ID}} REFERENCES sessions (id),
	title TEXT NOT NULL CHECK (title <> ''),
	url TEXT NOT NULL CHECK (url <> ''),
	created_at {{.Instant}} NOT NULL,
	file_hash TEXT REFERENCES files (hash),
	file_name TEXT NOT NULL DEFAULT '' CHECK ((file_hash IS NULL) = (file_name = ''))
){{.Strict}};
--bun:split
CREATE INDEX materials_report ON materials (report_id);
--bun:split
CREATE INDEX materials_file ON materials (file_hash) WHERE file_hash IS NOT NULL;
--bun:split
CREATE TABLE corrections (
	id {{.ID}} PRIMARY KEY,
	report_id {{.ID}} NOT NULL REFERENCES reports (id),
	part_id {{.ID}} NOT NULL,
	locale TEXT NOT NULL CHECK (locale IN ('nl', 'de', 'en')),
	text TEXT NOT NULL,
	note TEXT NOT NULL,
	status TEXT NOT NULL CHECK (status IN ('PROPOSED', 'ACCEPTED', 'REJECTED')),
	person_id {{.ID}} REFERENCES people (id),
	created_at {{.Instant}} NOT NULL
){{.Strict}};
--bun:split
CREATE INDEX corrections_report ON corrections (report_id);
--bun:split
CREATE TABLE report_readers (
	report_id {{.ID}} NOT NULL REFERENCES reports (id),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	asked_at {{.Instant}} NOT NULL,
	PRIMARY KEY (report_id, person_id)
){{.Strict}};
--bun:split
CREATE INDEX report_readers_person ON report_readers (person_id);
--bun:split
ALTER TABLE campaigns ADD COLUMN report_id {{.ID}} REFERENCES reports (id);
--bun:split
CREATE INDEX campaigns_report ON campaigns (report_id) WHERE report_id IS NOT NULL;
