package graph

import (
	"context"

	"github.com/vaktreffen/vaktreffen/db"
)

// Courses lists courses by title.
func (r queryResolver) Courses(ctx context.Context, first *int, after *string, last *int, before *string) (*db.Connection[db.Course], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.Courses(ctx, actor(ctx), p, records)
}

// Runs lists the runs of a course.
func (r courseResolver) Runs(ctx context.Context, of *db.Course, first *int, after *string, last *int, before *string) (*db.Connection[db.CourseRun], error) {
	p, records := page(ctx, first, after, last, before)
	return r.db.RunsOf(ctx, actor(ctx), of, p, records)
}
