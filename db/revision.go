package db

import (
	"context"
	"fmt"
)

// published are the tables that answers to everybody are made of: the triggers of the migrations raise the revision with every
// change of them. Seats count when they come and go; how many are taken is live.
var published = []string{
	"organisations", "people", "themes", "partnerships", "members", "coordinators", "agreements", "series", "rotations", "editions",
	"edition_themes", "rooms", "sessions", "session_themes", "contributions", "courses", "course_trainers", "related_courses", "course_runs",
	"run_trainers", "intake_questions", "reports", "report_texts", "report_questions", "help_offers", "report_actions", "materials",
	"attendances", "practices", "practice_partners", "practice_comments", "practice_ratings",
}

// Revision returns a number that rises with every committed change of what is published, made by whichever process. Whoever
// reads the revision first and then data has data of that revision or of a later one: what was kept under the number that is
// read now lacks no change that was committed before.
func (d *DB) Revision(ctx context.Context) (revision int64, err error) {
	if err := d.read.number(ctx, "SELECT CAST(sum(n) AS bigint) FROM revisions", &revision); err != nil {
		return 0, fmt.Errorf("revision: %w", err)
	}
	return revision, nil
}
