// Every page, looked at: axe-core on wide and narrow screens and in the dark, nothing to scroll sideways, nothing from elsewhere.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], resultTypes: ['violations'] };
const colours = { runOnly: { type: 'rule', values: ['color-contrast'] }, resultTypes: ['violations'] };
const wide = { width: 1280, height: 900 };
const narrow = { width: 320, height: 700 };
const pages = 2; // that are open at the same time

export async function look(browser, site) {
  const wrong = [];
  const visits = Object.entries(site.links).flatMap(([name, link]) =>
    (link.only ? [link.only] : ['nl', 'de', 'en']).map((language) => ({ name, link, language })),
  );
  const queue = visits[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: pages }, async () => {
      const context = await browser.newContext({ viewport: wide });
      const page = await context.newPage();
      for (const visit of queue) {
        try {
          for (const problem of await looked(context, page, site, visit)) wrong.push(`${visit.name}, ${visit.language}: ${problem}`);
        } catch (error) {
          wrong.push(`${visit.name}, ${visit.language}: ${error.message}`);
        }
      }
    }),
  );
  return wrong;
}

async function looked(context, page, site, { name, link, language }) {
  const wrong = [];
  const { origin } = new URL(link.path, site.url);
  const heard = (message) => {
    // Chromium writes the status of an answer into the console too, and that is checked by itself.
    if (!message.text().startsWith('Failed to load resource: the server responded')) wrong.push(`console: ${message.text()}`);
  };
  const asked = (request) => {
    const url = new URL(request.url());
    if (url.protocol !== 'data:' && url.origin !== origin) wrong.push(`asks for ${request.url()}`);
  };
  page.on('console', heard).on('request', asked);
  try {
    await context.clearCookies();
    if (link.as) await context.addCookies([{ name: 'vaktreffen', value: link.as, url: site.url }]);
    await page.setViewportSize(wide);
    const status = (await page.goto(address(site, link, language))).status();
    if (status !== link.status) wrong.push(`status ${status}, not ${link.status}`);
    if (link.press) {
      for (const [field, value] of Object.entries(link.fill ?? {})) await page.fill(field, value);
      const answer = page.waitForResponse((response) => response.request().isNavigationRequest() && response.status() !== 303);
      await page.click(link.press);
      const pressed = (await answer).status();
      await page.waitForLoadState();
      if (pressed !== link.pressed) wrong.push(`status ${pressed} after pressing the button, not ${link.pressed}`);
    }
    const written = await page.getAttribute('html', 'lang');
    if (written !== language) wrong.push(`says that it is in ${written}`);
    if (!(await page.title())) wrong.push('has no title');
    await page.evaluate(axe);
    wrong.push(...(await broken(page, rules, 'wide')));
    await keep(page, name, language, 'wide');
    await page.setViewportSize(narrow);
    wrong.push(...(await broken(page, rules, 'narrow')));
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (overflow > 0) wrong.push(`is ${overflow} pixels too wide for a narrow screen`);
    await keep(page, name, language, 'narrow');
    await page.emulateMedia({ colorScheme: 'dark' });
    wrong.push(...(await broken(page, colours, 'dark')));
    await page.emulateMedia({ colorScheme: null });
  } finally {
    page.off('console', heard).off('request', asked);
  }
  return wrong;
}

// address is where the page is, in the language. A page that has only one language is not asked for it.
function address(site, link, language) {
  const url = new URL(link.path, site.url);
  if (!link.only) url.searchParams.set('lang', language);
  return url.href;
}

async function broken(page, options, where) {
  // A mail in its frame is the sender's, and runs no scripts, not even these.
  const { violations } = await page.evaluate((options) => globalThis.axe.run(document, { iframes: false, ...options }), options);
  return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${where}: ${id}: ${help}: ${node.html.slice(0, 200)} ${node.any[0]?.message ?? ''}`));
}

async function keep(page, name, language, width) {
  if (!process.env.PICTURES) return;
  await page.screenshot({ path: join(process.env.PICTURES, `${name.replace(/[^a-z]+/g, '-')}.${language}.${width}.png`), fullPage: true });
}
