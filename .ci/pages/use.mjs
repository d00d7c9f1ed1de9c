// The pages used as somebody does whose browser runs no scripts: each main form is filled in and sent, and what it did is seen.
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function use(browser, site) {
  const wrong = [];
  for (const [deed, act] of Object.entries(deeds)) {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 320, height: 700 } });
    try {
      await act(await reader(context, site));
    } catch (error) {
      wrong.push(`without scripts: ${deed}: ${error.message}`);
    }
    await context.close();
  }
  return wrong;
}

// reader is somebody with a browser. Texts are those of the pages in English.
async function reader(context, site) {
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  return {
    page,
    async open(name) {
      const link = site.links[name];
      if (link.as) await context.addCookies([{ name: 'vaktreffen', value: link.as, url: site.url }]);
      const url = new URL(link.path, site.url);
      url.searchParams.set('lang', 'en');
      await page.goto(url.href);
    },
    press: (name) => page.getByRole('button', { name, exact: true }).click(),
    fill: (name, value) => page.getByLabel(name).fill(value),
    async sees(text, where = 'main') {
      await page.locator(where).filter({ hasText: text }).first().waitFor();
    },
    async missing(text) {
      if ((await page.locator('main').innerText()).includes(text)) throw new Error(`the page still says ${text}`);
    },
  };
}

const deeds = {
  async 'answering an invitation'({ open, press, sees }) {
    await open('invitation to answer');
    await press('Yes, I will come');
    await sees('You are coming.', '.band');
    await open('invitation to answer');
    await sees('You are coming.', '.band');
    await press('No, I will not come');
    await sees('You are not coming.', '.band');
  },
  async 'giving up a place'({ open, press, sees }) {
    await open('place to give up');
    await sees('You are coming.', '.band');
    await press('Give up my place');
    await sees('Your registration has been cancelled.', '.band');
  },
  async 'taking a place that is offered'({ open, press, sees }) {
    await open('offer to take');
    await sees('A place is available for you.', '.band');
    await press('Yes, I accept the place');
    await sees('You are coming.', '.band');
  },
  async 'filling in an intake'({ page, open, fill, press, sees }) {
    await open('intake to fill in');
    await fill('Welke casus brengt u in?', 'Een fietspad.');
    await page.getByLabel('Ik begin net').check();
    await page.getByLabel('No', { exact: true }).check();
    await press('Save the answers');
    await sees('Give an answer.', '.problem'); // the invoice
    await fill('Organisation that pays', 'Gemeente Groningen');
    await fill('Address of the invoice', 'Grote Markt 1\n9712 HN Groningen');
    await press('Save the answers');
    await sees('You are coming.', '.band');
  },
  async 'choosing who may see the name'({ page, open, press }) {
    await open('own code');
    await page.getByLabel('Everybody').check();
    await press('Save');
    await open('own code');
    if (!(await page.getByLabel('Everybody').isChecked())) throw new Error('the choice was not kept');
  },
  async 'naming a delegation'({ page, open, fill, press, sees, missing }) {
    await open('delegation to name');
    await page.getByLabel('Emil Entwurf').check();
    await fill('Name 1', 'Neele Neu');
    await fill('E-mail address 1', 'neele.neu@example.org');
    await press('Register');
    await sees('Emil Entwurf', '.places');
    await sees('Neele Neu', '.places');
    await missing('You have not registered anybody yet.');
  },
  async 'giving feedback'({ page, open, fill, press, sees }) {
    await open('feedback to give');
    await page.locator('fieldset').first().getByLabel('5 – very good').check();
    await fill(/anything else/i, 'Graag weer.');
    await press('Send the answer');
    await sees('Thank you', '.band');
  },
  async 'marking an action done'({ open, fill, press, sees }) {
    await open('action to do');
    await fill('Note', 'Gebeld.');
    await press('This is done');
    await sees('You have no open actions.');
    await sees('Gebeld.');
  },
  async 'checking somebody in'({ page, open, fill, press, sees }) {
    await open('check-in');
    await fill('Name or organisation', 'emil');
    await press('Search');
    await press('Check in');
    await sees('Emil Entwurf is checked in.', '.band');
    await page.locator('.band').getByRole('button').click();
    await sees('Emil Entwurf is no longer checked in.', '.band');
  },
  async 'checking somebody in by the code'({ page, open, fill, press, sees }) {
    await open('own code');
    const [code] = /[2-9A-Z]{4}-[2-9A-Z]{4}/.exec(await page.locator('main').innerText());
    await open('check-in');
    await fill('Personal code', code.toLowerCase());
    await press('Check in by code');
    await sees('Martha Muster is checked in.', '.band');
  },
  async 'letting in somebody who is not registered'({ page, open, press, sees }) {
    await open('check-in');
    await page.fill('#name', 'Walter Walkin');
    await page.fill('#organisation', 'Bakkerij');
    await press('Add and check in');
    await sees('Walter Walkin is checked in.', '.band');
  },
  async 'wanting no invitations, and wanting them again'({ page, open, press, sees }) {
    await open('invitation mails to refuse');
    await page.locator('main form button').click();
    await sees('You get no more invitations.', '.band');
    await page.locator('main form button').click();
    await sees('You get invitations.', '.band');
  },
  async 'signing in and out'({ page, open, fill, press, sees }) {
    await open('sign-in');
    await fill('E-mail address', 'wim.willekeurig@example.org');
    await press('Send me a link');
    await sees('Look into your e-mail.', '.band');
    await open('sign-in, link opened');
    await press('Sign in');
    await sees('Daan Demonstratie', 'h1');
    await press('Sign out');
    await sees('Sign in', 'h1');
    await open('sign-in, link opened');
    await sees('This link no longer works.', '.band');
  },
  async 'making another address for the own calendar'({ page, open, press }) {
    await open('own page to leave');
    const before = await page.locator('code').innerText();
    await press('Make a new address');
    if ((await page.locator('code').innerText()) === before) throw new Error('the address is the same');
  },
  async 'signing out everywhere'({ open, press, sees }) {
    await open('own page to leave');
    await press('Sign out everywhere');
    await sees('Sign in', 'h1');
    await open('own page to leave');
    await sees('Sign in', 'h1');
  },
  async 'commenting on a practice and rating it'({ page, open, fill, press, sees, missing }) {
    await open('practice to discuss');
    await fill('Your comment', 'Dit doen wij ook.');
    await press('Publish the comment');
    await sees('Dit doen wij ook.', '.places');
    await page.getByLabel('5 – very good').check();
    await press('Save the rating');
    await open('practice to discuss');
    if (!(await page.getByLabel('5 – very good').isChecked())) throw new Error('the rating was not kept');
    await page.locator('.places button').click();
    await missing('Dit doen wij ook.');
  },
  async 'adding a file to a report and taking it out'({ page, open, fill, press, sees, missing }) {
    const file = join(tmpdir(), `vaktreffen-${process.pid}.txt`);
    writeFileSync(file, 'Dijken\n');
    await open('report, being written');
    await fill('Title', 'Aantekeningen');
    await page.setInputFiles('#file', file);
    await press('Add');
    await sees('Aantekeningen', '.plain');
    await page.getByRole('button', { name: 'Aantekeningen' }).click();
    await missing('Aantekeningen');
  },
  async 'opening a report as a PDF'({ page, open }) {
    await open('report, published');
    await page.getByRole('link', { name: 'The report as a PDF' }).click();
    const shows = () => page.frames().some((frame) => frame.url().startsWith('chrome-extension://')); // Chromium's own viewer
    for (let tries = 0; !shows() && tries < 100; tries++) await page.waitForTimeout(100);
    if (!shows()) throw new Error('the browser does not show it');
  },
  async 'checking a certificate'({ page, open, press, sees }) {
    await open('certificate, valid');
    const code = new URL(page.url()).pathname.split('/').pop();
    await open('certificate, asked for');
    await page.fill('#code', code.toLowerCase());
    await press('Check');
    await sees('This certificate is valid.', '.band');
  },
};
