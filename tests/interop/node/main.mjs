// The service `foreign` in Node: publishes notes, hears what the service `interop` makes of them, and checks all of it.
// Usage: main.mjs AMQP_URI HTTP_BASE

import amqp from 'amqplib';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { Consumer, Publisher } from './wire.mjs';

const NOTED = 'foreign.noted.v1';
const ECHOED = 'interop.echoed.v1';
const LIMIT = 60_000;
const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CONTEXT = {
  traceparent: `00-${TRACE}-b7ad6b7169203331-01`,
  tracestate: 'rojo=00f067aa0ba902b7',
  baggage: 'tenant=blue',
  'x-request-id': 'r-42',
};

const [uri, base] = process.argv.slice(2);
const heard = [];
const waiting = new Map();
const failed = new Set();
const publisher = await Publisher.open(uri, 'foreign');
const echoes = await Consumer.start(uri, {
  service: 'foreign',
  handler: 'echoed',
  owner: 'interop',
  type: ECHOED,
  delays: [1_000],
  handle: async (event, properties) => {
    if (event.text === 'retry me' && !failed.has(event.of)) {
      failed.add(event.of);
      throw new Error('not at the first attempt');
    }
    heard.push({ event, properties });
    waiting.get(event.of)?.({ event, properties });
  },
});
let fleeting;
const fled = new Promise((resolve) => { fleeting = resolve; });
const fleetings = await Consumer.start(uri, {
  service: 'foreign',
  handler: 'fleeting',
  owner: 'interop',
  type: 'interop.fleeting.v1',
  delays: [],
  handle: async (_event, properties) => fleeting(properties),
});
const own = await (await amqp.connect(uri)).createConfirmChannel();

/** Waits for it, but not for ever. */
function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`not within ${LIMIT} ms: ${what}`)), LIMIT); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const note = (text, options = {}) => publisher.publish(NOTED, { author: 'ada', text }, { subject: 'ada', ...options });

function echoOf(id) {
  const there = heard.find(({ event }) => event.of === id);
  return there ?? within(`the echo of ${id}`, new Promise((resolve) => waiting.set(id, resolve)));
}

/** A message that need not be as it should. */
async function raw(content, { id = randomUUID(), key = NOTED, exchange = 'foreign.events', headers = {}, without = [], ...properties } = {}) {
  const all = { cloudEvents_specversion: '1.0', cloudEvents_id: id, cloudEvents_source: '/foreign', cloudEvents_type: key, ...headers };
  for (const name of without) delete all[name];
  const given = { messageId: id, type: key, contentType: 'application/json', deliveryMode: 2, ...properties };
  await publisher.send(exchange, key, content, { ...given, headers: all });
  return id;
}

/** The parked message of that id, taken out of a parking queue. */
async function parkedAs(queue, id) {
  const until = Date.now() + LIMIT;
  while (Date.now() < until) {
    const message = await own.get(queue, { noAck: true });
    if (message) {
      assert.equal(message.properties.messageId, id, `${queue} has another one: ${JSON.stringify(message.properties)}`);
      return message;
    }
  }
  throw new Error(`${id} is not in ${queue} within ${LIMIT} ms`);
}

const json = (value) => Buffer.from(JSON.stringify(value));

async function plainEvent() {
  const began = Date.now();
  const id = await note('hello', { more: CONTEXT });
  const { event, properties } = await echoOf(id);
  assert.deepEqual(event, { of: id, author: 'ada', text: 'hello', attempt: 1, effects: 1, number: null, flag: null });
  const { headers } = properties;
  assert(Object.values(headers).every((value) => typeof value === 'string'), 'headers are long strings');
  assert.match(properties.messageId, UUID7);
  assert.equal(headers.cloudEvents_id, properties.messageId);
  assert.equal(headers.cloudEvents_specversion, '1.0');
  assert.equal(headers.cloudEvents_source, '/interop');
  assert.equal(headers.cloudEvents_type, ECHOED);
  assert.equal(properties.type, ECHOED);
  assert.equal(headers.cloudEvents_subject, 'ada');
  assert.equal(properties.appId, 'interop');
  assert.equal(properties.contentType, 'application/json');
  assert.equal(properties.deliveryMode, 2);
  assert.equal(properties.correlationId, id);
  assert.equal(headers['causation-id'], id);
  const moment = Date.parse(headers.cloudEvents_time);
  assert(headers.cloudEvents_time.endsWith('Z') && Math.abs(moment - began) < LIMIT, headers.cloudEvents_time);
  assert.equal(Math.floor(moment / 1000), properties.timestamp);
  assert.match(headers.traceparent, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
  assert(!headers.traceparent.includes('b7ad6b7169203331'), 'the parent is the span that publishes');
  for (const name of ['tracestate', 'baggage', 'x-request-id']) assert.equal(headers[name], CONTEXT[name]);
}

async function chain() {
  const { event, properties } = await echoOf(await note('chained', { cause: { messageId: 'm-1', correlationId: 'process-7' } }));
  assert.equal(properties.correlationId, 'process-7');
  assert.equal(properties.headers['causation-id'], event.of);
}

async function texts() {
  const odd = ['', 'naïve café', '日本語', '🧶 👩‍🔬', '\u202eright to left', 'quote " \\ / \b\f\n\r\t', 'nul \u0000 within', '\u2028\u2029', 'x'.repeat(100_000)];
  for (const text of odd) {
    const { event } = await echoOf(await note(text));
    assert.equal(event.text, text);
  }
  const author = 'Žofie 🧶';
  const { event, properties } = await echoOf(await raw(json({ author, text: 'signed' }), { headers: { cloudEvents_subject: author } }));
  assert.equal(event.author, author);
  assert.equal(properties.headers.cloudEvents_subject, author);
}

async function lenient() {
  const odd = { 'x-number': 42, 'x-flag': true, 'x-table': { a: 1 }, 'x-list': [1, 'b'], 'x-nothing': null, 'x-long': 'y'.repeat(4_000) };
  const { event } = await echoOf(await raw(json({ author: 'ada', text: 'more', unknown: { a: [1] }, place: null }), { headers: odd }));
  assert.deepEqual([event.number, event.flag], ['42', 'true']);
  for (const contentType of ['application/json; charset=utf-8', 'application/cloudevents+json']) {
    const echoed = await echoOf(await raw(json({ author: 'ada', text: contentType }), { contentType }));
    assert.equal(echoed.event.text, contentType);
  }
  const bare = await echoOf(await raw(json({ author: 'ada', text: 'bare' }), { messageId: undefined, type: undefined, contentType: undefined }));
  assert.equal(bare.event.text, 'bare');
}

async function duplicatesAndExpiry() {
  const id = await raw(json({ author: 'ada', text: 'twice' }));
  await raw(json({ author: 'ada', text: 'twice' }), { id });
  const late = await note('too late', { expiresIn: -1 });
  await echoOf(await note('after those', { expiresIn: LIMIT }));
  const echoes = heard.filter(({ event }) => event.of === id);
  assert.equal(echoes.length, 1, 'the same message twice has one effect');
  assert(!heard.some(({ event }) => event.of === late), 'what has expired is dropped');
}

async function parked() {
  const good = json({ author: 'ada', text: 'malformed' });
  const cases = [
    ['malformed', 'cloudEvents_specversion', good, { without: ['cloudEvents_specversion'] }],
    ['malformed', 'cloudEvents_id', good, { without: ['cloudEvents_id'] }],
    ['malformed', 'cloudEvents_source', good, { without: ['cloudEvents_source'] }],
    ['malformed', 'cloudEvents_type', good, { without: ['cloudEvents_type'] }],
    ['malformed', 'message-id', good, { headers: { cloudEvents_id: 'another' } }],
    ['malformed', 'text/plain', good, { contentType: 'text/plain' }],
    ['undecodable', 'foreign.noted.v1', Buffer.from('{'), {}],
    ['undecodable', 'foreign.noted.v1', Buffer.from([0xff, 0xfe, 0, 1]), {}],
    ['unmatched', 'foreign.other.v1', good, { headers: { cloudEvents_type: 'foreign.other.v1' }, type: 'foreign.other.v1' }],
  ];
  for (const [reason, word, content, options] of cases) {
    const queue = reason === 'unmatched' ? 'interop.noted.unmatched' : 'interop.noted.dlq';
    const message = await parkedAs(queue, await raw(content, options));
    const { headers } = message.properties;
    assert.deepEqual(message.content, content);
    assert.equal(headers['x-chassis-reason'], reason);
    assert(headers['x-chassis-error'].includes(word), `${word} in ${headers['x-chassis-error']}`);
    assert.equal(headers['x-chassis-queue'], 'interop.noted');
    assert.equal(headers['x-chassis-exchange'], 'foreign.events');
    assert.equal(headers['x-chassis-routing-key'], NOTED);
    assert(Date.parse(headers['x-chassis-parked-at']) <= Date.now() + 1_000);
  }
  await echoOf(await note('after all those'));
}

async function failedAndReplayed() {
  const id = await note('stubborn');
  const { properties, content } = await parkedAs('interop.noted.dlq', id);
  assert.equal(properties.headers['x-chassis-reason'], 'failed');
  assert.equal(properties.headers['x-chassis-attempt'], '3');
  const kept = Object.entries(properties.headers).filter(([name]) => !name.startsWith('x-chassis-'));
  const headers = { ...Object.fromEntries(kept), 'x-looked-into': 'yes' };
  own.publish('', 'interop.noted', content, { ...properties, headers, mandatory: true });
  await own.waitForConfirms();
  const { event } = await echoOf(id);
  assert.deepEqual([event.attempt, event.effects], [1, 1]);
}

async function asAConsumer() {
  const { event, properties } = await echoOf(await note('retry me'));
  assert.equal(properties.headers['x-chassis-attempt'], '1');
  assert.equal(properties.headers['x-chassis-routing-key'], ECHOED);
  const count = heard.length;
  await publisher.send('interop.events', ECHOED, json(event), properties);
  const broken = await raw(Buffer.from('{'), { exchange: 'interop.events', key: ECHOED });
  const undecodable = await parkedAs('foreign.echoed.dlq', broken);
  assert.equal(undecodable.properties.headers['x-chassis-reason'], 'undecodable');
  const nameless = await raw(Buffer.from('{}'), { exchange: 'interop.events', key: ECHOED, without: ['cloudEvents_source'] });
  const malformed = await parkedAs('foreign.echoed.dlq', nameless);
  assert.equal(malformed.properties.headers['x-chassis-reason'], 'malformed');
  await echoOf(await note('after those'));
  assert.equal(heard.length, count + 1, 'neither the duplicate nor the broken ones were handled');
}

async function fleetingEvent() {
  const began = Date.now();
  const answer = await fetch(`${base}/fleeting`, { method: 'POST' });
  assert.equal(answer.status, 202);
  const properties = await within('the fleeting event', fled);
  const lives = Number(properties.headers['chassis-expires-at']) - began;
  assert(lives > 55_000 && lives < 65_000 + LIMIT, `worth handling for a minute: ${lives}`);
  assert.equal(properties.correlationId, properties.messageId);
}

const checks = [plainEvent, chain, texts, lenient, duplicatesAndExpiry, parked, failedAndReplayed, asAConsumer, fleetingEvent];
for (const check of checks) await check();
// What was heard is not yet acknowledged: a program that just ended would find it again.
await Promise.all([echoes.close(), fleetings.close()]);
console.log(`passed ${checks.length} checks`);
process.exit(0);
