-- What participants of courses are asked before their place is certain, and who teaches and pays.

CREATE TABLE run_trainers (
	course_run_id {{.ID}} NOT NULL REFERENCES course_runs (id),
	person_id {{.ID}} NOT NULL REFERENCES people (id),
	position {{.Int}} NOT NULL,
	PRIMARY KEY (course_run_id, person_id)
){{.Strict}};
--bun:split
CREATE INDEX run_trainers_person ON run_trainers (person_id);
--bun:split
CREATE TABLE intake_questions (
	id {{.ID}} PRIMARY KEY,
	course_run_id {{.ID}} NOT NULL REFERENCES course_runs (id),
	key TEXT NOT NULL,
	position {{.Int}} NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('TEXT', 'LONG_TEXT', 'SINGLE_CHOICE', 'MULTIPLE_CHOICE', 'YES_NO', 'NUMBER')),
	label TEXT NOT NULL CHECK (label <> ''),
	help TEXT,
	options TEXT NOT NULL CHECK ((kind IN ('SINGLE_CHOICE', 'MULTIPLE_CHOICE')) = (options <> '[]')),
	required {{.Bool}} NOT NULL,
	organisers_only {{.Bool}} NOT NULL,
	CONSTRAINT intake_questions_key UNIQUE (course_run_id, key),
	CONSTRAINT intake_questions_kind UNIQUE (id, kind),
	CHECK (NOT (required AND organisers_only))
){{.Strict}};
--bun:split
CREATE TABLE intake_answers (
	registration_id {{.ID}} NOT NULL REFERENCES registrations (id),
	question_id {{.ID}} NOT NULL,
	kind TEXT NOT NULL,
	text TEXT CHECK (text <> ''),
	choices TEXT CHECK (choices <> '[]'),
	yes_no {{.Bool}},
	number {{.Real}},
	PRIMARY KEY (registration_id, question_id),
	FOREIGN KEY (question_id, kind) REFERENCES intake_questions (id, kind),
	CHECK ((kind IN ('TEXT', 'LONG_TEXT')) = (text IS NOT NULL)),
	CHECK ((kind IN ('SINGLE_CHOICE', 'MULTIPLE_CHOICE')) = (choices IS NOT NULL)),
	CHECK ((kind = 'YES_NO') = (yes_no IS NOT NULL)),
	CHECK ((kind = 'NUMBER') = (number IS NOT NULL))
){{.Strict}};
--bun:split
CREATE INDEX intake_answers_question ON intake_answers (question_id);
--bun:split
CREATE TABLE invoices (
	registration_id {{.ID}} PRIMARY KEY REFERENCES registrations (id),
	organisation TEXT NOT NULL CHECK (organisation <> ''),
	reference TEXT CHECK (reference <> ''),
	vat_number TEXT CHECK (vat_number <> ''),
	address TEXT NOT NULL CHECK (address <> '')
){{.Strict}};
