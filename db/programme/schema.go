package programme

import _ "embed" // for Schema

// Schema is the format as JSON Schema, draft 2020-12. It accepts every file that [Parse] accepts, but cannot state
// all the rules.
//
//go:embed programme.schema.json
var Schema []byte
