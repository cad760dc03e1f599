-- Which queues the service's handlers read, or read once.
CREATE TABLE chassis_queue (
    service text NOT NULL,
    queue text NOT NULL,
    read_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (service, queue)
);
