// Open files in Chromium, and print as JSON what each did, as a list in their order:
//   {"said": messages of its console and errors, "asked": addresses that it requested, "dialogs": texts of its dialogs,
//    "found": what stands in #found, "visible": the rows that are seen of those that the search looks through,
//    "narrow": the width in pixels that a page of 360 takes, "unseen": what the Tab key reaches without a mark of focus,
//    "reached": how much it reaches}
//
// Usage: node open.mjs PACKAGES [--search WORD] [--picture FOLDER] [--dark] FILE...
//   PACKAGES   the folder whose node_modules holds the packages
//   --search   types a word into #search, where a page has it
//   --picture  writes a picture of each page there, FILE.png, FILE.narrow.png and FILE.print.pdf
//   --dark     asks for dark colours

import { createRequire } from 'node:module';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { search: { type: 'string' }, picture: { type: 'string' }, dark: { type: 'boolean', default: false } },
});
const [packages, ...files] = positionals;
const require = createRequire(resolve(packages, 'package.json'));
const load = async (name) => (await import(pathToFileURL(require.resolve(name)))).default;
const chromium = await load('@sparticuz/chromium');
const puppeteer = await load('puppeteer-core');

const browser = await puppeteer.launch({
  args: [...chromium.args, '--no-sandbox'],
  executablePath: await chromium.executablePath(),
  headless: 'shell',
  defaultViewport: { width: 1200, height: 900 },
});
const NARROW = { width: 360, height: 740 };
const TABS = 12;

// Press Tab some times; return how many elements that reached, and those that show no focus.
async function focused(page) {
  const seen = new Set();
  const unseen = [];
  for (let time = 0; time < TABS; time += 1) {
    await page.keyboard.press('Tab');
    const [name, marked] = await page.evaluate(() => {
      const element = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      return [element.outerHTML.slice(0, 80), outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2];
    });
    if (!name.startsWith('<body')) {
      seen.add(name);
      if (!marked) unseen.push(name);
    }
  }
  return [seen.size, unseen];
}

const results = [];
for (const file of files) {
  const address = pathToFileURL(resolve(file)).href;
  const result = { said: [], asked: [], dialogs: [], found: null, visible: null, narrow: 0, reached: 0, unseen: [] };
  const page = await browser.newPage();
  page.on('console', (message) => result.said.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => result.said.push(`error: ${error.message}`));
  page.on('request', (request) => request.url() === address || result.asked.push(request.url()));
  page.on('dialog', (dialog) => {
    result.dialogs.push(dialog.message());
    dialog.dismiss();
  });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: options.dark ? 'dark' : 'light' }]);
  await page.goto(address, { waitUntil: 'load' });
  [result.reached, result.unseen] = await focused(page);
  if (options.search && (await page.$('#search'))) {
    await page.type('#search', options.search);
    result.found = await page.$eval('#found', (element) => element.textContent);
    result.visible = await page.$$eval('tr[data-search]', (rows) => rows.filter((row) => row.offsetHeight).length);
  }
  if (options.picture) {
    await page.screenshot({ path: resolve(options.picture, `${basename(file)}.png`), fullPage: true });
    await page.pdf({ path: resolve(options.picture, `${basename(file)}.print.pdf`), format: 'A4' });
  }
  await page.setViewport(NARROW);
  result.narrow = await page.evaluate(() => document.documentElement.scrollWidth);
  if (options.picture) {
    await page.screenshot({ path: resolve(options.picture, `${basename(file)}.narrow.png`), fullPage: true });
  }
  results.push(result);
  await page.close();
}
console.log(JSON.stringify(results));
await browser.close();
