-- The line, end to end: who, what was ordered, the tube, the box, the plate, the message, the result, the delivery.
-- Laboratories, departments and actors stand on every fact from the first day; a tube holds 1..20 orders; one sample may be
-- tested with two kits. State columns carry the states of package lims, and CHECKs tie them to their timestamps.

-- +goose Up

-- Who ------------------------------------------------------------------------------------------------------------------

CREATE TABLE labs (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code       text NOT NULL UNIQUE,
    name_zh    text NOT NULL,
    name_en    text NOT NULL,
    zone       text NOT NULL DEFAULT 'Asia/Shanghai',
    capacity   integer NOT NULL DEFAULT 0 CHECK (capacity >= 0), -- person-tests a day (人份)
    open_24h   boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL
);

CREATE TABLE departments (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code       text NOT NULL UNIQUE,
    name_zh    text NOT NULL,
    name_en    text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('fever_clinic','sentinel','cdc','cold_chain','community','hospital','command')),
    area_code  text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL
);

CREATE TABLE instruments (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id          bigint NOT NULL REFERENCES labs,
    code            text NOT NULL UNIQUE,
    model           text NOT NULL,
    serial          text NOT NULL DEFAULT '',
    driver          text NOT NULL DEFAULT '', -- empty: recognised by content
    line            text NOT NULL CHECK (line IN ('serial','tcp-listen','tcp-dial','folder','push')),
    protocol        text NOT NULL CHECK (protocol IN ('astm','hl7','raw','file')),
    address         text NOT NULL DEFAULT '',
    settings        jsonb NOT NULL DEFAULT '{}',
    active          boolean NOT NULL DEFAULT true,
    last_message_at timestamptz,
    created_at      timestamptz NOT NULL
);
CREATE INDEX instruments_lab ON instruments (lab_id);

CREATE TABLE actors (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login         text NOT NULL UNIQUE CHECK (login = lower(login) AND login <> ''),
    name          text NOT NULL,
    password      text NOT NULL DEFAULT '', -- argon2id, PHC string; empty: cannot sign in
    lab_id        bigint REFERENCES labs,
    department_id bigint REFERENCES departments,
    instrument_id bigint REFERENCES instruments,
    roles         text[] NOT NULL,
    lang          text NOT NULL DEFAULT 'zh' CHECK (lang IN ('zh','en')),
    active        boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL
);

CREATE TABLE sessions (
    hash       bytea PRIMARY KEY, -- sha256 of the token; the token itself is only in the cookie
    actor_id   bigint NOT NULL REFERENCES actors,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE tokens (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash       bytea NOT NULL UNIQUE, -- sha256
    actor_id   bigint NOT NULL REFERENCES actors,
    name       text NOT NULL,
    scopes     text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);

CREATE TABLE attempts ( -- of signing in, to slow guessing down
    login text NOT NULL,
    peer  text NOT NULL,
    at    timestamptz NOT NULL,
    ok    boolean NOT NULL
);
CREATE INDEX attempts_login ON attempts (login, at);

-- Rules as dated data -----------------------------------------------------------------------------------------------------

CREATE TABLE policies (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to   timestamptz CHECK (valid_to > valid_from),
    source     text NOT NULL, -- the document it comes from
    rules      jsonb NOT NULL
);

CREATE TABLE kits ( -- one row a version; a used version is immutable
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key           text NOT NULL UNIQUE, -- id@version
    body          text NOT NULL,        -- kit/v1 YAML
    status        text NOT NULL CHECK (status IN ('verified','unverified')),
    insert_sha256 text NOT NULL DEFAULT '',
    approved_by   bigint REFERENCES actors,
    approved_at   timestamptz,
    created_at    timestamptz NOT NULL
);

CREATE TABLE lots (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id     bigint NOT NULL REFERENCES labs,
    kit_key    text NOT NULL REFERENCES kits (key),
    number     text NOT NULL,
    expires_on date NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (lab_id, kit_key, number)
);

-- What was ordered ----------------------------------------------------------------------------------------------------------

CREATE TABLE subjects (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('person','product','packaging','environment','vehicle','surface')),
    name       text NOT NULL, -- of a person, or the description of an object
    doc_type   text NOT NULL DEFAULT '',
    doc_no     text NOT NULL DEFAULT '',
    sex        text NOT NULL DEFAULT '' CHECK (sex IN ('','m','f')),
    birth_date date,
    phone      text NOT NULL DEFAULT '',
    address    text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL
);

CREATE TABLE shipments (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code          text NOT NULL UNIQUE, -- box code 箱码
    department_id bigint NOT NULL REFERENCES departments,
    lab_id        bigint NOT NULL REFERENCES labs,
    sent_by       bigint NOT NULL REFERENCES actors,
    dispatched_at timestamptz NOT NULL,                  -- T2
    received_by   bigint REFERENCES actors,
    opened_at     timestamptz,
    closed_at     timestamptz,                           -- receipt finished, missing tubes known
    CHECK (closed_at IS NULL OR opened_at IS NOT NULL),
    CHECK ((opened_at IS NULL) = (received_by IS NULL))
);
CREATE INDEX shipments_lab_open ON shipments (lab_id, id) WHERE closed_at IS NULL;

CREATE TABLE samples (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    barcode       text NOT NULL UNIQUE CHECK (barcode <> ''),
    mode          text NOT NULL CHECK (mode IN ('single','household','mixed5','mixed10','mixed20')),
    specimen      text NOT NULL DEFAULT 'OP',
    department_id bigint NOT NULL REFERENCES departments,
    lab_id        bigint REFERENCES labs,       -- the lab that holds it, from dispatch on
    shipment_id   bigint REFERENCES shipments,
    state         text NOT NULL DEFAULT 'registered'
                  CHECK (state IN ('registered','collected','received','rejected','loaded','read','closed','discarded')),
    priority      smallint NOT NULL DEFAULT 5,  -- 1 first; the most urgent of its orders
    declared      smallint CHECK (declared BETWEEN 1 AND 20), -- persons declared when the tube was closed
    collected_at  timestamptz,                  -- T0, the first swab
    closed_at     timestamptz,                  -- T1
    received_at   timestamptz,                  -- T3
    due_at        timestamptz,                  -- the earliest deadline of its orders
    rejected_at   timestamptz,
    reject_reason text NOT NULL DEFAULT '',
    attempts      smallint NOT NULL DEFAULT 0,  -- valid tests so far
    prior_call    text NOT NULL DEFAULT '',
    prior_action  text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL,
    CHECK (state = 'registered' OR collected_at IS NOT NULL),
    CHECK (state IN ('registered','collected','rejected','discarded') OR received_at IS NOT NULL),
    CHECK ((state = 'rejected') <= (rejected_at IS NOT NULL)),
    CHECK (closed_at >= collected_at),
    CHECK (received_at >= collected_at)
);
CREATE INDEX samples_bench ON samples (lab_id, priority, due_at, id) WHERE state = 'received';
CREATE INDEX samples_shipment ON samples (shipment_id);
CREATE INDEX samples_loose ON samples (department_id, id) WHERE state = 'collected' AND shipment_id IS NULL;
CREATE INDEX samples_department ON samples (department_id, id);

CREATE TABLE orders (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    department_id bigint NOT NULL REFERENCES departments,
    client_id     text NOT NULL CHECK (client_id <> ''), -- the department's own number: registering twice is once
    digest        bytea NOT NULL,                        -- of what was registered: the same number with other content is refused
    subject_id    bigint NOT NULL REFERENCES subjects,
    lab_id        bigint REFERENCES labs,
    sample_id     bigint REFERENCES samples,             -- the tube that counts now
    assay         text NOT NULL DEFAULT 'SARS-CoV-2',
    category      text NOT NULL CHECK (category IN ('close_contact','key_person','fever_clinic','cold_chain','screening','voluntary')),
    policy_id     bigint NOT NULL REFERENCES policies,
    limit_a       integer NOT NULL CHECK (limit_a > 0),  -- minutes, collection to result
    limit_b       integer NOT NULL CHECK (limit_b > 0),  -- minutes, receipt to result
    state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open','waiting','final','cancelled')),
    drill         boolean NOT NULL DEFAULT false,
    registered_at timestamptz NOT NULL,
    registered_by bigint NOT NULL REFERENCES actors,
    collected_at  timestamptz, -- T0 of the first tube: the person's clock goes on over a new collection
    received_at   timestamptz, -- T3 of the first tube
    due_at        timestamptz, -- received_at + limit_b
    resulted_at   timestamptz, -- T6
    released_at   timestamptz, -- T7
    UNIQUE (department_id, client_id),
    CHECK ((state = 'final') <= (released_at IS NOT NULL)),
    CHECK (due_at IS NULL OR received_at IS NOT NULL)
);
CREATE INDEX orders_department ON orders (department_id, id DESC);
CREATE INDEX orders_open ON orders (due_at) WHERE state IN ('open','waiting');
CREATE INDEX orders_waiting ON orders (department_id) WHERE state = 'waiting';
CREATE INDEX orders_registered ON orders USING brin (registered_at) WITH (pages_per_range = 32);
CREATE INDEX orders_released ON orders (released_at) WHERE released_at IS NOT NULL;
CREATE INDEX orders_sample ON orders (sample_id);
CREATE INDEX orders_subject ON orders (subject_id);

CREATE TABLE contents ( -- which orders are in which tube
    sample_id bigint NOT NULL REFERENCES samples,
    position  smallint NOT NULL CHECK (position BETWEEN 1 AND 20),
    order_id  bigint NOT NULL REFERENCES orders,
    PRIMARY KEY (sample_id, position),
    UNIQUE (order_id, sample_id)
);

CREATE TABLE exceptions ( -- what did not fit at receipt: each is shown until a person closes it
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id      bigint NOT NULL REFERENCES labs,
    shipment_id bigint REFERENCES shipments,
    barcode     text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('unknown','extra','missing','rejected')),
    note        text NOT NULL DEFAULT '',
    at          timestamptz NOT NULL,
    actor_id    bigint NOT NULL REFERENCES actors,
    closed_at   timestamptz,
    closed_by   bigint REFERENCES actors,
    UNIQUE (shipment_id, barcode, kind),
    CHECK ((closed_at IS NULL) = (closed_by IS NULL))
);
CREATE INDEX exceptions_open ON exceptions (lab_id, id) WHERE closed_at IS NULL;

-- Pools made in the laboratory: never a pool of pools --------------------------------------------------------------------------

CREATE TABLE pools (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code       text NOT NULL UNIQUE,
    lab_id     bigint NOT NULL REFERENCES labs,
    state      text NOT NULL DEFAULT 'received' CHECK (state IN ('received','loaded','read','closed')),
    made_by    bigint NOT NULL REFERENCES actors,
    created_at timestamptz NOT NULL
);

CREATE TABLE pool_samples (
    pool_id   bigint NOT NULL REFERENCES pools,
    position  smallint NOT NULL CHECK (position BETWEEN 1 AND 50),
    sample_id bigint NOT NULL REFERENCES samples,
    PRIMARY KEY (pool_id, position),
    UNIQUE (pool_id, sample_id)
);

-- +goose StatementBegin
CREATE FUNCTION refuse_pool_of_pools() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT mode FROM samples WHERE id = NEW.sample_id) <> 'single' THEN
        RAISE EXCEPTION 'pool_of_pools' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER pool_samples_single BEFORE INSERT OR UPDATE ON pool_samples
    FOR EACH ROW EXECUTE FUNCTION refuse_pool_of_pools();

-- The bench ------------------------------------------------------------------------------------------------------------------

CREATE TABLE plates (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code          text NOT NULL UNIQUE,
    lab_id        bigint NOT NULL REFERENCES labs,
    wells         smallint NOT NULL CHECK (wells IN (96,384)),
    kit_key       text NOT NULL REFERENCES kits (key),
    lot           text NOT NULL DEFAULT '',
    state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open','sealed','running','read','accepted','void')),
    instrument_id bigint REFERENCES instruments,
    made_by       bigint NOT NULL REFERENCES actors,
    created_at    timestamptz NOT NULL,
    sealed_at     timestamptz,
    started_at    timestamptz, -- T5
    read_at       timestamptz, -- T6
    closed_at     timestamptz, -- accepted or void
    reason        text NOT NULL DEFAULT '',
    CHECK (state IN ('open','void') OR sealed_at IS NOT NULL),
    CHECK (state IN ('open','sealed','void') OR started_at IS NOT NULL),
    CHECK (state NOT IN ('read','accepted') OR read_at IS NOT NULL),
    CHECK ((state IN ('accepted','void')) = (closed_at IS NOT NULL)),
    CHECK (state <> 'void' OR reason <> '')
);
CREATE INDEX plates_lab ON plates (lab_id, id DESC);
CREATE INDEX plates_active ON plates (lab_id, state) WHERE state IN ('open','sealed','running','read');

CREATE TABLE wells (
    plate_id  bigint NOT NULL REFERENCES plates,
    pos       text NOT NULL CHECK (pos ~ '^[A-P]([1-9]|1[0-9]|2[0-4])$'),
    role      text NOT NULL CHECK (role IN ('sample','negative','positive','weak','ntc','nec','saline')),
    sample_id bigint REFERENCES samples,
    pool_id   bigint REFERENCES pools,
    code      text NOT NULL,             -- barcode, pool code or the control's name
    kit_key   text NOT NULL REFERENCES kits (key),
    arm       text NOT NULL DEFAULT '',  -- A/B where one sample is tested with two kits
    batch     text NOT NULL DEFAULT '',  -- extraction batch
    lot       text NOT NULL DEFAULT '',
    PRIMARY KEY (plate_id, pos, kit_key),
    CHECK ((role = 'sample') = (num_nonnulls(sample_id, pool_id) = 1))
);
CREATE INDEX wells_sample ON wells (sample_id) WHERE sample_id IS NOT NULL;
CREATE INDEX wells_pool ON wells (pool_id) WHERE pool_id IS NOT NULL;

-- What the instruments said --------------------------------------------------------------------------------------------------

CREATE TABLE messages (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_id bigint REFERENCES instruments, -- NULL: an unknown sender, kept and shown
    lab_id        bigint REFERENCES labs,
    sha256        bytea NOT NULL,
    bytes         bytea NOT NULL,
    name          text NOT NULL DEFAULT '',      -- file name, for people
    complete      boolean NOT NULL DEFAULT true, -- false: the transmission broke off
    state         text NOT NULL DEFAULT 'kept' CHECK (state IN ('kept','recorded','failed','parked','ignored')),
    driver        text NOT NULL DEFAULT '',
    plate_id      bigint REFERENCES plates,      -- bound by a person
    code          text NOT NULL DEFAULT '',      -- why failed, parked or ignored
    args          jsonb NOT NULL DEFAULT '{}',
    kept_at       timestamptz NOT NULL,
    settled_at    timestamptz,
    CHECK ((state = 'kept') = (settled_at IS NULL)),
    CHECK (state IN ('kept','recorded') OR code <> '')
);
CREATE UNIQUE INDEX messages_identity ON messages (coalesce(instrument_id, 0), sha256);
CREATE INDEX messages_kept ON messages (id) WHERE state = 'kept';
CREATE INDEX messages_open ON messages (lab_id, id DESC) WHERE state IN ('failed','parked');

CREATE TABLE arrivals ( -- every time the bytes came: a repeat is seen and not judged twice
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id bigint NOT NULL REFERENCES messages,
    at         timestamptz NOT NULL,
    line       text NOT NULL,
    peer       text NOT NULL DEFAULT ''
);
CREATE INDEX arrivals_message ON arrivals (message_id);

CREATE TABLE runs (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id    bigint NOT NULL REFERENCES messages,
    part          smallint NOT NULL, -- a message may hold several runs
    plate_id      bigint REFERENCES plates,
    lab_id        bigint REFERENCES labs,
    instrument_id bigint REFERENCES instruments,
    version       smallint NOT NULL, -- of the plate's runs, from 1
    driver        text NOT NULL,
    model         text NOT NULL DEFAULT '',
    serial        text NOT NULL DEFAULT '',
    name          text NOT NULL DEFAULT '',
    started_text  text NOT NULL DEFAULT '',
    ended_text    text NOT NULL DEFAULT '',
    accepted      boolean NOT NULL,
    verdict       jsonb NOT NULL, -- controls, differences, flags
    recorded_at   timestamptz NOT NULL,
    UNIQUE (message_id, part),
    UNIQUE (plate_id, version)
);

CREATE TABLE readings (
    run_id  bigint NOT NULL REFERENCES runs,
    seq     integer NOT NULL,
    well    text NOT NULL,
    sample  text NOT NULL,
    target  text NOT NULL,
    dye     text NOT NULL,
    state   text NOT NULL CHECK (state IN ('cq','none','empty')),
    cq      double precision CHECK ((cq IS NOT NULL) = (state = 'cq')),
    cq_text text NOT NULL,
    call    text NOT NULL,
    task    text NOT NULL,
    status  text NOT NULL,
    value   text NOT NULL,
    unit    text NOT NULL,
    omit    boolean NOT NULL,
    line    integer NOT NULL,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE curves (
    run_id bigint NOT NULL REFERENCES runs,
    well   text NOT NULL,
    target text NOT NULL,
    dye    text NOT NULL,
    kind   text NOT NULL CHECK (kind IN ('raw','rn','drn')),
    first  smallint NOT NULL,
    y      real[] NOT NULL,
    PRIMARY KEY (run_id, well, target, dye, kind)
);

CREATE TABLE calls (
    run_id    bigint NOT NULL REFERENCES runs,
    pos       text NOT NULL,
    kit_key   text NOT NULL REFERENCES kits (key),
    role      text NOT NULL,
    sample_id bigint REFERENCES samples,
    pool_id   bigint REFERENCES pools,
    code      text NOT NULL,
    arm       text NOT NULL DEFAULT '',
    call      text NOT NULL,
    action    text NOT NULL DEFAULT '',
    rule      smallint NOT NULL,
    why       text NOT NULL,
    targets   jsonb NOT NULL,
    invalid   boolean NOT NULL DEFAULT false,
    flags     jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (run_id, pos, kit_key)
);
CREATE INDEX calls_sample ON calls (sample_id) WHERE sample_id IS NOT NULL;

-- What we say ------------------------------------------------------------------------------------------------------------------

CREATE SEQUENCE results_cursor;

CREATE TABLE results (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id      bigint NOT NULL REFERENCES orders,
    sample_id     bigint NOT NULL REFERENCES samples,
    run_id        bigint REFERENCES runs, -- NULL: rejected, or decided by a person
    lab_id        bigint NOT NULL REFERENCES labs,
    department_id bigint NOT NULL REFERENCES departments,
    version       smallint NOT NULL,
    call          text NOT NULL CHECK (call IN ('negative','positive','presumptive_positive','suspicious','inconclusive',
                                                'invalid','discordant','pending_review','rejected')),
    state         text NOT NULL DEFAULT 'called' CHECK (state IN ('called','checked','released','superseded','held','withdrawn')),
    called_at     timestamptz NOT NULL, -- T6
    checked_by    bigint REFERENCES actors,
    checked_at    timestamptz,
    released_by   bigint REFERENCES actors,
    released_at   timestamptz,          -- T7
    ended_at      timestamptz,          -- superseded or withdrawn
    cursor        bigint UNIQUE,        -- order of release: taken under a lock, so that readers who go on from it miss nothing
    reason        text NOT NULL DEFAULT '',
    UNIQUE (order_id, version),
    CHECK ((checked_by IS NULL) = (checked_at IS NULL)),
    CHECK ((released_by IS NULL) = (released_at IS NULL)),
    CHECK (released_by <> checked_by), -- two different people, always
    CHECK (state NOT IN ('checked','released','superseded') OR checked_at IS NOT NULL),
    CHECK ((state IN ('released','superseded')) = (released_at IS NOT NULL)),
    CHECK ((cursor IS NULL) = (released_at IS NULL)),
    CHECK ((state IN ('superseded','withdrawn')) = (ended_at IS NOT NULL)),
    CHECK (state NOT IN ('held','withdrawn') OR reason <> '')
);
CREATE UNIQUE INDEX results_one_open ON results (order_id) WHERE state IN ('called','held','checked');
CREATE UNIQUE INDEX results_one_released ON results (order_id) WHERE state = 'released';
CREATE INDEX results_run ON results (run_id);
CREATE INDEX results_sample ON results (sample_id);
CREATE INDEX results_work ON results (lab_id, state, id) WHERE state IN ('called','held','checked');
CREATE INDEX results_department ON results (department_id, released_at, id) WHERE released_at IS NOT NULL;
CREATE INDEX results_feed ON results (department_id, cursor) WHERE cursor IS NOT NULL;

CREATE TABLE alerts ( -- never deleted, resolved with a reason only
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id          bigint NOT NULL REFERENCES labs,
    department_id   bigint REFERENCES departments,
    kind            text NOT NULL CHECK (kind IN ('preliminary_positive','control_failed','suspicious','late','silence','delivery')),
    key             text NOT NULL UNIQUE, -- what it is about: raised once
    sample_id       bigint REFERENCES samples,
    plate_id        bigint REFERENCES plates,
    run_id          bigint REFERENCES runs,
    args            jsonb NOT NULL DEFAULT '{}',
    raised_at       timestamptz NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by bigint REFERENCES actors,
    resolved_at     timestamptz,
    resolved_by     bigint REFERENCES actors,
    reason          text NOT NULL DEFAULT '',
    CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL)),
    CHECK ((resolved_at IS NULL) = (resolved_by IS NULL)),
    CHECK (resolved_at IS NULL OR reason <> '')
);
CREATE INDEX alerts_open ON alerts (lab_id, id DESC) WHERE resolved_at IS NULL;

-- Back to the departments ------------------------------------------------------------------------------------------------------

CREATE TABLE destinations (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    department_id bigint NOT NULL REFERENCES departments,
    name          text NOT NULL,
    line          text NOT NULL CHECK (line IN ('department','cdc','command')),
    format        text NOT NULL,
    channel       text NOT NULL,
    address       text NOT NULL,
    secret        bytea NOT NULL DEFAULT '',
    options       jsonb NOT NULL DEFAULT '{}',
    active        boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL,
    UNIQUE (department_id, name)
);

CREATE TABLE deliveries (
    id              uuid PRIMARY KEY, -- the idempotency key the receiver sees
    seq             bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    destination_id  bigint NOT NULL REFERENCES destinations,
    department_id   bigint NOT NULL REFERENCES departments,
    lab_id          bigint NOT NULL REFERENCES labs,
    state           text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued','sending','delivered','acknowledged','refused')),
    positive        boolean NOT NULL DEFAULT false,
    results         integer NOT NULL CHECK (results > 0),
    tries           integer NOT NULL DEFAULT 0,
    queued_at       timestamptz NOT NULL, -- T7
    next_at         timestamptz NOT NULL, -- when it is due
    lease_until     timestamptz,
    delivered_at    timestamptz,          -- T8
    acknowledged_at timestamptz,          -- T9
    error           text NOT NULL DEFAULT '',
    receipt         text NOT NULL DEFAULT '',
    CHECK ((state = 'sending') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('delivered','acknowledged')) = (delivered_at IS NOT NULL)),
    CHECK ((state = 'acknowledged') = (acknowledged_at IS NOT NULL))
);
CREATE INDEX deliveries_due ON deliveries (next_at, seq) WHERE state = 'queued';
CREATE INDEX deliveries_leased ON deliveries (lease_until) WHERE state = 'sending';
CREATE INDEX deliveries_open ON deliveries (seq) WHERE state IN ('delivered','refused');
CREATE INDEX deliveries_department ON deliveries (department_id, seq DESC);

CREATE TABLE delivery_results (
    delivery_id uuid NOT NULL REFERENCES deliveries,
    result_id   bigint NOT NULL REFERENCES results,
    PRIMARY KEY (delivery_id, result_id)
);
CREATE INDEX delivery_results_result ON delivery_results (result_id);

-- Who did what -----------------------------------------------------------------------------------------------------------------

CREATE TABLE audit ( -- append only, written in the transaction of the fact
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor_id bigint NOT NULL,
    lab_id   bigint,
    verb     text NOT NULL,
    entity   text NOT NULL,
    key      bigint NOT NULL, -- the entity's id
    changes  jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_entity ON audit (entity, key);
CREATE INDEX audit_at ON audit USING brin (at);

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER alerts_never_deleted BEFORE DELETE OR TRUNCATE ON alerts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER messages_never_deleted BEFORE DELETE OR TRUNCATE ON messages
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE marks ( -- small facts of the program itself, such as where a demo day stands
    name  text PRIMARY KEY,
    value jsonb NOT NULL
);
