-- Pools made in the laboratory: the rules they are made under, the plan, the mixing, the readings, what is left of each tube,
-- and what a person must close. A pool is never changed into a person's result: results name the pool that cleared them.

-- +goose Up

CREATE TABLE pool_rules ( -- dated; a laboratory's own row goes before the one for all
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id         bigint REFERENCES labs,      -- NULL: all laboratories
    valid_from     timestamptz NOT NULL,
    source         text NOT NULL CHECK (source <> ''),
    gate           double precision NOT NULL CHECK (gate > 0 AND gate <= 0.25), -- positivity above which no pools are made
    largest        smallint NOT NULL CHECK (largest BETWEEN 2 AND 50),
    never          text[] NOT NULL,             -- categories that are tested singly
    tube_ul        integer NOT NULL CHECK (tube_ul > 0),    -- in a full single tube
    aliquot_ul     integer NOT NULL CHECK (aliquot_ul > 0), -- into each pool
    single_ul      integer NOT NULL CHECK (single_ul > 0),  -- for a single test
    window_days    smallint NOT NULL DEFAULT 7 CHECK (window_days BETWEEN 1 AND 31),
    least          integer NOT NULL DEFAULT 100 CHECK (least > 0), -- tests that a comparison needs
    swab_validated boolean NOT NULL DEFAULT false, -- tubes of several swabs need a validated size as well
    set_by         bigint REFERENCES actors,    -- NULL: came with the program
    created_at     timestamptz NOT NULL
);
INSERT INTO pool_rules (valid_from, source, gate, largest, never, tube_ul, aliquot_ul, single_ul, created_at) VALUES
    ('2020-07-21 00:00+08', '医疗发〔2020〕277号', 0.001, 5, '{close_contact,key_person,fever_clinic}', 3000, 200, 200, '2020-07-21 00:00+08');

CREATE TABLE pool_validations ( -- a size that was not shown to work is refused; one that was covers every smaller one
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id     bigint NOT NULL REFERENCES labs,
    kit_key    text NOT NULL REFERENCES kits (key),
    kind       text NOT NULL CHECK (kind IN ('swab','media')),
    n          smallint NOT NULL CHECK (n BETWEEN 2 AND 50),
    tested     integer NOT NULL CHECK (tested >= 20),  -- positives, each pooled with n-1 negatives
    detected   integer NOT NULL CHECK (detected <= tested),
    source     text NOT NULL CHECK (source <> ''),
    signed_by  bigint NOT NULL REFERENCES actors,
    signed_at  timestamptz NOT NULL,
    ended_by   bigint REFERENCES actors,
    ended_at   timestamptz,
    reason     text NOT NULL DEFAULT '',
    CHECK (detected >= 0.85 * tested),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    CHECK (ended_at IS NULL OR reason <> '')
);
CREATE INDEX pool_validations_lab ON pool_validations (lab_id, kit_key, kind) WHERE ended_at IS NULL;

CREATE TABLE pool_grants ( -- a supervisor lets an order share a tube in spite of its category
    order_id bigint PRIMARY KEY REFERENCES orders,
    by_id    bigint NOT NULL REFERENCES actors,
    at       timestamptz NOT NULL,
    reason   text NOT NULL CHECK (reason <> '')
);

CREATE TABLE pool_batches ( -- one plan: the tubes that are pooled together
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code       text NOT NULL UNIQUE,
    lab_id     bigint NOT NULL REFERENCES labs,
    kit_key    text NOT NULL REFERENCES kits (key),
    rules_id   bigint NOT NULL REFERENCES pool_rules,
    scheme     text NOT NULL CHECK (scheme IN ('dorfman','array','three-stage')),
    n          smallint NOT NULL CHECK (n BETWEEN 2 AND 50), -- most tubes in one pool
    rows       smallint NOT NULL DEFAULT 0,
    cols       smallint NOT NULL DEFAULT 0,
    risk       double precision NOT NULL CHECK (risk >= 0 AND risk < 1), -- that was planned with
    expected   double precision NOT NULL, -- tests
    reason     text NOT NULL DEFAULT '',  -- of a supervisor, where positivity stood above the gate
    made_by    bigint NOT NULL REFERENCES actors,
    created_at timestamptz NOT NULL
);
CREATE INDEX pool_batches_lab ON pool_batches (lab_id, id DESC);

ALTER TABLE pools DROP CONSTRAINT pools_state_check;
ALTER TABLE pools ALTER COLUMN state SET DEFAULT 'planned';
ALTER TABLE pools ADD CONSTRAINT pools_state_check CHECK (state IN ('planned','received','loaded','read','closed','dropped'));
ALTER TABLE pools ADD COLUMN batch_id bigint NOT NULL REFERENCES pool_batches;
ALTER TABLE pools ADD COLUMN kit_key text NOT NULL REFERENCES kits (key);
ALTER TABLE pools ADD COLUMN axis text NOT NULL CHECK (axis IN ('pool','row','column','part'));
ALTER TABLE pools ADD COLUMN number smallint NOT NULL;              -- within its axis, from 1
ALTER TABLE pools ADD COLUMN parent_id bigint REFERENCES pools;     -- whose retained tubes it was mixed from
ALTER TABLE pools ADD COLUMN split boolean NOT NULL DEFAULT false;  -- its parts decide
ALTER TABLE pools ADD COLUMN repeats smallint NOT NULL DEFAULT 0;   -- extracted again
ALTER TABLE pools ADD COLUMN due_at timestamptz;                    -- earliest of its members
ALTER TABLE pools ADD COLUMN mixed_at timestamptz;
ALTER TABLE pools ADD COLUMN call text NOT NULL DEFAULT '' CHECK (call IN ('','NEG','POS','SINGLE','GREY','INVALID'));
ALTER TABLE pools ADD COLUMN cq double precision;                   -- lowest of its virus targets
ALTER TABLE pools ADD COLUMN expected_cq double precision;          -- from the single retests of its members
ALTER TABLE pools ADD COLUMN run_id bigint REFERENCES runs;         -- that its call comes from
ALTER TABLE pools ADD COLUMN called_at timestamptz;
ALTER TABLE pools ADD COLUMN closed_at timestamptz;
ALTER TABLE pools ADD CONSTRAINT pools_read CHECK (state <> 'read' OR call <> '');
ALTER TABLE pools ADD CONSTRAINT pools_part CHECK ((axis = 'part') = (parent_id IS NOT NULL));
ALTER TABLE pools ADD CONSTRAINT pools_closed CHECK ((state IN ('closed','dropped')) = (closed_at IS NOT NULL));
CREATE INDEX pools_batch ON pools (batch_id);
CREATE INDEX pools_open ON pools (lab_id, due_at, id) WHERE state IN ('planned','received','loaded','read');

ALTER TABLE pool_samples ADD COLUMN batch_id bigint NOT NULL REFERENCES pool_batches;
ALTER TABLE pool_samples ADD COLUMN axis text NOT NULL;
ALTER TABLE pool_samples ADD COLUMN ul integer NOT NULL CHECK (ul > 0);
ALTER TABLE pool_samples ADD COLUMN mixed_at timestamptz;
ALTER TABLE pool_samples ADD COLUMN mixed_by bigint REFERENCES actors;
ALTER TABLE pool_samples ADD CONSTRAINT pool_samples_once UNIQUE (batch_id, axis, sample_id); -- nobody is in two pools of a kind
ALTER TABLE pool_samples ADD CONSTRAINT pool_samples_mixed CHECK ((mixed_at IS NULL) = (mixed_by IS NULL));
CREATE INDEX pool_samples_sample ON pool_samples (sample_id);

CREATE TABLE pool_reads ( -- every reading of a pool; the last valid one is the pool's call
    pool_id bigint NOT NULL REFERENCES pools,
    run_id  bigint NOT NULL REFERENCES runs,
    plate   text NOT NULL,
    pos     text NOT NULL,
    call    text NOT NULL CHECK (call IN ('NEG','POS','SINGLE','GREY','INVALID')),
    cq      double precision,
    used    boolean NOT NULL, -- false: its controls failed, or it was extracted again
    at      timestamptz NOT NULL,
    PRIMARY KEY (pool_id, run_id)
);

CREATE TABLE pool_discordances ( -- what does not fit together: a supervisor closes it, the pool is not rewritten
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pool_id   bigint NOT NULL REFERENCES pools,
    kind      text NOT NULL CHECK (kind IN ('singles_negative','cq')),
    observed  double precision,
    expected  double precision,
    at        timestamptz NOT NULL,
    closed_at timestamptz,
    closed_by bigint REFERENCES actors,
    reason    text NOT NULL DEFAULT '',
    UNIQUE (pool_id, kind),
    CHECK ((closed_at IS NULL) = (closed_by IS NULL)),
    CHECK (closed_at IS NULL OR reason <> '')
);

CREATE TABLE volumes ( -- what went into and out of a tube, in microlitres; its sum is what is left
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sample_id bigint NOT NULL REFERENCES samples,
    ul        integer NOT NULL CHECK (ul <> 0),
    why       text NOT NULL CHECK (why IN ('tube','pool','single','measured')),
    pool_id   bigint REFERENCES pools,
    plate_id  bigint REFERENCES plates,
    at        timestamptz NOT NULL,
    actor_id  bigint NOT NULL
);
CREATE INDEX volumes_sample ON volumes (sample_id);
CREATE TRIGGER volumes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON volumes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE samples ADD COLUMN retest_of bigint REFERENCES pools; -- the pool that was not negative: plated singly, and first
CREATE INDEX samples_retest ON samples (lab_id, due_at) WHERE retest_of IS NOT NULL AND state IN ('received','loaded');

ALTER TABLE results ADD COLUMN pool_id bigint REFERENCES pools; -- the pool that cleared the person, or asked for a new swab
CREATE INDEX results_pool ON results (pool_id) WHERE pool_id IS NOT NULL;
CREATE INDEX results_review ON results (order_id) WHERE state = 'released' AND call = 'pending_review'; -- collected again: singly
CREATE INDEX results_called ON results USING brin (called_at) WITH (pages_per_range = 32);
CREATE INDEX calls_pool ON calls (pool_id) WHERE pool_id IS NOT NULL;

CREATE TABLE pool_switches ( -- the scheme in use: another one must have been better three times in a row
    lab_id  bigint PRIMARY KEY REFERENCES labs,
    current text NOT NULL,
    rival   text NOT NULL DEFAULT '',
    runs    smallint NOT NULL DEFAULT 0,
    at      timestamptz NOT NULL
);
