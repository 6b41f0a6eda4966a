-- Pools, told at once and taken over: notices that a department gets before anybody signs, cut-offs of pools, tubes that another
-- laboratory takes over.

-- +goose Up

-- Notices: no results. "recall": the members of a tube are under verification and are collected again, singly; "withdrawal": no longer.

CREATE TABLE notices (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('recall','withdrawal')),
    withdraws     bigint UNIQUE REFERENCES notices,
    department_id bigint NOT NULL REFERENCES departments,
    lab_id        bigint NOT NULL REFERENCES labs,
    sample_id     bigint NOT NULL REFERENCES samples, -- the tube that was read
    pool_id       bigint REFERENCES pools,            -- the laboratory's pool, where too little is left of the tube to test it singly
    run_id        bigint REFERENCES runs,
    reason        text NOT NULL DEFAULT '',           -- code: of the pool's call, or why it is withdrawn
    at            timestamptz NOT NULL,
    collect_by    timestamptz,                        -- when the new single tubes have to be taken
    ended_at      timestamptz,
    ended_by      text NOT NULL DEFAULT '' CHECK (ended_by IN ('','signed','withdrawn','collected')),
    CHECK ((kind = 'withdrawal') = (withdraws IS NOT NULL)),
    CHECK ((kind = 'recall') = (collect_by IS NOT NULL)),
    CHECK ((ended_at IS NULL) = (ended_by = '')),
    CHECK (kind = 'recall' OR ended_at IS NULL)
);
CREATE UNIQUE INDEX notices_open ON notices (sample_id) WHERE kind = 'recall' AND ended_at IS NULL; -- a tube is recalled once
CREATE INDEX notices_lab ON notices (lab_id, id DESC);
CREATE INDEX notices_sample ON notices (sample_id, id DESC);

CREATE TABLE notice_orders (
    notice_id bigint NOT NULL REFERENCES notices,
    order_id  bigint NOT NULL REFERENCES orders,
    PRIMARY KEY (notice_id, order_id)
);
CREATE INDEX notice_orders_order ON notice_orders (order_id);

ALTER TABLE deliveries ADD COLUMN notice_id bigint REFERENCES notices; -- NULL: results
CREATE INDEX deliveries_notice ON deliveries (notice_id) WHERE notice_id IS NOT NULL;
CREATE INDEX deliveries_unheard ON deliveries (queued_at) WHERE notice_id IS NOT NULL AND state <> 'acknowledged';

ALTER TABLE pool_rules ADD COLUMN recall_minutes smallint NOT NULL DEFAULT 120 CHECK (recall_minutes BETWEEN 5 AND 1440); -- from the notice to the new tube

-- What was called before this file: recalled, without a notice.
WITH old AS (
    INSERT INTO notices (kind, department_id, lab_id, sample_id, pool_id, run_id, at, collect_by)
    SELECT DISTINCT ON (sample_id) 'recall', department_id, lab_id, sample_id, pool_id, run_id, called_at, called_at + interval '120 minutes'
    FROM results WHERE call = 'pending_review' AND state IN ('called','held','checked') ORDER BY sample_id, id
    RETURNING id, sample_id
)
INSERT INTO notice_orders (notice_id, order_id)
SELECT DISTINCT o.id, r.order_id FROM old o JOIN results r ON r.sample_id = o.sample_id WHERE r.call = 'pending_review' AND r.state IN ('called','held','checked');

-- Cut-offs of pools: target -> the last cycle that counts, as the validation found it; without one every Cq of a mixed pool counts.

ALTER TABLE pool_validations ADD COLUMN cutoffs jsonb NOT NULL DEFAULT '{}';
ALTER TABLE calls ADD COLUMN cutoffs jsonb NOT NULL DEFAULT '{}'; -- that were used

ALTER TABLE pool_discordances DROP CONSTRAINT pool_discordances_kind_check;
ALTER TABLE pool_discordances ADD CONSTRAINT pool_discordances_kind_check CHECK (kind IN ('singles_negative','cq','single_positive'));

-- Another laboratory takes tubes over: a box from laboratory to laboratory. The clock of the people goes on.

ALTER TABLE shipments ALTER COLUMN department_id DROP NOT NULL;
ALTER TABLE shipments ADD COLUMN from_lab_id bigint REFERENCES labs;
ALTER TABLE shipments ADD CONSTRAINT shipments_from CHECK (num_nonnulls(department_id, from_lab_id) = 1);
ALTER TABLE samples ADD COLUMN first_shipment_id bigint REFERENCES shipments; -- in which a tube came that was sent on

CREATE TABLE pool_partners ( -- who takes tubes over, and how long it takes from the dispatch to the second signature
    lab_id     bigint NOT NULL REFERENCES labs,
    partner_id bigint NOT NULL REFERENCES labs,
    minutes    smallint NOT NULL CHECK (minutes BETWEEN 1 AND 1440),
    set_by     bigint NOT NULL REFERENCES actors,
    set_at     timestamptz NOT NULL,
    PRIMARY KEY (lab_id, partner_id),
    CHECK (lab_id <> partner_id)
);

CREATE TABLE pool_forwards (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pool_id     bigint NOT NULL REFERENCES pools,
    shipment_id bigint NOT NULL UNIQUE REFERENCES shipments,
    from_lab    bigint NOT NULL REFERENCES labs,
    to_lab      bigint NOT NULL REFERENCES labs,
    samples     bigint[] NOT NULL,
    reason      text NOT NULL CHECK (reason <> ''),
    by_id       bigint NOT NULL REFERENCES actors,
    at          timestamptz NOT NULL,
    CHECK (from_lab <> to_lab)
);
CREATE INDEX pool_forwards_pool ON pool_forwards (pool_id);
CREATE INDEX pool_forwards_to ON pool_forwards (to_lab, id DESC);
CREATE INDEX pool_forwards_from ON pool_forwards (from_lab, id DESC);

-- Monitoring counts the tubes of a laboratory by day: its own weeks, not those of the city.
CREATE INDEX results_lab_called ON results (lab_id, called_at) WHERE pool_id IS NULL;
CREATE INDEX pools_lab_called ON pools (lab_id, called_at) WHERE called_at IS NOT NULL;
