-- What leads to the queues that the service's handlers read, or read once.
CREATE TABLE chassis_queue_binding (
    service TEXT NOT NULL,
    queue TEXT NOT NULL,
    exchange TEXT NOT NULL,
    routing_key TEXT NOT NULL,
    PRIMARY KEY (service, queue, exchange, routing_key)
) STRICT, WITHOUT ROWID;
