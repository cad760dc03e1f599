-- Without uniqueness on purpose: an entry that is booked twice must show.
CREATE TABLE booking (seq INTEGER PRIMARY KEY, number BIGINT NOT NULL);
CREATE TABLE receipt (seq INTEGER PRIMARY KEY, number BIGINT NOT NULL);
