-- Who may do what.

CREATE TABLE organisers (
	edition_id {{.ID}} REFERENCES editions (id),
	course_id {{.ID}} REFERENCES courses (id),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	named_at {{.Instant}} NOT NULL,
	CHECK ((edition_id IS NULL) <> (course_id IS NULL)),
	CONSTRAINT organisers_edition UNIQUE (edition_id, person_id),
	CONSTRAINT organisers_course UNIQUE (course_id, person_id)
){{.Strict}};
--bun:split
CREATE INDEX organisers_person ON organisers (person_id);
--bun:split
CREATE TABLE administrators (
	person_id {{.ID}} PRIMARY KEY REFERENCES people (id),
	appointed_at {{.Instant}} NOT NULL
){{.Strict}};
--bun:split
CREATE TABLE sign_in_links (
	id {{.ID}} PRIMARY KEY,
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	hash TEXT NOT NULL CONSTRAINT sign_in_links_hash UNIQUE,
	created_at {{.Instant}} NOT NULL,
	expires_at {{.Instant}} NOT NULL
){{.Strict}};
--bun:split
CREATE INDEX sign_in_links_person ON sign_in_links (person_id);
