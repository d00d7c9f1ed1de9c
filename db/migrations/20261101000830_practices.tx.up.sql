-- Descriptions of practices, what people say about them, and how often they are read.

CREATE TABLE practices (
	id {{.ID}} PRIMARY KEY,
	partnership_id {{.ID}} REFERENCES partnerships (id),
	edition_id {{.ID}} REFERENCES editions (id),
	status TEXT NOT NULL CHECK (status IN ('DRAFT', 'PUBLISHED')),
	version {{.Int}} NOT NULL CHECK (version > 0),
	locale TEXT NOT NULL CHECK (locale IN ('nl', 'de', 'en')),
	title TEXT NOT NULL CHECK (title <> ''),
	description TEXT NOT NULL,
	budget_minor {{.Int}} CHECK (budget_minor >= 0),
	budget_currency TEXT NOT NULL,
	term TEXT NOT NULL,
	success_factors TEXT NOT NULL,
	pitfalls TEXT NOT NULL,
	points_of_attention TEXT NOT NULL,
	recommendations TEXT NOT NULL,
	created_at {{.Instant}} NOT NULL,
	published_at {{.Instant}},
	CHECK ((partnership_id IS NULL) <> (edition_id IS NULL)),
	CHECK ((published_at IS NULL) = (status = 'DRAFT')),
	CHECK ((budget_minor IS NULL) = (budget_currency = ''))
){{.Strict}};
--bun:split
CREATE INDEX practices_partnership ON practices (partnership_id);
--bun:split
CREATE INDEX practices_edition ON practices (edition_id);
--bun:split
CREATE TABLE practice_partners (
	practice_id {{.ID}} NOT NULL REFERENCES practices (id),
	organisation_id {{.ID}} NOT NULL REFERENCES organisations (id),
	position {{.Int}} NOT NULL,
	PRIMARY KEY (practice_id, organisation_id)
){{.Strict}};
--bun:split
CREATE TABLE practice_comments (
	id {{.ID}} PRIMARY KEY,
	practice_id {{.ID}} NOT NULL REFERENCES practices (id),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	text TEXT NOT NULL CHECK (text <> ''),
	status TEXT NOT NULL CHECK (status IN ('SHOWN', 'HIDDEN')),
	reason TEXT NOT NULL,
	created_at {{.Instant}} NOT NULL,
	CHECK (status = 'SHOWN' OR reason <> '')
){{.Strict}};
--bun:split
CREATE INDEX practice_comments_practice ON practice_comments (practice_id, id);
--bun:split
CREATE INDEX practice_comments_person ON practice_comments (person_id);
--bun:split
CREATE TABLE practice_ratings (
	practice_id {{.ID}} NOT NULL REFERENCES practices (id),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	stars {{.Int}} NOT NULL CHECK (stars BETWEEN 1 AND 5),
	rated_at {{.Instant}} NOT NULL,
	PRIMARY KEY (practice_id, person_id)
){{.Strict}};
--bun:split
CREATE INDEX practice_ratings_person ON practice_ratings (person_id);
--bun:split
-- A number for each day, and nothing about who read.
CREATE TABLE practice_views (
	practice_id {{.ID}} NOT NULL REFERENCES practices (id),
	day {{.Date}} NOT NULL,
	n {{.Int}} NOT NULL,
	PRIMARY KEY (practice_id, day)
){{.Strict}};
