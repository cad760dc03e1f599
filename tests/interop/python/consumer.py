import json, time
from datetime import datetime, timezone
import pika

class Malformed(Exception): pass
class Undecodable(Exception): pass
class Unmatched(Exception): pass

class Consumer:
    """Handles the events of one type. `database` is a connection of sqlite3, `handle` works in its transaction."""

    def __init__(self, uri, service, handler, owner, type, handle, database, delays=(10_000, 60_000, 600_000)):
        self.queue, self.type, self.handle = f"{service}.{handler}", type, handle
        self.database, self.delays, parking = database, delays, f"{service}.{handler}.dlq"
        database.execute("CREATE TABLE IF NOT EXISTS inbox (queue TEXT, message TEXT, PRIMARY KEY (queue, message))")
        self.channel = pika.BlockingConnection(pika.URLParameters(uri)).channel()
        self.channel.exchange_declare(f"{owner}.events", "topic", durable=True)
        for name in (parking, f"{self.queue}.unmatched"):
            self.declare(name, {
                "x-queue-type": "quorum", "x-overflow": "reject-publish", "x-delivery-limit": 2_147_483_647})
        self.declare(self.queue, {
            "x-queue-type": "quorum", "x-delivery-limit": 1000, "x-overflow": "reject-publish",
            "x-dead-letter-exchange": "", "x-dead-letter-routing-key": parking,
            "x-dead-letter-strategy": "at-least-once"})
        self.channel.queue_bind(self.queue, f"{owner}.events", type)
        for delay in delays:
            name = f"chassis.retry.{delay}"
            self.channel.exchange_declare(name, "topic", durable=True)
            self.declare(name, {"x-queue-type": "quorum", "x-message-ttl": delay, "x-overflow": "reject-publish",
                                "x-dead-letter-exchange": "", "x-dead-letter-strategy": "at-least-once"})
            self.channel.queue_bind(name, name, "#")
        self.channel.confirm_delivery()
        self.channel.basic_qos(prefetch_count=8)
        self.channel.basic_consume(self.queue, self.receive)

    def declare(self, queue, arguments):
        self.channel.queue_declare(queue, durable=True, arguments=arguments)

    def receive(self, channel, method, properties, body):
        headers = properties.headers = properties.headers or {}
        tried = str(headers.get("x-chassis-attempt", 0))
        attempt = int(tried) + 1 if tried.isdecimal() else 1
        try:
            check(properties)
            if int(headers.get("chassis-expires-at", 1 << 62)) <= time.time() * 1000:
                return channel.basic_ack(method.delivery_tag)
            event = self.decode(headers, body)
            with self.database as tx:                # one transaction: what was seen, and what follows from it
                seen = (self.queue, headers["cloudEvents_id"])
                if tx.execute("INSERT OR IGNORE INTO inbox VALUES (?, ?)", seen).rowcount:
                    self.handle(event, properties)
        except Malformed as error:
            self.park(method, properties, body, attempt - 1, "malformed", error)
        except Undecodable as error:
            self.park(method, properties, body, attempt, "undecodable", error)
        except Unmatched as error:
            self.park(method, properties, body, attempt - 1, "unmatched", error, to="unmatched")
        except Exception as error:
            if attempt <= len(self.delays):
                delay = f"chassis.retry.{self.delays[attempt - 1]}"
                self.send_copy(method, properties, body, delay, self.queue, {"x-chassis-attempt": str(attempt)})
            else:
                self.park(method, properties, body, attempt, "failed", error)
        channel.basic_ack(method.delivery_tag)       # not reached when a copy was not confirmed: the message stays

    def decode(self, headers, body):
        if headers["cloudEvents_type"] != self.type:
            raise Unmatched(f"it is a {headers['cloudEvents_type']}")
        try:
            return json.loads(body.decode())
        except ValueError as error:
            raise Undecodable(error)

    def park(self, method, properties, body, attempt, reason, error, to="dlq"):
        self.send_copy(method, properties, body, "", f"{self.queue}.{to}", {
            "x-chassis-attempt": str(attempt), "x-chassis-queue": self.queue, "x-chassis-reason": reason,
            "x-chassis-error": " ".join(str(error).split())[:2000], "x-chassis-parked-at": now()})

    def send_copy(self, method, properties, body, exchange, key, more):
        first = {"x-chassis-exchange": method.exchange, "x-chassis-routing-key": method.routing_key,
                 "x-chassis-first-failed-at": now()}
        brokers = ("x-death", "x-delivery-count", "x-acquired-count", "x-first-death-", "x-last-death-")
        kept = {name: value for name, value in properties.headers.items()
                if name not in ("CC", "BCC") and not name.startswith(brokers)}
        properties.headers = first | kept | more     # what it was at first stays what it was
        self.channel.basic_publish(exchange, key, body, properties, mandatory=True)

def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")

def check(properties):
    """That the headers are as they should be, and that the properties do not contradict them."""
    headers = properties.headers
    for name in ("specversion", "id", "source", "type"):
        if not headers.get(f"cloudEvents_{name}"):
            raise Malformed(f"header cloudEvents_{name} is missing")
    if headers["cloudEvents_specversion"] != "1.0":
        raise Malformed("another version of CloudEvents")
    for name, value in (("id", properties.message_id), ("type", properties.type)):
        if value and value != headers[f"cloudEvents_{name}"]:
            raise Malformed(f"header cloudEvents_{name} is not what the property says")
    try:
        int(headers.get("chassis-expires-at", 0))
        datetime.fromisoformat(headers.get("cloudEvents_time", "2000-01-01T00:00:00Z").replace("Z", "+00:00"))
    except ValueError as error:
        raise Malformed(error)
    kind = (properties.content_type or "application/json").split(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Malformed(f"content type {kind}")
