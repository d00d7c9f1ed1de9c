-- Who works with whom, and what they organise.

CREATE TABLE organisations (
	id {{.ID}} PRIMARY KEY,
	key TEXT NOT NULL CONSTRAINT organisations_key UNIQUE,
	kind TEXT NOT NULL CHECK (kind IN ('MUNICIPALITY', 'INSTITUTION')),
	institution_kind TEXT NOT NULL CHECK ((institution_kind = '') = (kind = 'MUNICIPALITY')),
	name TEXT NOT NULL CHECK (name <> ''),
	folded_name TEXT{{.C}} NOT NULL,
	country TEXT NOT NULL CHECK (length(country) = 2),
	code TEXT,
	population {{.Int}} CHECK (population > 0),
	website TEXT
){{.Clustered}};
--bun:split
CREATE INDEX organisations_folded_name ON organisations (kind, folded_name, id);
--bun:split
CREATE UNIQUE INDEX organisations_code ON organisations (country, code) WHERE code IS NOT NULL;
--bun:split
CREATE TABLE people (
	id {{.ID}} PRIMARY KEY,
	key TEXT CONSTRAINT people_key UNIQUE,
	organisation_id {{.ID}} REFERENCES organisations (id),
	affiliation TEXT NOT NULL,
	name TEXT NOT NULL CHECK (name <> ''),
	email TEXT CONSTRAINT people_email UNIQUE CHECK (email = lower(email)),
	job_title TEXT,
	locale TEXT NOT NULL CHECK (locale IN ('nl', 'de', 'en')),
	created_at {{.Instant}} NOT NULL
){{.Clustered}};
--bun:split
CREATE INDEX people_organisation ON people (organisation_id);
--bun:split
CREATE TABLE themes (
	id {{.ID}} PRIMARY KEY,
	key TEXT NOT NULL CONSTRAINT themes_key UNIQUE,
	name TEXT NOT NULL CHECK (name <> '')
){{.Clustered}};
--bun:split
CREATE TABLE partnerships (
	id {{.ID}} PRIMARY KEY,
	key TEXT NOT NULL CONSTRAINT partnerships_key UNIQUE,
	name TEXT NOT NULL CHECK (name <> ''),
	folded_name TEXT{{.C}} NOT NULL,
	kind TEXT NOT NULL,
	description TEXT NOT NULL,
	since {{.Int}}
){{.Clustered}};
--bun:split
CREATE INDEX partnerships_folded_name ON partnerships (folded_name, id);
--bun:split
CREATE TABLE members (
	id {{.ID}} PRIMARY KEY,
	partnership_id {{.ID}} NOT NULL REFERENCES partnerships (id),
	organisation_id {{.ID}} NOT NULL REFERENCES organisations (id),
	role TEXT NOT NULL CHECK (role IN ('LEAD', 'MEMBER', 'SECRETARIAT')),
	position {{.Int}} NOT NULL,
	CONSTRAINT members_once UNIQUE (partnership_id, organisation_id)
){{.Strict}};
--bun:split
CREATE INDEX members_ordered ON members (partnership_id, position, organisation_id, role);
--bun:split
CREATE INDEX members_organisation ON members (organisation_id);
--bun:split
CREATE TABLE coordinators (
	member_id {{.ID}} NOT NULL REFERENCES members (id),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	position {{.Int}} NOT NULL,
	PRIMARY KEY (member_id, person_id)
){{.Clustered}};
--bun:split
CREATE INDEX coordinators_person ON coordinators (person_id);
--bun:split
CREATE TABLE agreements (
	id {{.ID}} PRIMARY KEY,
	key TEXT NOT NULL,
	partnership_id {{.ID}} NOT NULL REFERENCES partnerships (id),
	title TEXT,
	signed_on {{.Date}} NOT NULL,
	signed_precision TEXT NOT NULL CHECK (signed_precision IN ('DAY', 'MONTH', 'YEAR')),
	term_years {{.Int}} CHECK (term_years > 0),
	renewal TEXT NOT NULL CHECK (renewal IN ('TACIT', 'EXPLICIT')),
	CONSTRAINT agreements_key UNIQUE (partnership_id, key)
){{.Strict}};
--bun:split
CREATE TABLE series (
	id {{.ID}} PRIMARY KEY,
	key TEXT NOT NULL CONSTRAINT series_key UNIQUE,
	partnership_id {{.ID}} NOT NULL REFERENCES partnerships (id),
	name TEXT NOT NULL CHECK (name <> ''),
	description TEXT NOT NULL,
	cadence TEXT NOT NULL
){{.Clustered}};
--bun:split
CREATE INDEX series_partnership ON series (partnership_id);
--bun:split
CREATE TABLE rotations (
	series_id {{.ID}} NOT NULL REFERENCES series (id),
	organisation_id {{.ID}} NOT NULL REFERENCES organisations (id),
	position {{.Int}} NOT NULL,
	PRIMARY KEY (series_id, position)
){{.Clustered}};
--bun:split
CREATE TABLE editions (
	id {{.ID}} PRIMARY KEY,
	key TEXT NOT NULL CONSTRAINT editions_key UNIQUE,
	series_id {{.ID}} NOT NULL REFERENCES series (id),
	partnership_id {{.ID}} NOT NULL REFERENCES partnerships (id),
	host_id {{.ID}} REFERENCES organisations (id),
	title TEXT NOT NULL CHECK (title <> ''),
	year {{.Int}} NOT NULL,
	status TEXT NOT NULL CHECK (status IN ('DRAFT', 'PUBLISHED', 'CANCELLED')),
	summary TEXT NOT NULL,
	starts_on {{.Date}},
	ends_on {{.Date}} CHECK (ends_on >= starts_on),
	sorts_on {{.Date}} NOT NULL,
	time_zone TEXT NOT NULL,
	languages TEXT NOT NULL,
	venue_name TEXT NOT NULL,
	venue_address TEXT NOT NULL,
	venue_city TEXT NOT NULL,
	venue_country TEXT NOT NULL,
	budget_minor {{.Big}} CHECK (budget_minor >= 0),
	budget_currency TEXT NOT NULL,
	search TEXT NOT NULL,
	CHECK ((starts_on IS NULL) = (ends_on IS NULL))
){{.Strict}};
--bun:split
CREATE INDEX editions_sorted ON editions (sorts_on, id);
--bun:split
CREATE INDEX editions_series ON editions (series_id, sorts_on, id);
--bun:split
CREATE INDEX editions_host ON editions (host_id, sorts_on, id);
--bun:split
CREATE INDEX editions_partnership ON editions (partnership_id, sorts_on, id);
--bun:split
CREATE TABLE edition_themes (
	edition_id {{.ID}} NOT NULL REFERENCES editions (id),
	theme_id {{.ID}} NOT NULL REFERENCES themes (id),
	position {{.Int}} NOT NULL,
	PRIMARY KEY (edition_id, theme_id)
){{.Clustered}};
--bun:split
CREATE INDEX edition_themes_theme ON edition_themes (theme_id, edition_id);
--bun:split
CREATE TABLE rooms (
	id {{.ID}} PRIMARY KEY,
	key TEXT NOT NULL,
	edition_id {{.ID}} NOT NULL REFERENCES editions (id),
	name TEXT NOT NULL CHECK (name <> ''),
	capacity {{.Int}} CHECK (capacity > 0),
	CONSTRAINT rooms_key UNIQUE (edition_id, key)
){{.Clustered}};
--bun:split
CREATE TABLE sessions (
	id {{.ID}} PRIMARY KEY,
	key TEXT NOT NULL,
	edition_id {{.ID}} NOT NULL REFERENCES editions (id),
	parent_id {{.ID}} REFERENCES sessions (id),
	kind TEXT NOT NULL CHECK (kind IN ('ARRIVAL', 'PLENARY', 'BREAKOUT', 'BREAK', 'EXCURSION', 'SOCIAL', 'CLOSING')),
	title TEXT NOT NULL CHECK (title <> ''),
	abstract TEXT,
	day {{.Date}} NOT NULL,
	starts_local TEXT,
	ends_local TEXT CHECK (ends_local > starts_local),
	starts_at {{.Instant}},
	ends_at {{.Instant}},
	room_id {{.ID}} REFERENCES rooms (id),
	languages TEXT NOT NULL,
	position {{.Int}} NOT NULL,
	cancelled_at {{.Instant}},
	CONSTRAINT sessions_key UNIQUE (edition_id, key),
	CHECK ((starts_local IS NULL) = (ends_local IS NULL))
){{.Strict}};
--bun:split
CREATE INDEX sessions_edition ON sessions (edition_id, position);
--bun:split
CREATE INDEX sessions_room ON sessions (room_id);
--bun:split
CREATE INDEX sessions_parent ON sessions (parent_id, position) WHERE parent_id IS NOT NULL;
--bun:split
CREATE INDEX sessions_starts ON sessions (starts_at);
--bun:split
CREATE TABLE session_themes (
	session_id {{.ID}} NOT NULL REFERENCES sessions (id),
	theme_id {{.ID}} NOT NULL REFERENCES themes (id),
	position {{.Int}} NOT NULL,
	PRIMARY KEY (session_id, theme_id)
){{.Clustered}};
--bun:split
CREATE INDEX session_themes_theme ON session_themes (theme_id);
--bun:split
CREATE TABLE contributions (
	id {{.ID}} PRIMARY KEY,
	session_id {{.ID}} NOT NULL REFERENCES sessions (id),
	role TEXT NOT NULL CHECK (role IN ('CHAIR', 'MODERATOR', 'SPEAKER', 'PANELLIST', 'TRAINER')),
	person_id {{.ID}} REFERENCES people (id),
	guest_name TEXT NOT NULL,
	guest_affiliation TEXT NOT NULL,
	position {{.Int}} NOT NULL,
	CHECK ((person_id IS NULL) = (guest_name <> ''))
){{.Strict}};
--bun:split
CREATE INDEX contributions_session ON contributions (session_id, position, id);
--bun:split
CREATE INDEX contributions_person ON contributions (person_id);
--bun:split
CREATE TABLE courses (
	id {{.ID}} PRIMARY KEY,
	key TEXT NOT NULL CONSTRAINT courses_key UNIQUE,
	organisation_id {{.ID}} NOT NULL REFERENCES organisations (id),
	title TEXT NOT NULL CHECK (title <> ''),
	folded_title TEXT{{.C}} NOT NULL,
	summary TEXT NOT NULL,
	audience TEXT NOT NULL,
	topics TEXT NOT NULL,
	days {{.Int}} NOT NULL CHECK (days > 0),
	max_participants {{.Int}} CHECK (max_participants > 0),
	price_minor {{.Big}} CHECK (price_minor >= 0),
	price_currency TEXT NOT NULL
){{.Strict}};
--bun:split
CREATE INDEX courses_folded_title ON courses (folded_title, id);
--bun:split
CREATE TABLE course_trainers (
	course_id {{.ID}} NOT NULL REFERENCES courses (id),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	position {{.Int}} NOT NULL,
	PRIMARY KEY (course_id, person_id)
){{.Clustered}};
--bun:split
CREATE INDEX course_trainers_person ON course_trainers (person_id);
--bun:split
CREATE TABLE related_courses (
	course_id {{.ID}} NOT NULL REFERENCES courses (id),
	related_id {{.ID}} NOT NULL REFERENCES courses (id),
	position {{.Int}} NOT NULL,
	PRIMARY KEY (course_id, related_id),
	CHECK (course_id <> related_id)
){{.Clustered}};
--bun:split
CREATE TABLE course_runs (
	id {{.ID}} PRIMARY KEY,
	key TEXT NOT NULL,
	course_id {{.ID}} NOT NULL REFERENCES courses (id),
	status TEXT NOT NULL CHECK (status IN ('DRAFT', 'PLANNED', 'CONFIRMED', 'CANCELLED')),
	starts_on {{.Date}} NOT NULL,
	ends_on {{.Date}} NOT NULL CHECK (ends_on >= starts_on),
	time_zone TEXT NOT NULL,
	languages TEXT NOT NULL,
	venue_name TEXT NOT NULL,
	venue_address TEXT NOT NULL,
	venue_city TEXT NOT NULL,
	venue_country TEXT NOT NULL,
	min_participants {{.Int}} CHECK (min_participants > 0),
	decide_on {{.Date}} CHECK (decide_on <= starts_on),
	below_minimum_told_for {{.Date}},
	price_minor {{.Big}} CHECK (price_minor >= 0),
	price_currency TEXT NOT NULL,
	intake_due_at {{.Instant}},
	payer_id {{.ID}} REFERENCES organisations (id),
	invoice_reference TEXT,
	invoice_vat_number TEXT,
	invoice_address TEXT CHECK ((invoice_address IS NULL) = (payer_id IS NULL)),
	CONSTRAINT course_runs_key UNIQUE (course_id, key)
){{.Strict}};
--bun:split
CREATE INDEX course_runs_course ON course_runs (course_id, starts_on, id);
