-- +goose Up
-- What the board and the monitoring count, found without reading what it is counted from.

CREATE INDEX orders_received ON orders (received_at) WHERE received_at IS NOT NULL;
CREATE INDEX results_positive ON results (released_at) WHERE state = 'released' AND call = 'positive';
CREATE INDEX results_odd ON results (lab_id, called_at) WHERE pool_id IS NULL AND (version > 1 OR state = 'withdrawn'); -- what may change the counts of a day that is over
