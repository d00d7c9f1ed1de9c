// Runs every audit of graphql-http against a GraphQL endpoint:
//
//	node audit.mjs http://127.0.0.1:8080/graphql
//
// Exits 1 unless all of them are "ok"; warnings and notices count as failures.
// The endpoint needs introspection, for some audits query __type.
import { serverAudits } from 'graphql-http';

const url = process.argv[2];
if (!url) {
  console.error('usage: node audit.mjs URL');
  process.exit(2);
}

const audits = serverAudits({ url, fetchFn: fetch });
let failed = 0;
for (const audit of audits) {
  const result = await audit.fn();
  if (result.status !== 'ok') {
    failed++;
    console.error(`${result.status} ${result.id} ${result.name}: ${result.reason}`);
  }
}
console.log(`${audits.length - failed} of ${audits.length} audits ok`);
process.exit(failed === 0 && audits.length > 0 ? 0 : 1);
