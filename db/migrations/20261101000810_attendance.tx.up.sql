-- Who attended a course has it in writing. A certificate is never deleted: one that was wrong is revoked, and says so to whoever
-- looks it up.

CREATE TABLE certificates (
	id {{.ID}} PRIMARY KEY,
	course_run_id {{.ID}} NOT NULL REFERENCES course_runs (id),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	code TEXT NOT NULL CONSTRAINT certificates_code UNIQUE,
	issued_at {{.Instant}} NOT NULL,
	issued_by {{.ID}} NOT NULL REFERENCES people (id),
	revoked_at {{.Instant}}
){{.Strict}};
--bun:split
CREATE UNIQUE INDEX certificates_once ON certificates (course_run_id, person_id) WHERE revoked_at IS NULL;
--bun:split
CREATE INDEX certificates_person ON certificates (person_id);
--bun:split
ALTER TABLE deliveries ADD COLUMN certificate_id {{.ID}} REFERENCES certificates (id);
--bun:split
CREATE INDEX deliveries_certificate ON deliveries (certificate_id) WHERE certificate_id IS NOT NULL;
