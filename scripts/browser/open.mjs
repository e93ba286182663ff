// Open files in Chromium, and print as JSON what each did, as a list in their order:
//   {"said": messages of its console and errors, "asked": addresses that it requested, "dialogs": texts of its dialogs,
//    "found": what stands in #found, "visible": the rows of #resources that are seen}
//
// Usage: node open.mjs PACKAGES [--search WORD] [--picture FOLDER] [--dark] FILE...
//   PACKAGES   the folder whose node_modules holds the packages
//   --search   types a word into #search, where a page has it
//   --picture  writes a picture of each page there, FILE.png

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
const results = [];
for (const file of files) {
  const address = pathToFileURL(resolve(file)).href;
  const result = { said: [], asked: [], dialogs: [], found: null, visible: null };
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
  if (options.search && (await page.$('#search'))) {
    await page.type('#search', options.search);
    result.found = await page.$eval('#found', (element) => element.textContent);
    result.visible = await page.$$eval('#resources tbody tr', (rows) => rows.filter((row) => row.offsetHeight).length);
  }
  if (options.picture) {
    await page.screenshot({ path: resolve(options.picture, `${basename(file)}.png`), fullPage: true });
  }
  results.push(result);
  await page.close();
}
console.log(JSON.stringify(results));
await browser.close();
