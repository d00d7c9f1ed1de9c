// Opens every page that it is told of, in every language, at both widths, and uses some of them without scripts:
//
//	node browse.mjs <site.json
//
// Exits 1 when a page breaks a rule or does not do what its button says. PICTURES names a folder for a picture of each page.
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { look } from './look.mjs';
import { use } from './use.mjs';

const site = JSON.parse(readFileSync(0, 'utf8'));
const began = Date.now();
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const wrong = [];
try {
  wrong.push(...(await look(browser, site)), ...(await use(browser, site)));
} finally {
  await browser.close();
}
for (const problem of wrong) console.error(problem);
console.log(`${Object.keys(site.links).length} pages: ${wrong.length} problems, ${((Date.now() - began) / 1000).toFixed(1)} s`);
process.exit(wrong.length === 0 ? 0 : 1);
