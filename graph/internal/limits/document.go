package limits

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"
)

func checkBytes(query string) *gqlerror.Error {
	if len(query) > MaxBytes {
		return exceeded(CodeBytes, MaxBytes, len(query),
			"The document has %d bytes; at most %d are allowed. Send values as variables.", len(query), MaxBytes)
	}
	return nil
}

// checkDocument checks a document that has not been validated: fragments may be
// missing, unused or spread in circles. One that does not parse is left to the
// executor, which says why.
func checkDocument(query string, introspection bool) *gqlerror.Error {
	if tokens := countTokens(query); tokens > MaxTokens {
		return exceeded(CodeTokens, MaxTokens, tokens,
			"The document has %d tokens; at most %d are allowed. Split it into several requests.", tokens, MaxTokens)
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, MaxTokens)
	if err != nil {
		return nil
	}
	return newStructure(doc).check(introspection)
}

// countTokens counts to the end or to what is not a token.
func countTokens(query string) int {
	lex := lexer.New(&ast.Source{Input: query})
	for n := 0; ; n++ {
		token, err := lex.ReadToken()
		if err != nil || token.Kind == lexer.EOF {
			return n
		}
	}
}

func badCharacter() *gqlerror.Error {
	return refused(CodeCharacter, "The request has a text with the character U+0000, which no text may contain: remove it.")
}

// hasNUL looks for U+0000 in a variable, wherever it is: the WebSocket's
// decoder lets it through, and no database column takes it.
func hasNUL(value any) bool {
	switch value := value.(type) {
	case string:
		return strings.ContainsRune(value, 0)
	case map[string]any:
		for key, child := range value {
			if hasNUL(key) || hasNUL(child) {
				return true
			}
		}
	case []any:
		for _, child := range value {
			if hasNUL(child) {
				return true
			}
		}
	}
	return false
}
