// amqplib, used as well as it can be: confirms by callback and not by promise, the window refilled as they come,
// acknowledgements that stand for half of the prefetch. The messages are events as docs/wire.md has them.

import amqp from 'amqplib';
import { randomBytes } from 'node:crypto';

const EXCHANGE = 'bench.events';
const KEY = 'bench.sent.v1';
const QUEUE = 'bench.sent';

const number = (name) => {
  const value = Number(process.env[name]);
  if (!Number.isInteger(value)) throw new Error(`${name} is not a number`);
  return value;
};
const messages = number('BENCH_MESSAGES');
const window = number('BENCH_WINDOW');

function begin() {
  return { time: process.hrtime.bigint(), cpu: process.cpuUsage() };
}

function end(span) {
  const seconds = Number(process.hrtime.bigint() - span.time) / 1e9;
  const { user, system } = process.cpuUsage(span.cpu);
  console.log(JSON.stringify({ messages, seconds, cpu: (user + system) / 1e6 }));
}

function body() {
  const begun = '{"number":100000000,"sent":1000000000000000,"text":"';
  return Buffer.from(begun + 'x'.repeat(256 - begun.length - 2) + '"}');
}

const prefix = (() => {
  const millis = Date.now().toString(16).padStart(12, '0');
  const random = randomBytes(4).toString('hex');
  return `${millis.slice(0, 8)}-${millis.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-`;
})();
let next = 0;

function options() {
  next += 1;
  const id = prefix + next.toString(16).padStart(12, '0');
  return {
    messageId: id,
    correlationId: id,
    type: KEY,
    contentType: 'application/json',
    appId: 'bench',
    deliveryMode: 2,
    timestamp: 1790000000,
    headers: {
      cloudEvents_specversion: '1.0',
      cloudEvents_id: id,
      cloudEvents_source: '/bench',
      cloudEvents_type: KEY,
      cloudEvents_time: '2026-11-21T12:00:00.000Z',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
    },
  };
}

function send(channel, content, count) {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let confirmed = 0;
    const confirm = (error) => {
      if (error) return reject(error);
      confirmed += 1;
      if (confirmed === count) return resolve();
      fill();
    };
    const fill = () => {
      while (sent < count && sent - confirmed < window) {
        sent += 1;
        channel.publish(EXCHANGE, KEY, content, options(), confirm);
      }
    };
    fill();
  });
}

async function publish(connection) {
  const channel = await connection.createConfirmChannel();
  const content = body();
  await send(channel, content, window);
  const span = begin();
  await send(channel, content, messages);
  end(span);
}

async function consume(connection) {
  const channel = await connection.createChannel();
  await channel.prefetch(window);
  const each = Math.max(1, Math.floor(window / 2));
  await new Promise((resolve, reject) => {
    let span;
    let count = 0;
    const handle = (message) => {
      if (!message) return reject(new Error('the broker ended the consumer'));
      span ??= begin();
      const event = JSON.parse(message.content);
      if (!event.text || !event.number) return reject(new Error('an event without content'));
      count += 1;
      if (count % each === 0 || count === messages) channel.ack(message, true);
      if (count === messages) {
        end(span);
        resolve();
      }
    };
    channel.consume(QUEUE, handle).catch(reject);
  });
  // Behind the last acknowledgement.
  await channel.close();
}

const connection = await amqp.connect(process.env.BENCH_URI, { noDelay: true });
const task = { publish, consume }[process.env.BENCH_TASK];
if (!task) throw new Error(`BENCH_TASK is \`${process.env.BENCH_TASK}\``);
await task(connection);
await connection.close();
