-- What people may ask of their data, and a log that nobody rewrites.

ALTER TABLE people ADD COLUMN erased_at {{.Instant}} CHECK (erased_at IS NULL OR email IS NULL);
--bun:split
CREATE INDEX people_erased ON people (erased_at) WHERE erased_at IS NOT NULL;
--bun:split
ALTER TABLE registrations ADD COLUMN listing TEXT NOT NULL DEFAULT 'NOBODY' CHECK (listing IN ('NOBODY', 'PARTICIPANTS', 'EVERYONE'));
--bun:split
ALTER TABLE editions ADD COLUMN retention_months {{.Int}} CHECK (retention_months BETWEEN 1 AND 120);
--bun:split
ALTER TABLE editions ADD COLUMN forgotten_at {{.Instant}};
--bun:split
ALTER TABLE course_runs ADD COLUMN retention_months {{.Int}} CHECK (retention_months BETWEEN 1 AND 120);
--bun:split
ALTER TABLE course_runs ADD COLUMN forgotten_at {{.Instant}};
--bun:split
CREATE INDEX deliveries_person ON deliveries (person_id);
--bun:split
{{.AppendOnly "audit_log"}}
