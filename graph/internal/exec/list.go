package exec

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
)

// marshalList stands in the generated code where gqlgen writes [graphql.MarshalSliceConcurrently]. That starts a goroutine for each
// element, with a stack that then has to grow, even where one alone may run at a time; records of a list were loaded together and
// wait for nothing. Otherwise it does the same: a panic costs the element, and nothing more is written once the time is over.
func marshalList(ctx context.Context, length int, _ int64, _ bool, marshal func(ctx context.Context, i int) graphql.Marshaler) graphql.Array {
	list := make(graphql.Array, length)
	for i := range list {
		ctx := graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: &i})
		if err := ctx.Err(); err != nil {
			graphql.AddError(ctx, err)
			for j := i; j < length; j++ {
				list[j] = graphql.Null
			}
			break
		}
		func() {
			defer func() {
				if panicked := recover(); panicked != nil {
					graphql.AddError(ctx, graphql.Recover(ctx, panicked))
					list[i] = graphql.Null
				}
			}()
			list[i] = marshal(ctx, i)
		}()
	}
	return list
}
