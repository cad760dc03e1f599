import json, time, uuid
from datetime import datetime, timezone
import pika

class Publisher:
    """Publishes the events of one service."""

    def __init__(self, uri, service):
        self.uri, self.service, self.channel = uri, service, None

    def publish(self, type, event, subject=None, cause=None, expires_in=None, more=None):
        """Returns the message's id once the broker has it. `cause` has the properties of the message that is being handled."""
        id, now = str(uuid.uuid4()), time.time()
        moment = datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds")
        headers = {"cloudEvents_specversion": "1.0", "cloudEvents_id": id, "cloudEvents_source": f"/{self.service}",
                   "cloudEvents_type": type, "cloudEvents_time": moment.replace("+00:00", "Z")}
        if subject: headers["cloudEvents_subject"] = subject
        if cause: headers["causation-id"] = cause.message_id
        if expires_in: headers["chassis-expires-at"] = str(int((now + expires_in) * 1000))
        headers.update(more or {})                   # traceparent, tracestate, baggage, x-request-id
        properties = pika.BasicProperties(
            message_id=id, type=type, content_type="application/json", delivery_mode=2, app_id=self.service,
            correlation_id=cause.correlation_id if cause else id, timestamp=int(now), headers=headers)
        self.send(f"{self.service}.events", type, json.dumps(event).encode(), properties)
        return id

    def send(self, exchange, key, body, properties):
        """Sends a message until it is confirmed, each time under its id."""
        for pause in (0, 0.2, 1, 5, None):
            try:
                if self.channel is None:
                    self.channel = pika.BlockingConnection(pika.URLParameters(self.uri)).channel()
                    self.channel.exchange_declare(f"{self.service}.events", "topic", durable=True)
                    self.channel.confirm_delivery()  # from here on, basic_publish returns when it is confirmed
                return self.channel.basic_publish(exchange, key, body, properties)
            except pika.exceptions.AMQPError:        # a broken connection or channel, or the broker's refusal
                self.channel = None
                if pause is None: raise
                time.sleep(pause)
