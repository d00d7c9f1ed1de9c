package documents

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// Manifest is the set of trusted documents by [Hash].
type Manifest map[string]string

// ReadManifest reads a JSON object of hashes and documents, as relay-compiler
// and graphql-codegen write it with SHA-256; "sha256:" may stand before a hash.
// It fails on a hash that is not the document's, and on a document that this
// schema cannot answer.
func ReadManifest(content []byte, schema *ast.Schema) (Manifest, error) {
	var entries map[string]string
	if err := json.Unmarshal(content, &entries); err != nil {
		return nil, fmt.Errorf("a manifest is a JSON object of hashes and documents: %w", err)
	}
	m := make(Manifest, len(entries))
	for id, document := range entries {
		hash := strings.TrimPrefix(id, "sha256:")
		if Hash(document) != hash {
			return nil, fmt.Errorf("%s is not the SHA-256 of its document", id)
		}
		if err := check(document, schema); err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		m[hash] = document
	}
	return m, nil
}

// ManifestOf makes a manifest of the .graphql files of a folder. Each file is
// one document.
func ManifestOf(folder fs.FS, schema *ast.Schema) (Manifest, error) {
	names, err := fs.Glob(folder, "*.graphql")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there are no .graphql files")
	}
	m := make(Manifest, len(names))
	for _, name := range names {
		document, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		if err := check(string(document), schema); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		m[Hash(string(document))] = string(document)
	}
	return m, nil
}

// JSON returns the manifest as [ReadManifest] reads it, in the order of the hashes.
func (m Manifest) JSON() []byte {
	entries := make(map[string]string, len(m))
	for hash, document := range m {
		entries["sha256:"+hash] = document
	}
	content, err := json.MarshalIndent(entries, "", "  ")
	if err != nil {
		panic(err) // a map of texts
	}
	return append(content, '\n')
}

func check(document string, schema *ast.Schema) error {
	parsed, err := parser.ParseQuery(&ast.Source{Input: document})
	if err != nil {
		return err
	}
	if errs := validator.ValidateWithRules(schema, parsed, rules.NewDefaultRules()); len(errs) > 0 {
		return errs
	}
	return nil
}
