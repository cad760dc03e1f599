CREATE TABLE reserved (order_id TEXT NOT NULL, units INTEGER NOT NULL);
