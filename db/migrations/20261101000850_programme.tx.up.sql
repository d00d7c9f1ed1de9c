-- What was published of the programmes of editions, in numbered versions that nobody rewrites, and what is prepared for the next.

CREATE TABLE programme_versions (
	edition_id {{.ID}} NOT NULL REFERENCES editions (id),
	number {{.Int}} NOT NULL CHECK (number > 0),
	published_at {{.Instant}} NOT NULL,
	items TEXT NOT NULL,
	PRIMARY KEY (edition_id, number)
){{.Strict}};
--bun:split
{{.AppendOnly "programme_versions"}}
--bun:split
-- The session is one that is there, or one that will be: then it has a kind. Its block may be one that will be, too.
CREATE TABLE preparations (
	session_id {{.ID}} PRIMARY KEY,
	edition_id {{.ID}} NOT NULL REFERENCES editions (id),
	kind TEXT CHECK (kind IN ('ARRIVAL', 'PLENARY', 'BREAKOUT', 'BREAK', 'EXCURSION', 'SOCIAL', 'CLOSING')),
	parent_id {{.ID}},
	title TEXT CHECK (title <> ''),
	abstract TEXT,
	day {{.Date}},
	starts_local TEXT,
	ends_local TEXT,
	room_id {{.ID}} REFERENCES rooms (id),
	capacity {{.Int}} CHECK (capacity >= 0),
	cancelled {{.Bool}} NOT NULL,
	CHECK (kind IS NOT NULL OR parent_id IS NULL AND capacity IS NULL)
){{.Strict}};
--bun:split
CREATE INDEX preparations_edition ON preparations (edition_id);
