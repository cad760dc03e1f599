-- Which queues the service's handlers read, or read once.
CREATE TABLE chassis_queue (
    service TEXT NOT NULL,
    queue TEXT NOT NULL,
    read_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
    PRIMARY KEY (service, queue)
) STRICT, WITHOUT ROWID;
