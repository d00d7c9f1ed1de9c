-- What is published has a revision: a number that rises with every committed change of it, whichever way it is made. The triggers
-- leave no change out. On PostgreSQL each session has a row of its own, as far as there are rows, so that those who change
-- something do not wait for each other; the revision is the sum of the rows.

CREATE TABLE revisions (
	slot {{.Int}} PRIMARY KEY,
	n {{.Big}} NOT NULL
){{.Strict}};
--bun:split
{{if .Strict -}}
INSERT INTO revisions (slot, n) VALUES (0, 0);
{{range .Published -}}
--bun:split
CREATE TRIGGER {{.}}_inserted AFTER INSERT ON {{.}} BEGIN UPDATE revisions SET n = n + 1; END;
--bun:split
CREATE TRIGGER {{.}}_updated AFTER UPDATE ON {{.}} BEGIN UPDATE revisions SET n = n + 1; END;
--bun:split
CREATE TRIGGER {{.}}_deleted AFTER DELETE ON {{.}} BEGIN UPDATE revisions SET n = n + 1; END;
{{end -}}
--bun:split
CREATE TRIGGER seats_inserted AFTER INSERT ON seats BEGIN UPDATE revisions SET n = n + 1; END;
--bun:split
CREATE TRIGGER seats_deleted AFTER DELETE ON seats BEGIN UPDATE revisions SET n = n + 1; END;
{{else -}}
INSERT INTO revisions (slot, n) SELECT slot, 0 FROM generate_series(0, 63) AS slot;
--bun:split
CREATE FUNCTION revise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE revisions SET n = n + 1 WHERE slot = pg_backend_pid() % 64;
	RETURN NULL;
END
$$;
{{range .Published -}}
--bun:split
CREATE TRIGGER revised AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{.}} FOR EACH STATEMENT EXECUTE FUNCTION revise();
{{end -}}
--bun:split
CREATE TRIGGER revised AFTER INSERT OR DELETE OR TRUNCATE ON seats FOR EACH STATEMENT EXECUTE FUNCTION revise();
{{end -}}
