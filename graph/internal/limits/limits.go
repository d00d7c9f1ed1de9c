package limits

import (
	"context"
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
)

// What one document may have.
const (
	MaxBytes      = 16 << 10
	MaxTokens     = 2000
	MaxDepth      = 12
	MaxAliases    = 30
	MaxRepeats    = 30 // fields that stand in a selection again
	MaxDirectives = 50
	MaxSpreads    = 200
	MaxVisits     = 20_000 // selections that validation looks at
	MaxRootFields = 10
)

// The cost that one operation may have, by who sends it.
const (
	CostAnonymous = 2_000
	CostSignedIn  = 5_000
	CostOrganiser = 20_000
)

// MaxErrors is how many errors one response may list.
const MaxErrors = 20

// rememberedDocuments bounds the cache of parsed documents. Frontends send some
// dozens; a flood of distinct ones of the largest size takes some 90 MB.
const rememberedDocuments = 200

// The codes of refusals, in extensions.code.
const (
	CodeBytes         = "QUERY_SIZE_LIMIT"
	CodeTokens        = "TOKEN_LIMIT"
	CodeDepth         = "DEPTH_LIMIT"
	CodeAliases       = "ALIAS_LIMIT"
	CodeRepeats       = "REPEATED_FIELD_LIMIT"
	CodeDirectives    = "DIRECTIVE_LIMIT"
	CodeSpreads       = "FRAGMENT_SPREAD_LIMIT"
	CodeVisits        = "VALIDATION_LIMIT"
	CodeRootFields    = "ROOT_FIELD_LIMIT"
	CodeCost          = "COST_LIMIT"
	CodeIntrospection = "INTROSPECTION_DISABLED"
	CodeDefer         = "DEFER_UNSUPPORTED"
	CodeCharacter     = "BAD_CHARACTER"
)

// Config is what differs between servers.
type Config struct {
	// Cost returns the cost that an operation in this context may have:
	// [CostAnonymous], [CostSignedIn] or [CostOrganiser].
	Cost func(context.Context) int

	// Introspection allows __schema and __type, and lets errors suggest names
	// of the schema. It is for development.
	Introspection bool
}

// Install puts srv under the limits. It sets the server's parser, validation
// rules and document cache, which nothing may replace afterwards.
func Install(srv *handler.Server, cfg Config) {
	passed := lru.New[*ast.QueryDocument](rememberedDocuments)
	srv.SetQueryCache(passed)
	srv.SetParserTokenLimit(MaxTokens)
	srv.Use(gate{cfg: cfg, passed: passed})
	if cfg.Introspection {
		srv.Use(extension.Introspection{})
		return
	}
	srv.SetDisableSuggestion(true)
	srv.SetValidationRulesFn(rulesWithoutSuggestions)
}

// rulesWithoutSuggestions keeps the names of the schema out of errors. The
// server itself replaces the rules about fields.
func rulesWithoutSuggestions() *rules.Rules {
	r := rules.NewDefaultRules()
	r.ReplaceRule(rules.KnownArgumentNamesRule.Name, rules.KnownArgumentNamesRuleWithoutSuggestions.RuleFunc)
	r.ReplaceRule(rules.KnownTypeNamesRule.Name, rules.KnownTypeNamesRuleWithoutSuggestions.RuleFunc)
	r.ReplaceRule(rules.ValuesOfCorrectTypeRule.Name, rules.ValuesOfCorrectTypeRuleWithoutSuggestions.RuleFunc)
	return r
}

// gate is the extension that checks each operation.
type gate struct {
	cfg    Config
	passed graphql.Cache[*ast.QueryDocument]
}

var (
	_ graphql.HandlerExtension          = gate{}
	_ graphql.OperationParameterMutator = gate{}
	_ graphql.OperationContextMutator   = gate{}
	_ graphql.OperationInterceptor      = gate{}
	_ graphql.ResponseInterceptor       = gate{}
)

func (gate) ExtensionName() string                   { return "Limits" }
func (gate) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters checks text and structure.
func (g gate) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if hasNUL(params.Variables) {
		return badCharacter()
	}
	if err := checkBytes(params.Query); err != nil {
		return err
	}
	if _, ok := g.passed.Get(ctx, params.Query); ok {
		return nil
	}
	return checkDocument(params.Query, g.cfg.Introspection)
}

// MutateOperationContext checks the cost.
func (g gate) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	limit, actual := g.cfg.Cost(ctx), cost(op)
	op.Stats.SetExtension(costKey, actual)
	if actual > limit {
		return exceeded(CodeCost, limit, actual,
			"The operation costs %d points; at most %d are allowed. Ask for fewer objects, with a smaller first or fewer nested lists.", actual, limit)
	}
	return nil
}

const costKey = "vaktreffen.cost"

// Cost returns what an operation was found to cost, in points; 0 for one that was refused before.
func Cost(op *graphql.OperationContext) int {
	points, _ := op.Stats.GetExtension(costKey).(int)
	return points
}

// InterceptResponse drops errors beyond [MaxErrors].
func (gate) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if resp != nil && len(resp.Errors) > MaxErrors {
		resp.Errors = resp.Errors[:MaxErrors]
	}
	return resp
}

// exceeded is the refusal of a document that has more of something than it may.
func exceeded(code string, limit, actual int, message string, args ...any) *gqlerror.Error {
	return &gqlerror.Error{
		Message:    fmt.Sprintf(message, args...),
		Extensions: map[string]any{"code": code, "limit": limit, "actual": actual},
	}
}

// refused is the refusal of something of which a document may have none.
func refused(code, message string) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": code}}
}
