-- What those who came think of an edition.

CREATE TABLE surveys (
	id {{.ID}} PRIMARY KEY,
	edition_id {{.ID}} NOT NULL CONSTRAINT surveys_edition UNIQUE REFERENCES editions (id),
	opens_at {{.Instant}} NOT NULL,
	closes_at {{.Instant}} NOT NULL,
	remind_at {{.Instant}},
	reminded_at {{.Instant}},
	anonymous {{.Bool}} NOT NULL,
	created_by {{.ID}} NOT NULL REFERENCES people (id),
	created_at {{.Instant}} NOT NULL,
	CHECK (opens_at < closes_at),
	CHECK (remind_at BETWEEN opens_at AND closes_at)
){{.Strict}};
--bun:split
CREATE INDEX surveys_to_remind ON surveys (remind_at) WHERE reminded_at IS NULL AND remind_at IS NOT NULL;
--bun:split
-- Who is asked, and whether they have answered: never what, and never when.
CREATE TABLE survey_readers (
	survey_id {{.ID}} NOT NULL REFERENCES surveys (id),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	answered {{.Bool}} NOT NULL,
	PRIMARY KEY (survey_id, person_id)
){{.Strict}};
--bun:split
CREATE INDEX survey_readers_person ON survey_readers (person_id);
--bun:split
-- What one person answered to a survey that is not anonymous.
CREATE TABLE survey_answers (
	survey_id {{.ID}} NOT NULL REFERENCES surveys (id),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	overall {{.Int}} CHECK (overall BETWEEN 1 AND 5),
	sessions TEXT NOT NULL,
	remark TEXT NOT NULL,
	answered_at {{.Instant}} NOT NULL,
	PRIMARY KEY (survey_id, person_id)
){{.Strict}};
--bun:split
CREATE INDEX survey_answers_person ON survey_answers (person_id);
--bun:split
-- What everybody together answered to an anonymous survey: one row, so that there is nothing to tell answers apart by.
CREATE TABLE survey_tallies (
	survey_id {{.ID}} PRIMARY KEY REFERENCES surveys (id),
	tally TEXT NOT NULL
){{.Strict}};
--bun:split
ALTER TABLE campaigns ADD COLUMN survey_id {{.ID}} REFERENCES surveys (id);
--bun:split
CREATE UNIQUE INDEX campaigns_survey ON campaigns (survey_id) WHERE survey_id IS NOT NULL;
--bun:split
ALTER TABLE deliveries ADD COLUMN survey_id {{.ID}} REFERENCES surveys (id);
--bun:split
CREATE UNIQUE INDEX deliveries_survey ON deliveries (survey_id, person_id, kind) WHERE survey_id IS NOT NULL;
