-- What leads to the queues that the service's handlers read, or read once.
CREATE TABLE chassis_queue_binding (
    service text NOT NULL,
    queue text NOT NULL,
    exchange text NOT NULL,
    routing_key text NOT NULL,
    PRIMARY KEY (service, queue, exchange, routing_key)
);
