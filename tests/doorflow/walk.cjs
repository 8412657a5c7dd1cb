// Walks through DoorFlow's own client: `node walk.cjs <folder of node_modules> <base URL> <API key>`.
// Whatever the client cannot read or does not expect ends it with an error; what it saw is printed as JSON.

const assert = require("node:assert/strict");
const { createRequire } = require("node:module");

const [folder, basePath, accessToken] = process.argv.slice(2);
const sdk = createRequire(`${folder}/`)("doorflow");

const tokens = { accessToken, refreshToken: "", expiresAt: Date.now() / 1000 + 3600 };
const storage = { load: async () => tokens, save: async () => {}, clear: async () => {} };
const doorflow = new sdk.DoorFlow({ clientId: "walk", redirectUri: "http://localhost/", storage, basePath });

async function refused(promise) {
  const error = await promise.then(() => assert.fail("it was accepted"), (reason) => reason);
  assert.equal(error.name, "ResponseError", String(error));
  return { status: error.response.status, ...(await error.response.json()) };
}

async function people() {
  const api = doorflow.people;
  const personInput = { firstName: "Ada", lastName: "Lovelace", email: "ada@example.org", systemId: "1815" };
  const ada = await api.createPerson({ personInput: { ...personInput, enabled: true, groupIds: [3] } });
  assert(sdk.instanceOfPerson(ada));
  assert(ada.createdAt instanceof Date && !Number.isNaN(ada.createdAt.getTime()));
  assert.deepEqual([ada.firstName, ada.email, ada.systemId], ["Ada", "ada@example.org", "1815"]);

  // As the client's README writes it.
  const grace = await api.createPerson({ personInput: { person: { first_name: "Grace", last_name: "Hopper" } } });
  assert.equal(grace.firstName, "Grace");

  const found = async (query) => (await api.listPeople(query)).map((person) => person.id);
  assert.deepEqual(await found({}), [ada.id, grace.id]);
  assert.deepEqual(await found({ email: "ADA@example.org" }), [ada.id]);
  assert.deepEqual(await found({ systemId: "1815" }), [ada.id]);
  assert.deepEqual(await found({ perPage: 1, page: 2 }), [grace.id]);
  assert.deepEqual(await found({ skipPagination: true }), [ada.id, grace.id]);
  assert.deepEqual(await found({ since: "2999-01-01T00:00:00Z" }), []);
  assert.deepEqual(await found({ sinceUtc: "2020-01-01T00:00:00Z" }), [ada.id, grace.id]);

  const changed = await api.updatePerson({
    id: ada.id,
    personInput: { lastName: "King", validTo: new Date("2999-01-01") },
  });
  assert.deepEqual([changed.firstName, changed.lastName], ["Ada", "King"]);
  assert.equal(changed.validTo.getUTCFullYear(), 2999);
  const sentBack = await api.updatePerson({ id: ada.id, personInput: await api.getPerson({ id: ada.id }) });
  assert.equal(sentBack.lastName, "King");

  const taken = await refused(api.createPerson({ personInput }));
  const unknown = await refused(api.getPerson({ id: 987654321 }));
  return { ada: ada.id, grace: grace.id, taken, unknown };
}

async function credentials(personId) {
  const api = doorflow.credentials;
  const types = await doorflow.credentialTypes.listCredentialTypes({});
  assert(types.length === 1 && types.every(sdk.instanceOfCredentialType));
  const credentialInput = { personCredential: { credentialTypeId: types[0].id, value: "passflow-id" } };
  const issued = await api.createCredential({ personId, credentialInput });
  assert(sdk.instanceOfCredential(issued));
  assert.deepEqual([issued.status, issued.personId, issued.label], ["invited", personId, types[0].label]);
  const again = await refused(api.createCredential({ personId, credentialInput }));

  const { url, ...shown } = issued;
  const seen = [
    await api.getCredential({ personId, id: issued.id, ackToken: "acknowledged" }),
    (await api.listPersonCredentials({ personId, perPage: 10 }))[0],
    (await api.listAllCredentials({ skipPagination: true }))[0],
    await api.updateCredential({
      personId,
      id: issued.id,
      credentialUpdateInput: { personCredential: { value: "1234" } },
    }),
  ];
  for (const credential of seen) assert.deepEqual(credential, { ...shown, url: undefined });

  const deleted = await api.deleteCredential({ personId, id: issued.id });
  const revoked = await api.getCredential({ personId, id: issued.id });
  assert.equal(revoked.status, "revoked");
  return { id: issued.id, url, again, deleted };
}

async function walk() {
  const seen = await people();
  const credential = await credentials(seen.ada);
  const gone = await doorflow.people.deletePerson({ id: seen.grace });
  assert.deepEqual((await doorflow.people.listPeople({})).map((person) => person.id), [seen.ada]);
  return { ...seen, credential, gone };
}

walk().then((seen) => console.log(JSON.stringify(seen)));
