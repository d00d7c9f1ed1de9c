// Package documents finds the documents that requests name instead of sending
// them.
//
//	documentId                   trusted documents (GraphQL over HTTP, appendix A): "sha256:" and 64 hexadecimal digits
//	extensions.persistedQuery    Apollo's automatic persisted queries: a hash first, hash and text once it is not found
//
// Trusted documents come from a [Manifest] that the operator hands over. A server
// that runs nothing else refuses every text that is not among them. Other
// servers remember the documents that clients send with their hash, a bounded
// number of them, and only those that have passed validation and limits.
package documents

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/lru"

	"github.com/vaktreffen/vaktreffen/graph/internal/transport"
)

// The codes of refusals, in extensions.code. Apollo's clients know the first.
const (
	CodeNotFound     = "PERSISTED_QUERY_NOT_FOUND"
	CodeHashMismatch = "PERSISTED_QUERY_HASH_MISMATCH"
	CodeNotTrusted   = "DOCUMENT_NOT_TRUSTED"
	CodeBadRequest   = transport.CodeBadRequest
)

// MaxRemembered is how many documents that clients sent are remembered, the
// latest used. With the largest that the limits allow they take 16 MB.
const MaxRemembered = 1000

// Config says which documents there are.
type Config struct {
	Trusted Manifest
	Only    bool // refuses documents that are not trusted
}

// Install lets srv find documents by their hash. It has to come before the
// limits, which look at the text.
func Install(srv *handler.Server, cfg Config) {
	srv.Use(finder{cfg: cfg, remembered: lru.New[string](MaxRemembered)})
}

// Hash returns the hash that names a document: SHA-256 in lower-case hexadecimal.
func Hash(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}

// finder is the extension that puts the text into each request that names it.
type finder struct {
	cfg        Config
	remembered graphql.Cache[string] // by hash
}

var (
	_ graphql.HandlerExtension          = finder{}
	_ graphql.OperationParameterMutator = finder{}
	_ graphql.OperationContextMutator   = finder{}
)

func (finder) ExtensionName() string                   { return "Documents" }
func (finder) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters finds the text of a named document.
func (f finder) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if id, ok := params.Extensions[transport.DocumentID].(string); ok {
		if params.Query != "" {
			return refused(CodeBadRequest, "The request has both a document and the id of one: send only one of them.")
		}
		if params.Query, ok = f.find(ctx, strings.TrimPrefix(id, "sha256:")); !ok {
			return refused(CodeNotFound, "There is no document with this documentId: send the document itself, or have it added to the trusted ones.")
		}
		return nil
	}
	hash, named, err := persistedQuery(params)
	switch {
	case err != nil:
		return err
	case named && params.Query == "":
		var ok bool
		if params.Query, ok = f.find(ctx, hash); !ok {
			return refused(CodeNotFound, "PersistedQueryNotFound") // the very word that Apollo's clients look for
		}
		return nil
	case named && Hash(params.Query) != hash:
		return refused(CodeHashMismatch, "The hash is not that of the document: send the SHA-256 of the text as it is sent.")
	}
	if f.cfg.Only {
		if _, trusted := f.cfg.Trusted[Hash(params.Query)]; !trusted {
			return refused(CodeNotTrusted, "This server runs trusted documents alone: send the documentId of one of them.")
		}
	}
	return nil
}

// MutateOperationContext remembers a document that came with its hash.
func (f finder) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if f.cfg.Only {
		return nil
	}
	hash, named, _ := persistedQuery(&graphql.RawParams{Extensions: op.Extensions})
	if _, other := op.Extensions[transport.DocumentID]; named && !other {
		f.remembered.Add(ctx, hash, op.RawQuery)
	}
	return nil
}

func (f finder) find(ctx context.Context, hash string) (string, bool) {
	if document, ok := f.cfg.Trusted[hash]; ok {
		return document, true
	}
	if f.cfg.Only {
		return "", false
	}
	return f.remembered.Get(ctx, hash)
}

// persistedQuery reads Apollo's extension.
func persistedQuery(params *graphql.RawParams) (hash string, named bool, err *gqlerror.Error) {
	given := params.Extensions[transport.PersistedQuery]
	if given == nil {
		return "", false, nil
	}
	entry, _ := given.(map[string]any)
	hash, _ = entry["sha256Hash"].(string)
	if version, ok := entry["version"].(interface{ Int64() (int64, error) }); ok && hash != "" {
		if n, err := version.Int64(); err == nil && n == 1 {
			return hash, true, nil
		}
	}
	return "", false, refused(CodeBadRequest, "The extension persistedQuery needs version 1 and a sha256Hash.")
}

func refused(code, message string) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": code}}
}
