// Compares the schema with the one that clients know:
//
//	node compare.mjs OLD NEW [STATED]
//
// Exits 1 if a change breaks clients and no line of the text file STATED begins
// with what this script prints for it (a reason may follow on the line).
import { readFileSync } from 'node:fs';
import { buildSchema, findBreakingChanges } from 'graphql';

const [before, after, stated] = process.argv.slice(2);
if (!after) {
  console.error('usage: node compare.mjs OLD NEW [STATED]');
  process.exit(2);
}
const read = (name) => buildSchema(readFileSync(name, 'utf8'));
const lines = stated ? readFileSync(stated, 'utf8').split('\n') : [];

const unstated = findBreakingChanges(read(before), read(after))
  .map(({ type, description }) => `${type}: ${description}`)
  .filter((change) => !lines.some((line) => line.startsWith(change)));
for (const change of unstated) console.error(change);
if (unstated.length > 0) {
  console.error('These changes break clients. Keep what is gone, or state each line above in .ci/contract/breaking.txt with its reason.');
  process.exit(1);
}
