"""pika, used as well as it can be: its connection with callbacks, since the blocking one waits for each confirm; the window is
refilled as confirms come, and acknowledgements stand for half of the prefetch. The messages are events as docs/wire.md has them.
"""

import json
import os
import sys
import time

import pika

EXCHANGE, KEY, QUEUE = "bench.events", "bench.sent.v1", "bench.sent"
MESSAGES, WINDOW = int(os.environ["BENCH_MESSAGES"]), int(os.environ["BENCH_WINDOW"])


class Span:
    def __init__(self):
        self.time, self.cpu = time.perf_counter(), time.process_time()

    def end(self):
        seconds, cpu = time.perf_counter() - self.time, time.process_time() - self.cpu
        print(json.dumps({"messages": MESSAGES, "seconds": seconds, "cpu": cpu}), flush=True)


def body():
    begun = '{"number":100000000,"sent":1000000000000000,"text":"'
    return (begun + "x" * (256 - len(begun) - 2) + '"}').encode()


class Publishing:
    """Sends the window once unmeasured, then all messages measured."""

    def __init__(self, connection, channel):
        self.connection, self.channel = connection, channel
        millis, random = f"{int(time.time() * 1000):012x}", os.urandom(4).hex()
        self.prefix = f"{millis[:8]}-{millis[8:]}-7{random[:3]}-8{random[3:6]}-"
        self.content, self.number, self.span = body(), 0, None
        self.confirmed = self.sent = self.until = 0
        # All up to `base` are confirmed, and those in `beyond`.
        self.base, self.beyond = 0, set()
        channel.confirm_delivery(self.on_confirm, callback=lambda _: self.send(WINDOW))

    def send(self, count):
        self.until += count
        self.fill()

    def fill(self):
        publish, prefix, content = self.channel.basic_publish, self.prefix, self.content
        while self.sent < self.until and self.sent - self.confirmed < WINDOW:
            self.sent += 1
            message = f"{prefix}{self.sent:012x}"
            properties = pika.BasicProperties(
                message_id=message, correlation_id=message, type=KEY, content_type="application/json", app_id="bench",
                delivery_mode=2, timestamp=1790000000, headers={
                    "cloudEvents_specversion": "1.0", "cloudEvents_id": message, "cloudEvents_source": "/bench",
                    "cloudEvents_type": KEY, "cloudEvents_time": "2026-11-21T12:00:00.000Z",
                    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"})
            publish(EXCHANGE, KEY, content, properties)

    def on_confirm(self, frame):
        method = frame.method
        if not isinstance(method, pika.spec.Basic.Ack):
            sys.exit(f"not confirmed: {method}")
        # A confirm of several says up to which; single ones may overtake it, so they are counted and not compared.
        if method.multiple:
            beyond = {tag for tag in self.beyond if tag > method.delivery_tag}
            self.confirmed = max(self.base, method.delivery_tag) + len(beyond)
            self.base, self.beyond = max(self.base, method.delivery_tag), beyond
        else:
            self.beyond.add(method.delivery_tag)
            while self.base + 1 in self.beyond:
                self.base += 1
                self.beyond.remove(self.base)
            self.confirmed = self.base + len(self.beyond)
        if self.confirmed < self.until:
            self.fill()
        elif self.span is None:
            self.span = Span()
            self.send(MESSAGES)
        else:
            self.span.end()
            self.connection.close()


class Consuming:
    """Takes all messages."""

    def __init__(self, connection, channel):
        self.connection, self.span, self.count, self.each = connection, None, 0, max(1, WINDOW // 2)
        channel.basic_qos(prefetch_count=WINDOW)
        channel.basic_consume(QUEUE, self.on_message)

    def on_message(self, channel, method, _properties, content):
        if self.span is None:
            self.span = Span()
        event = json.loads(content)
        if not event["text"] or not event["number"]:
            sys.exit("an event without content")
        self.count += 1
        if self.count % self.each == 0 or self.count == MESSAGES:
            channel.basic_ack(method.delivery_tag, multiple=True)
        if self.count == MESSAGES:
            self.span.end()
            self.connection.close()


def main():
    task = {"publish": Publishing, "consume": Consuming}[os.environ["BENCH_TASK"]]
    failures = []

    def on_closed(connection, reason):
        if not isinstance(reason, pika.exceptions.ConnectionClosedByClient):
            failures.append(reason)
        connection.ioloop.stop()

    connection = pika.SelectConnection(
        pika.URLParameters(os.environ["BENCH_URI"]),
        on_open_callback=lambda opened: opened.channel(on_open_callback=lambda channel: task(opened, channel)),
        on_open_error_callback=on_closed,
        on_close_callback=on_closed,
    )
    connection.ioloop.start()
    if failures:
        sys.exit(f"the connection was lost: {failures[0]}")


main()
