// docs/wire.md in Node: a publisher with confirms, and a consumer with inbox, retries and parking.

import amqp from 'amqplib';
import { randomUUID } from 'node:crypto';

/** Publishes the events of one service. */
export class Publisher {
  static async open(uri, service) {
    const connection = await amqp.connect(uri);
    const channel = await connection.createConfirmChannel();
    await channel.assertExchange(`${service}.events`, 'topic', { durable: true });
    return Object.assign(new Publisher(), { connection, channel, service });
  }

  /** Returns the message's id once the broker has it. `cause` has the properties of the message that is being handled. */
  async publish(type, event, { subject, cause, expiresIn, more } = {}) {
    const id = randomUUID();
    const now = new Date();
    const headers = {
      cloudEvents_specversion: '1.0',
      cloudEvents_id: id,
      cloudEvents_source: `/${this.service}`,
      cloudEvents_type: type,
      cloudEvents_time: now.toISOString(),
      ...(subject && { cloudEvents_subject: subject }),
      ...(cause && { 'causation-id': cause.messageId }),
      ...(expiresIn && { 'chassis-expires-at': String(now.getTime() + expiresIn) }),
      ...more,
    };
    await this.send(`${this.service}.events`, type, Buffer.from(JSON.stringify(event)), {
      messageId: id,
      type,
      contentType: 'application/json',
      deliveryMode: 2,
      appId: this.service,
      correlationId: cause ? cause.correlationId : id,
      timestamp: Math.floor(now.getTime() / 1000),
      headers,
    });
    return id;
  }

  /** Sends a message, and is done when it is confirmed. */
  send(exchange, key, body, options) {
    return new Promise((resolve, reject) => {
      this.channel.publish(exchange, key, body, options, (error) => (error ? reject(error) : resolve()));
    });
  }
}

class Malformed extends Error {}
class Undecodable extends Error {}

class Unmatched extends Error {}

/** Handles the events of one type. */
export class Consumer {
  static async start(uri, { service, handler, owner, type, handle, delays = [10_000, 60_000, 600_000] }) {
    const connection = await amqp.connect(uri);
    const channel = await connection.createConfirmChannel();
    const queue = `${service}.${handler}`;
    const self = Object.assign(new Consumer(), { connection, channel, queue, type, handle, delays, inbox: new Set(), busy: new Set() });
    await channel.assertExchange(`${owner}.events`, 'topic', { durable: true });
    const parking = { 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish', 'x-delivery-limit': 2_147_483_647 };
    for (const name of ['dlq', 'unmatched']) await channel.assertQueue(`${queue}.${name}`, { durable: true, arguments: parking });
    await channel.assertQueue(queue, {
      durable: true,
      arguments: {
        'x-queue-type': 'quorum',
        'x-delivery-limit': 1000,
        'x-overflow': 'reject-publish',
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': `${queue}.dlq`,
        'x-dead-letter-strategy': 'at-least-once',
      },
    });
    await channel.bindQueue(queue, `${owner}.events`, type);
    for (const delay of delays) {
      const name = `chassis.retry.${delay}`;
      await channel.assertExchange(name, 'topic', { durable: true });
      await channel.assertQueue(name, {
        durable: true,
        arguments: {
          'x-queue-type': 'quorum',
          'x-message-ttl': delay,
          'x-overflow': 'reject-publish',
          'x-dead-letter-exchange': '',
          'x-dead-letter-strategy': 'at-least-once',
        },
      });
      await channel.bindQueue(name, name, '#');
    }
    await channel.prefetch(8);
    // What a copy of a message that no queue takes comes back as.
    self.returned = new Set();
    channel.on('return', ({ properties }) => self.returned.add(properties.messageId));
    const { consumerTag } = await channel.consume(queue, (message) => {
      const received = self.receive(message).finally(() => self.busy.delete(received));
      self.busy.add(received);
    });
    return Object.assign(self, { consumerTag });
  }

  /** Takes no more, and is done when the broker knows of all that was handled. */
  async close() {
    await this.channel.cancel(this.consumerTag);
    await Promise.all(this.busy);
    // Behind the last acknowledgement.
    await this.channel.close();
    await this.connection.close();
  }

  async receive(message) {
    const { properties, fields, content } = message;
    const headers = properties.headers ?? {};
    const attempt = (Number(headers['x-chassis-attempt']) || 0) + 1;
    try {
      check(properties);
      const expires = headers['chassis-expires-at'];
      if (expires !== undefined && Number(expires) <= Date.now()) return this.channel.ack(message);
      const event = this.decode(headers, content);
      // A real service has its inbox in the database that the handler changes, in one transaction.
      const id = headers.cloudEvents_id;
      if (!this.inbox.has(id)) {
        await this.handle(event, properties);
        this.inbox.add(id);
      }
    } catch (error) {
      if (error instanceof Malformed) await this.park(message, attempt - 1, 'malformed', error);
      else if (error instanceof Undecodable) await this.park(message, attempt, 'undecodable', error);
      else if (error instanceof Unmatched) await this.park(message, attempt - 1, 'unmatched', error, 'unmatched');
      else if (attempt > this.delays.length) await this.park(message, attempt, 'failed', error);
      else {
        const more = { 'x-chassis-attempt': String(attempt) };
        await this.sendCopy(message, `chassis.retry.${this.delays[attempt - 1]}`, this.queue, more);
      }
    }
    this.channel.ack(message);
  }

  decode(headers, content) {
    if (headers.cloudEvents_type !== this.type) throw new Unmatched(`it is a ${headers.cloudEvents_type}`);
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content));
    } catch (error) {
      throw new Undecodable(error.message);
    }
  }

  park(message, attempt, reason, error, to = 'dlq') {
    return this.sendCopy(message, '', `${this.queue}.${to}`, {
      'x-chassis-attempt': String(attempt),
      'x-chassis-queue': this.queue,
      'x-chassis-reason': reason,
      'x-chassis-error': error.message.replace(/\s+/g, ' ').slice(0, 2000),
      'x-chassis-parked-at': new Date().toISOString(),
    });
  }

  sendCopy({ properties, fields, content }, exchange, key, more) {
    const brokers = ['x-death', 'x-delivery-count', 'x-acquired-count', 'x-first-death-', 'x-last-death-', 'CC', 'BCC'];
    const kept = Object.entries(properties.headers ?? {}).filter(([name]) => !brokers.some((one) => name.startsWith(one)));
    const first = {
      'x-chassis-exchange': fields.exchange,
      'x-chassis-routing-key': fields.routingKey,
      'x-chassis-first-failed-at': new Date().toISOString(),
    };
    const options = { ...properties, headers: { ...first, ...Object.fromEntries(kept), ...more }, mandatory: true };
    return new Promise((resolve, reject) => {
      this.channel.publish(exchange, key, content, options, (error) => {
        if (error) return reject(error);
        // The broker returns a message before it confirms it.
        if (this.returned.delete(properties.messageId)) return reject(new Error(`no queue takes ${key}`));
        return resolve();
      });
    });
  }
}

/** That the headers are as they should be, and that the properties do not contradict them. */
function check({ headers = {}, messageId, type, contentType }) {
  for (const name of ['specversion', 'id', 'source', 'type']) {
    if (!headers[`cloudEvents_${name}`]) throw new Malformed(`header cloudEvents_${name} is missing`);
  }
  if (headers.cloudEvents_specversion !== '1.0') throw new Malformed('another version of CloudEvents');
  for (const [name, value] of [['id', messageId], ['type', type]]) {
    if (value && value !== headers[`cloudEvents_${name}`]) {
      throw new Malformed(`header cloudEvents_${name} is not what the property says`);
    }
  }
  if (headers['chassis-expires-at'] !== undefined && !/^\d+$/.test(headers['chassis-expires-at'])) {
    throw new Malformed('header chassis-expires-at is no time');
  }
  if (headers.cloudEvents_time !== undefined && Number.isNaN(Date.parse(headers.cloudEvents_time))) {
    throw new Malformed('header cloudEvents_time is no time');
  }
  const kind = (contentType ?? 'application/json').split(';')[0].trim().toLowerCase();
  if (!/^application\/(json|.*\+json)$/.test(kind)) throw new Malformed(`content type ${kind}`);
}
