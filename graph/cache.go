package graph

import (
	"bytes"
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/json"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"github.com/vaktreffen/vaktreffen/db"
)

// responseCache keeps the answers of public operations as long as nothing that is published changes. The revision is read from
// the database for each request, and before the data, so that no answer lacks a change that was committed before its request
// came. Answers are in one language for everybody, so the key is the operation alone.
type responseCache struct {
	db    *db.DB
	limit int // in bytes

	mu     sync.Mutex
	kept   map[cacheKey]*list.Element
	recent *list.List // of *keptAnswer, the latest used first
	size   int
}

// cacheKey is a hash of the document, the name of the operation and its variables.
type cacheKey [sha256.Size]byte

type keptAnswer struct {
	key      cacheKey
	revision int64
	data     []byte
}

// costOfKeeping is about what an answer takes besides its bytes.
const costOfKeeping = 300

func newResponseCache(d *db.DB, limit int) *responseCache {
	return &responseCache{db: d, limit: limit, kept: map[cacheKey]*list.Element{}, recent: list.New()}
}

// around answers from the cache where it can, and keeps answers without errors.
func (c *responseCache) around(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	if !public(ctx, op) {
		return next(ctx)
	}
	key, ok := keyOf(op)
	if !ok {
		return next(ctx)
	}
	revision, err := c.db.Revision(ctx)
	if err != nil {
		return next(ctx) // which says what is wrong with the database
	}
	if data, ok := c.get(key, revision); ok {
		return graphql.OneShot(&graphql.Response{Data: data})
	}
	respond := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		response := respond(ctx)
		if response != nil && response.Data != nil && len(response.Errors) == 0 && len(response.Extensions) == 0 {
			c.put(key, revision, response.Data)
		}
		return response
	}
}

func keyOf(op *graphql.OperationContext) (key cacheKey, ok bool) {
	variables, err := json.Marshal(op.Variables)
	if err != nil {
		return key, false
	}
	hash := sha256.New()
	for _, part := range [][]byte{[]byte(op.RawQuery), {0}, []byte(op.OperationName), {0}, variables} { // no text holds U+0000
		hash.Write(part)
	}
	hash.Sum(key[:0])
	return key, true
}

// get returns the answer that was kept under exactly this revision.
func (c *responseCache) get(key cacheKey, revision int64) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.kept[key]
	if !ok || e.Value.(*keptAnswer).revision != revision {
		return nil, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(*keptAnswer).data, true
}

// put keeps an answer in place of an older one, and lets go of those that were not used for longest.
func (c *responseCache) put(key cacheKey, revision int64, data []byte) {
	if len(data)+costOfKeeping > c.limit {
		return
	}
	data = bytes.Clone(data)
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.kept[key]; ok {
		if e.Value.(*keptAnswer).revision > revision {
			return // another request was faster, and has seen more
		}
		c.drop(e)
	}
	c.kept[key] = c.recent.PushFront(&keptAnswer{key, revision, data})
	for c.size += len(data) + costOfKeeping; c.size > c.limit; {
		c.drop(c.recent.Back())
	}
}

func (c *responseCache) drop(e *list.Element) {
	a := c.recent.Remove(e).(*keptAnswer)
	delete(c.kept, a.key)
	c.size -= len(a.data) + costOfKeeping
}
