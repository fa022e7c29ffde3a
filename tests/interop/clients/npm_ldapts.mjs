// npm's ldapts: one promise an operation, one class an error.
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import * as ldapts from "ldapts";

const campus = JSON.parse(process.env.CAMPUS);
const { suffix, people, groups } = campus;
const tlsOptions = { ca: [readFileSync(campus.ca)] };
const dnOf = (uid) => `uid=${uid},${people}`;

function that(sentence, isSo, found = "") {
  console.log(isSo ? `ok ${sentence}` : `not ok ${sentence}: ${JSON.stringify(found)}`);
}

function equal(sentence, found, expected) {
  that(sentence, isDeepStrictEqual(found, expected), { found, expected });
}

// A promise must be refused with an error of this class and code.
async function refused(sentence, promise, name, code) {
  const error = await promise.then(() => ({ name: "none" }), (error) => error);
  equal(sentence, [error.name, error.code], [name, code]);
  return error;
}

// Runs `steps` on a connection that is ended in any case: an open one keeps Node.js alive.
async function withClient(name, pin, steps, options = {}) {
  const client = new ldapts.Client({ url: campus.tls_url, tlsOptions, ...options });
  try {
    if (name) {
      await client.bind(name, pin);
    }
    await steps(client);
  } finally {
    await client.unbind();
  }
}

const asService = (steps) => withClient(...campus.service, steps);
const asRoot = (steps) => withClient(...campus.root, steps);
const asMember = (uid, steps) => withClient(dnOf(uid), campus.pins[uid], steps);
const whoami = async (client) => (await client.exop("1.3.6.1.4.1.4203.1.11.3")).value;

// The values of one attribute in all that a search finds, sorted.
async function valuesOf(client, attribute, filter, base = groups) {
  const { searchEntries } = await client.search(base, { filter, attributes: [attribute] });
  return searchEntries.flatMap((entry) => entry[attribute]).sort();
}

function change(operation, type, ...values) {
  return new ldapts.Change({ operation, modification: new ldapts.Attribute({ type, values }) });
}

async function logIns() {
  for (const uid of ["ada", "rene"]) {
    await asMember(uid, async (client) => equal(`${uid} logs in`, await whoami(client), `dn:${dnOf(uid)}`));
  }
  await withClient(null, null, async (client) => {
    await refused("a wrong PIN", client.bind(dnOf("ada"), "wrong"), "InvalidCredentialsError", 49);
    await refused("an unknown name", client.bind(dnOf("nobody"), "wrong"), "InvalidCredentialsError", 49);
    const disabled = client.bind(dnOf("disabled"), campus.pins.disabled);
    await refused("a disabled account", disabled, "InvalidCredentialsError", 49);
    await refused("a name that is none", client.bind("what is this?", "wrong"), "InvalidDNSyntaxError", 34);
  });
  await withClient(null, null, async (client) => {
    await client.bind("PLAIN", `\0mary\0${campus.pins.mary}`);
    equal("SASL PLAIN logs in by a bare UID", await whoami(client), `dn:${dnOf("mary")}`);
  });
  await withClient(null, null, async (client) => {
    await client.startTLS({ ...tlsOptions });
    await client.bind(...campus.service);
    equal("StartTLS is verified, and a log-in goes over it", await whoami(client), `dn:${campus.service[0]}`);
  }, { url: campus.url, tlsOptions: undefined });
  const stranger = new ldapts.Client({ url: campus.tls_url });
  await refused("nobody talks to a server whose authority is unknown", stranger.bind("", ""), "Error",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
}

async function readGroups(client) {
  const [ada, ofAda] = [dnOf("ada"), campus.groups_of_ada];
  equal("groups by member", await valuesOf(client, "cn", `(member=${ada})`), ofAda.member);
  equal("groups by uniqueMember", await valuesOf(client, "cn", `(uniqueMember=${ada})`), ofAda.uniqueMember);
  equal("groups by memberUid", await valuesOf(client, "cn", "(memberUid=ada)"), ofAda.memberUid);
  const around = await valuesOf(client, "cn", `(member:1.2.840.113556.1.4.1941:=${ada})`);
  equal("groups in groups", around, ofAda.around);
  equal("memberOf", await valuesOf(client, "memberOf", "(uid=ada)", ada), ofAda.memberOf);
}

async function searches(client) {
  const all = { filter: "(objectClass=*)", attributes: ["uid"] };
  const whole = await client.search(suffix, { ...all, paged: { pageSize: 5 } });
  const names = whole.searchEntries.map((entry) => entry.dn);
  equal("pages bring everything once", [names.length, new Set(names).size], [campus.entries, campus.entries]);
  equal("and refer nobody elsewhere", whole.searchReferences, []);
  const sizes = [];
  for await (const page of client.searchPaginated(people, { ...all, filter: "(employeeType=student)", paged: { pageSize: 6 } })) {
    sizes.push(page.searchEntries.length);
  }
  equal("they come one by one", sizes, [6, 6, 5]);
  const filter = new ldapts.AndFilter({ filters: [
    new ldapts.EqualityFilter({ attribute: "sn", value: "山田" }),
    new ldapts.NotFilter({ filter: new ldapts.PresenceFilter({ attribute: "title" }) }),
    new ldapts.SubstringFilter({ attribute: "uid", initial: "ya", any: ["ma"], final: "a" }),
  ] });
  equal("a filter that is built is understood", await valuesOf(client, "cn", filter, people), ["太郎 山田"]);
  const many = Array.from({ length: 20 }, () => client.search(people, { filter: "(uid=ada)", attributes: ["uid"] }));
  const found = (await Promise.all(many)).map((result) => result.searchEntries.length);
  equal("twenty searches at once are answered", found, Array(20).fill(1));
}

async function failures(client) {
  await refused("what is not there", client.search(`ou=nowhere,${suffix}`), "NoSuchObjectError", 32);
  await refused("outside of the suffix no referral", client.search("dc=elsewhere"), "NoSuchObjectError", 32);
  const { searchEntries } = await client.search(suffix, { filter: "(objectClass=*)", sizeLimit: 3 });
  equal("a size limit gives what there is until then", searchEntries.length, 3);
  const unknown = new ldapts.Control("1.2.3.4.5", { critical: true });
  const critical = client.search(suffix, { filter: "(uid=ada)" }, unknown);
  await refused("an unknown critical control", critical, "UnavailableCriticalExtensionError", 12);
  const passedOver = await client.search(suffix, { filter: "(uid=ada)" }, new ldapts.Control("1.2.3.4.5"));
  equal("one that is not critical is passed over", passedOver.searchEntries.length, 1);
  await refused("an unknown extension", client.exop("1.2.3.4.5"), "ProtocolError", 2);
  equal("after all that it is mary still", await whoami(client), `dn:${dnOf("mary")}`);
}

async function ownEntry(client) {
  const own = dnOf("grace");
  await client.modify(own, [change("replace", "telephoneNumber", "+49 30 4711"), change("add", "preferredLanguage", "de")]);
  equal("a member changes her own number", await valuesOf(client, "telephoneNumber", "(uid=grace)", own), ["+49 30 4711"]);
  const title = client.modify(own, change("replace", "title", "Queen"));
  const error = await refused("and not her title", title, "InsufficientAccessError", 50);
  that("in words that help", error.message.includes("title: you may not write it"), error.message);
}

async function writes(client) {
  const [dn, moved, lab] = [`uid=new,${people}`, `uid=newer,${suffix}`, `cn=lab,${groups}`];
  const entry = { objectClass: ["inetOrgPerson"], cn: "Neu", sn: "Ling" };
  await client.add(dn, entry);
  await refused("an entry is added only once", client.add(dn, entry), "AlreadyExistsError", 68);
  const photograph = Buffer.from([0xff, 0xd8, 0, 0xff]);
  await client.modify(dn, [change("add", "title", "Dr."), change("replace", "sn", "Änderung"), change("add", "jpegPhoto", photograph)]);
  const { searchEntries } = await client.search(dn, { attributes: ["jpegPhoto"], explicitBufferAttributes: ["jpegPhoto"] });
  that("a photograph arrives whole", photograph.equals(searchEntries[0].jpegPhoto), searchEntries[0]);
  equal("compare is true", await client.compare(dn, "sn", "änderung"), true);
  equal("or false", await client.compare(dn, "sn", "Ling"), false);
  const half = [change("replace", "title", "Prof."), change("delete", "description")];
  await refused("half a change", client.modify(dn, half), "NoSuchAttributeError", 16);
  equal("is none", await valuesOf(client, "title", "(objectClass=*)", dn), ["Dr."]);
  await refused("a person without a surname", client.modify(dn, change("delete", "sn")), "ObjectClassViolationError", 65);
  await client.modifyDN(dn, moved);
  equal("it is renamed and moved", await valuesOf(client, "uid", "(objectClass=*)", moved), ["newer"]);
  await client.modify(lab, change("add", "member", moved));
  await client.del(moved);
  await refused("what is deleted is gone", client.del(moved), "NoSuchObjectError", 32);
  const members = await valuesOf(client, "member", "(objectClass=*)", lab);
  that("also from its group", !members.includes(moved), members);
  await refused("what has entries below stays", client.del(people), "NotAllowedOnNonLeafError", 66);
}

await logIns();
await asService(readGroups);
await asService(searches);
await asMember("mary", failures);
await asMember("grace", ownEntry);
await asRoot(writes);
