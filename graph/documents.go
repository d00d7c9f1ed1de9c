package graph

import (
	"io/fs"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/vaktreffen/vaktreffen/graph/internal/documents"
	"github.com/vaktreffen/vaktreffen/graph/internal/exec"
)

// Documents are the operations that an operator trusts, as [ReadManifest] returns them.
type Documents = documents.Manifest

// ReadManifest reads trusted documents: a JSON object of SHA-256 hashes and documents. It fails on a hash that is not the
// document's, and on a document that this program cannot answer.
func ReadManifest(content []byte) (Documents, error) {
	return documents.ReadManifest(content, schema())
}

// ManifestOf makes the manifest of the .graphql files of a folder, each of which is one document.
func ManifestOf(folder fs.FS) ([]byte, error) {
	m, err := documents.ManifestOf(folder, schema())
	if err != nil {
		return nil, err
	}
	return m.JSON(), nil
}

// schema is the one that the program was built with.
func schema() *ast.Schema { return exec.NewExecutableSchema(exec.Config{}).Schema() }
