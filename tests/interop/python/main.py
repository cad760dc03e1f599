"""The service `foreign`: publishes notes, hears what the service `interop` makes of them, and checks all of it.

Its publisher, its consumer and its HTTP client are the examples of docs/wire.md as they stand there.
Usage: main.py AMQP_URI HTTP_BASE
"""

import json
import re
import sqlite3
import sys
import time
import uuid
from datetime import datetime

import pika

from consumer import Consumer
from http_client import OutOfStock, Unexpected, reserve
from publisher import Publisher

NOTED, ECHOED, FLEETING = "foreign.noted.v1", "interop.echoed.v1", "interop.fleeting.v1"
LIMIT = 60
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TRACE = "0af7651916cd43dd8448eb211c80319c"
CONTEXT = {
    "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
    "tracestate": "rojo=00f067aa0ba902b7",
    "baggage": "tenant=blue",
    "x-request-id": "r-42",
}
checks = 0


def must(true, what):
    global checks
    checks += 1
    if not true:
        raise SystemExit(f"FAILED: {what}")


class Foreign:
    def __init__(self, uri):
        self.uri, self.publisher = uri, Publisher(uri, "foreign")
        self.heard, self.fleeting, self.failed = [], [], set()
        self.echoes = Consumer(uri, "foreign", "echoed", "interop", ECHOED, self.on_echo, sqlite3.connect(":memory:"), delays=(1_000,))
        self.fleetings = Consumer(uri, "foreign", "fleeting", "interop", FLEETING, self.on_fleeting, sqlite3.connect(":memory:"), delays=())

    def on_echo(self, event, properties):
        if event["text"].startswith("retry me") and event["of"] not in self.failed:
            self.failed.add(event["of"])
            raise RuntimeError("not at the first attempt")
        self.heard.append((event, properties))

    def on_fleeting(self, event, properties):
        self.fleeting.append((event, properties))

    def note(self, text, **options):
        return self.publisher.publish(NOTED, {"author": "ada", "text": text}, subject="ada", **options)

    def echo_of(self, id):
        return self.until(f"the echo of {id}", lambda: next((h for h in self.heard if h[0]["of"] == id), None))

    def until(self, what, condition, consumer=None):
        """Handles what comes until the condition holds."""
        deadline = time.monotonic() + LIMIT
        while not (found := condition()):
            must(time.monotonic() < deadline, f"{what} within {LIMIT} s")
            (consumer or self.echoes).channel.connection.process_data_events(time_limit=1)
        return found

    def parked(self, queue, id, channel):
        """The parked message of that id, taken out of a parking queue."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            method, properties, body = channel.basic_get(queue, auto_ack=True)
            if method is None:
                channel.connection.process_data_events(time_limit=0.2)
            elif properties.message_id == id:
                return properties, body
            else:
                must(False, f"{queue} has {properties.message_id}: {properties.headers}")
        must(False, f"{id} in {queue} within {LIMIT} s")

    def raw(self, body, id=None, key=NOTED, exchange="foreign.events", headers=None, without=(), **properties):
        """A message that need not be as it should."""
        id = id or str(uuid.uuid4())
        all_headers = {"cloudEvents_specversion": "1.0", "cloudEvents_id": id, "cloudEvents_source": "/foreign",
                       "cloudEvents_type": key} | (headers or {})
        for name in without:
            del all_headers[name]
        given = {"message_id": id, "type": key, "content_type": "application/json", "delivery_mode": 2} | properties
        self.publisher.send(exchange, key, body, pika.BasicProperties(headers=all_headers, **given))
        return id


def plain_event(foreign):
    began = time.time()
    id = foreign.note("hello", more=CONTEXT)
    event, properties = foreign.echo_of(id)
    must(event == {"of": id, "author": "ada", "text": "hello", "attempt": 1, "effects": 1, "number": None, "flag": None}, event)
    headers = properties.headers
    must(all(isinstance(value, str) for value in headers.values()), f"headers are long strings: {headers}")
    must(UUID7.fullmatch(properties.message_id), f"a UUIDv7: {properties.message_id}")
    must(headers["cloudEvents_id"] == properties.message_id, "the id is the message-id")
    must(headers["cloudEvents_specversion"] == "1.0", "the version of CloudEvents")
    must(headers["cloudEvents_source"] == "/interop", "the source")
    must(headers["cloudEvents_type"] == properties.type == ECHOED, "the type")
    must(headers["cloudEvents_subject"] == "ada", "the ordering key")
    must(properties.app_id == "interop", "app-id")
    must(properties.content_type == "application/json", "content-type")
    must(properties.delivery_mode == 2, "persistent")
    must(properties.correlation_id == id, "the correlation is that of the note")
    must(headers["causation-id"] == id, "it came of the note")
    moment = datetime.fromisoformat(headers["cloudEvents_time"].replace("Z", "+00:00"))
    must(headers["cloudEvents_time"].endswith("Z") and abs(moment.timestamp() - began) < LIMIT, headers["cloudEvents_time"])
    must(int(moment.timestamp()) == properties.timestamp, "timestamp is the same in whole seconds")
    must(re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-01", headers["traceparent"]), headers["traceparent"])
    must("b7ad6b7169203331" not in headers["traceparent"], "the parent is the span that publishes")
    for name in ("tracestate", "baggage", "x-request-id"):
        must(headers[name] == CONTEXT[name], f"{name} is passed on: {headers.get(name)}")
    must("chassis-expires-at" not in headers, "it does not expire")


def chain(foreign):
    """A note that came of something keeps its correlation."""
    cause = pika.BasicProperties(message_id="m-1", correlation_id="process-7")
    event, properties = foreign.echo_of(foreign.note("chained", cause=cause))
    must(properties.correlation_id == "process-7", "the correlation goes on")
    must(properties.headers["causation-id"] == event["of"], "the cause is the note, not its cause")


def texts(foreign):
    """Whatever JSON can say comes back as it was."""
    odd = ["", "naïve café", "日本語", "\U0001f9f6 \U0001f469\u200d\U0001f52c", "\u202eright to left", "quote \" \\ / \b\f\n\r\t",
           "nul \u0000 within", "\u2028\u2029", "x" * 100_000]
    for text in odd:
        event, _ = foreign.echo_of(foreign.note(text))
        must(event["text"] == text, f"the text {text[:20]!r}")
    author = "Žofie 🧶"
    id = foreign.raw(json.dumps({"author": author, "text": "signed"}, ensure_ascii=False).encode(), headers={"cloudEvents_subject": author})
    event, properties = foreign.echo_of(id)
    must(event["author"] == author and properties.headers["cloudEvents_subject"] == author, "UTF-8 in headers")


def lenient(foreign):
    """What a receiver must take."""
    body = json.dumps({"author": "ada", "text": "more than needed", "unknown": {"a": [1]}, "place": None}).encode()
    odd = {"x-number": 42, "x-flag": True, "x-table": {"a": 1}, "x-list": [1, "b"], "x-nothing": None, "x-long": "y" * 4_000}
    event, _ = foreign.echo_of(foreign.raw(body, headers=odd))
    must((event["number"], event["flag"]) == ("42", "true"), "headers of other types are taken as text")
    for kind in ("application/json; charset=utf-8", "application/cloudevents+json", "Application/JSON"):
        event, _ = foreign.echo_of(foreign.raw(json.dumps({"author": "ada", "text": kind}).encode(), content_type=kind))
        must(event["text"] == kind, f"content type {kind}")
    id = foreign.raw(json.dumps({"author": "ada", "text": "bare"}).encode(), message_id=None, type=None, content_type=None)
    event, properties = foreign.echo_of(id)
    must(event["text"] == "bare" and properties.headers["causation-id"] == id, "the headers alone are enough")


def duplicates(foreign):
    """The same message twice has one effect, and so one echo."""
    body = json.dumps({"author": "ada", "text": "twice"}).encode()
    id = foreign.raw(body)
    foreign.raw(body, id=id)
    foreign.echo_of(id)
    foreign.echo_of(foreign.note("after the duplicate"))
    echoes = [event for event, _ in foreign.heard if event["of"] == id]
    must(len(echoes) == 1 and echoes[0]["effects"] == 1, f"one effect: {echoes}")
    event, _ = foreign.echo_of(foreign.note("twice"))
    must(event["effects"] == 2, "another message with the same text is another one")


def expired(foreign):
    id = foreign.note("too late", expires_in=-1)
    foreign.echo_of(foreign.note("in time", expires_in=LIMIT))
    must(not any(event["of"] == id for event, _ in foreign.heard), "what has expired is dropped")


def parked(foreign):
    """What cannot be handled is parked with its cause, and its neighbours go on."""
    channel = pika.BlockingConnection(pika.URLParameters(foreign.uri)).channel()
    good = json.dumps({"author": "ada", "text": "malformed"}).encode()
    cases = [
        ("malformed", "cloudEvents_specversion", dict(body=good, without=["cloudEvents_specversion"])),
        ("malformed", "cloudEvents_id", dict(body=good, without=["cloudEvents_id"])),
        ("malformed", "cloudEvents_source", dict(body=good, without=["cloudEvents_source"])),
        ("malformed", "cloudEvents_type", dict(body=good, without=["cloudEvents_type"])),
        ("malformed", "cloudEvents_specversion", dict(body=good, headers={"cloudEvents_specversion": "0.3"})),
        ("malformed", "message-id", dict(body=good, headers={"cloudEvents_id": "another"})),
        ("malformed", "cloudEvents_type", dict(body=good, type="foreign.noted.v2")),
        ("malformed", "chassis-expires-at", dict(body=good, headers={"chassis-expires-at": "soon"})),
        ("malformed", "cloudEvents_time", dict(body=good, headers={"cloudEvents_time": "noon"})),
        ("malformed", "text/plain", dict(body=good, content_type="text/plain")),
        ("undecodable", "foreign.noted.v1", dict(body=b"{")),
        ("undecodable", "foreign.noted.v1", dict(body=b"")),
        ("undecodable", "foreign.noted.v1", dict(body=b"\xff\xfe\x00binary")),
        ("undecodable", "foreign.noted.v1", dict(body=b'{"author": "\xc3\x28", "text": "no UTF-8"}')),
        ("undecodable", "text", dict(body=json.dumps({"author": "ada"}).encode())),
        ("undecodable", "string", dict(body=json.dumps({"author": "ada", "text": 7}).encode())),
        ("unmatched", "foreign.other.v1", dict(body=good, headers={"cloudEvents_type": "foreign.other.v1"}, type="foreign.other.v1")),
    ]
    for reason, word, case in cases:
        id = foreign.raw(**case)
        queue = "interop.noted.unmatched" if reason == "unmatched" else "interop.noted.dlq"
        properties, body = foreign.parked(queue, id, channel)
        headers = properties.headers
        must(body == case["body"], f"the body as it came: {body}")
        must(headers["x-chassis-reason"] == reason and word in headers["x-chassis-error"], f"{case}: {headers}")
        must(headers["x-chassis-queue"] == "interop.noted", headers)
        must((headers["x-chassis-exchange"], headers["x-chassis-routing-key"]) == ("foreign.events", NOTED), headers)
        must(datetime.fromisoformat(headers["x-chassis-parked-at"].replace("Z", "+00:00")).timestamp() <= time.time() + 1, headers)
    event, _ = foreign.echo_of(foreign.note("after all those"))
    must(event["attempt"] == 1, "neighbours go on")


def failed_and_replayed(foreign):
    """Attempts in place, one after a delay, then parking; and back by hand."""
    channel = pika.BlockingConnection(pika.URLParameters(foreign.uri)).channel()
    channel.confirm_delivery()
    id = foreign.note("stubborn", more=CONTEXT)
    properties, body = foreign.parked("interop.noted.dlq", id, channel)
    headers = properties.headers
    must(headers["x-chassis-reason"] == "failed" and "looked into" in headers["x-chassis-error"], headers)
    must(headers["x-chassis-attempt"] == "3", f"two in place and one after the delay: {headers}")
    must(headers["traceparent"] == CONTEXT["traceparent"] and properties.message_id == id, "a copy is what the original was")
    must(not any(name.startswith(("x-death", "x-first-death-")) for name in headers), headers)
    properties.headers = {name: value for name, value in headers.items() if not name.startswith("x-chassis-")}
    properties.headers["x-looked-into"] = "yes"
    channel.basic_publish("", "interop.noted", body, properties, mandatory=True)
    event, _ = foreign.echo_of(id)
    must(event["attempt"] == 1 and event["effects"] == 1, f"it counts from one again: {event}")


def as_a_consumer(foreign):
    """What the other side of the document asks of a consumer."""
    channel = pika.BlockingConnection(pika.URLParameters(foreign.uri)).channel()
    event, properties = foreign.echo_of(foreign.note("retry me"))
    must(properties.headers["x-chassis-attempt"] == "1", "it came back from the delay")
    must(properties.headers["x-chassis-routing-key"] == ECHOED and properties.headers["x-chassis-exchange"] == "interop.events", properties.headers)

    count = len(foreign.heard)
    foreign.publisher.send("interop.events", ECHOED, json.dumps(event).encode(), properties)
    broken = foreign.raw(b"{", exchange="interop.events", key=ECHOED)
    nameless = foreign.raw(b"{}", exchange="interop.events", key=ECHOED, without=["cloudEvents_source"])
    endless = foreign.raw(b"{}", exchange="interop.events", key=ECHOED, headers={"chassis-expires-at": "never"})
    foreign.echo_of(foreign.note("after those"))
    must(len(foreign.heard) == count + 1, "neither the duplicate nor the broken ones were handled")
    for id, reason in ((broken, "undecodable"), (nameless, "malformed"), (endless, "malformed")):
        properties, _ = foreign.parked("foreign.echoed.dlq", id, channel)
        must(properties.headers["x-chassis-reason"] == reason and properties.headers["x-chassis-queue"] == "foreign.echoed", properties.headers)


def over_http(foreign, base):
    reservation = reserve(base, {"sku": "mug", "quantity": 2}, 5, traceparent=CONTEXT["traceparent"], key=str(uuid.uuid4()))
    must(reservation == {"id": "mug-2"}, reservation)
    try:
        must(not reserve(base, {"sku": "mug", "quantity": 9}, 5), "there are seven")
    except OutOfStock as error:
        must(error.args[0] == {"sku": "mug", "available": 7}, error)
    try:
        must(not reserve(base, {"sku": "mug"}, 5, traceparent=CONTEXT["traceparent"]), "no quantity")
    except Unexpected as error:
        must(error.args == (422, "invalid_request", TRACE), error)

    import requests
    began = time.time()
    must(requests.post(f"{base}/fleeting", timeout=5).status_code == 202, "published")
    _, properties = foreign.until("the fleeting event", lambda: foreign.fleeting[-1:], foreign.fleetings)[0]
    lives = int(properties.headers["chassis-expires-at"]) / 1000 - began
    must(55 < lives < 65 + LIMIT, f"worth handling for a minute: {lives}")
    must(properties.correlation_id == properties.message_id, "what nothing caused begins a correlation")
    must("causation-id" not in properties.headers, "nothing caused it")


def main():
    uri, base = sys.argv[1:]
    foreign = Foreign(uri)
    for check in (plain_event, chain, texts, lenient, duplicates, expired, parked, failed_and_replayed, as_a_consumer):
        check(foreign)
    over_http(foreign, base)
    print(f"passed {checks} checks")


main()
