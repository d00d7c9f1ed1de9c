#!/usr/bin/env bash
# Holds the schema and the operations of clients to the tools that clients use: bash .ci/contract/check.sh, after npm ci there.
# The schema is compared with that of the last tag; without a tag, with the one on main, and on main with the commit before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export PATH="$PWD/node_modules/.bin:$PATH"
schema=../../schema.graphqls

rm -rf made
mkdir -p made/relay
(cd ../.. && eslint --max-warnings 0 -c .ci/contract/eslint.config.js schema.graphqls)

known=$(git describe --tags --abbrev=0 2>/dev/null || git merge-base HEAD main 2>/dev/null || git merge-base HEAD origin/main 2>/dev/null || true)
if [ "$known" = "$(git rev-parse HEAD)" ]; then
	known=$(git rev-parse --verify --quiet HEAD^ || true)
fi
if [ -n "$known" ] && git show "$known:schema.graphqls" >made/known.graphqls 2>/dev/null; then
	node compare.mjs made/known.graphqls $schema breaking.txt
fi

graphql-codegen --config codegen.js --silent
tsc --strict --noEmit made/operations.ts made/schema.ts

cp $schema made/schema.graphql # relay-compiler knows a schema by this suffix
relay-compiler relay.config.json >made/relay.log 2>&1 || { cat made/relay.log; exit 1; }
