-- Judgement in the laboratory: kits that cannot change once on record, lots with control ranges, dated rules, runs that two
-- people turn or bind, failed extraction batches and the work that follows, third-party quality control, two kits on one
-- sample, and flags that a person must touch before anything of the plate is released.

-- +goose Up

-- Rules of the laboratory as dated data --------------------------------------------------------------------------------------

CREATE TABLE rules ( -- never changed: another version is another row
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id      bigint REFERENCES labs, -- NULL: every laboratory
    kind        text NOT NULL CHECK (kind IN ('parallel','auto','suspicion')),
    version     text NOT NULL CHECK (version <> ''),
    valid_from  date NOT NULL,
    body        jsonb NOT NULL,
    source      text NOT NULL,
    set_by      bigint NOT NULL REFERENCES actors,
    set_at      timestamptz NOT NULL,
    named       bigint REFERENCES actors, -- in whose name a program may check: the second of the two people who answer for it
    accepted_at timestamptz,              -- when that person agreed
    ended_by    bigint REFERENCES actors,
    ended_at    timestamptz,
    CHECK (named <> set_by),
    CHECK (kind <> 'auto' OR (named IS NOT NULL AND lab_id IS NOT NULL)),
    CHECK (accepted_at IS NULL OR named IS NOT NULL),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX rules_version ON rules (coalesce(lab_id, 0), kind, version);

-- Kits and lots ----------------------------------------------------------------------------------------------------------------

ALTER TABLE kits ADD COLUMN insert_name text NOT NULL DEFAULT '';
ALTER TABLE kits ADD COLUMN uploaded_by bigint REFERENCES actors;
ALTER TABLE kits ADD CONSTRAINT kits_approval CHECK ((approved_at IS NULL) = (approved_by IS NULL));

-- +goose StatementBegin
CREATE FUNCTION refuse_kit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.key, NEW.body, NEW.status, NEW.created_at) IS DISTINCT FROM (OLD.id, OLD.key, OLD.body, OLD.status, OLD.created_at) THEN
        RAISE EXCEPTION 'kit_immutable' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.approved_at IS NOT NULL AND (NEW.approved_at, NEW.approved_by, NEW.insert_sha256, NEW.insert_name)
            IS DISTINCT FROM (OLD.approved_at, OLD.approved_by, OLD.insert_sha256, OLD.insert_name) THEN
        RAISE EXCEPTION 'kit_immutable' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER kits_immutable BEFORE UPDATE ON kits FOR EACH ROW EXECUTE FUNCTION refuse_kit_change();

ALTER TABLE lots ADD COLUMN ranges jsonb NOT NULL DEFAULT '{}'; -- of the kit's controls: target -> low, high (Cq)
ALTER TABLE lots ADD COLUMN added_by bigint REFERENCES actors;
ALTER TABLE lots ADD COLUMN blocked_at timestamptz;
ALTER TABLE lots ADD COLUMN blocked_by bigint REFERENCES actors;
ALTER TABLE lots ADD COLUMN blocked_why text NOT NULL DEFAULT '';
ALTER TABLE lots ADD CONSTRAINT lots_blocked CHECK ((blocked_at IS NULL) = (blocked_by IS NULL) AND (blocked_at IS NULL OR blocked_why <> ''));

-- A run that does not fit: one supervisor says what it is, another confirms -----------------------------------------------------

CREATE TABLE fixes (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id   bigint NOT NULL REFERENCES messages,
    plate_id     bigint NOT NULL REFERENCES plates,
    turn         text NOT NULL DEFAULT '' CHECK (turn IN ('','rotated_180','slip_right','slip_left','shift_right','shift_down','shift_across')),
    waived       text[] NOT NULL DEFAULT '{}', -- codes of differences that the two accept
    reason       text NOT NULL CHECK (reason <> ''),
    proposed_by  bigint NOT NULL REFERENCES actors,
    proposed_at  timestamptz NOT NULL,
    confirmed_by bigint REFERENCES actors,
    confirmed_at timestamptz,
    declined_by  bigint REFERENCES actors,
    declined_at  timestamptz,
    CHECK (confirmed_by <> proposed_by), -- two different people, always
    CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL)),
    CHECK ((declined_by IS NULL) = (declined_at IS NULL)),
    CHECK (confirmed_at IS NULL OR declined_at IS NULL)
);
CREATE UNIQUE INDEX fixes_open ON fixes (message_id) WHERE confirmed_at IS NULL AND declined_at IS NULL;
CREATE INDEX fixes_message ON fixes (message_id, id);

ALTER TABLE runs ADD COLUMN fix_id bigint REFERENCES fixes; -- the run was judged as two people said

-- What follows from a run ------------------------------------------------------------------------------------------------------

CREATE TABLE failed_batches (
    lab_id   bigint NOT NULL REFERENCES labs,
    batch    text NOT NULL CHECK (batch <> ''),
    run_id   bigint NOT NULL REFERENCES runs,
    plate_id bigint NOT NULL REFERENCES plates,
    why      text NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (lab_id, batch, run_id)
);
CREATE INDEX wells_batch ON wells (batch) WHERE role = 'sample';

CREATE TABLE steps ( -- prescribed work, open until the tube is on a plate again or its results are signed
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id     bigint NOT NULL REFERENCES labs,
    plate_id   bigint NOT NULL REFERENCES plates,
    run_id     bigint NOT NULL REFERENCES runs,
    sample_id  bigint NOT NULL REFERENCES samples,
    action     text NOT NULL CHECK (action <> ''),
    why        text NOT NULL,
    created_at timestamptz NOT NULL,
    done_at    timestamptz,
    UNIQUE (run_id, sample_id, action, why)
);
CREATE INDEX steps_open ON steps (lab_id, action, id) WHERE done_at IS NULL;
CREATE INDEX steps_sample ON steps (sample_id) WHERE done_at IS NULL;
CREATE INDEX steps_plate ON steps (plate_id);

CREATE TABLE positivity ( -- the laboratory's own baseline: wells and findings by day
    lab_id   bigint NOT NULL REFERENCES labs,
    day      date NOT NULL,
    wells    integer NOT NULL,
    findings integer NOT NULL,
    PRIMARY KEY (lab_id, day)
);
CREATE INDEX subjects_doc ON subjects (doc_no) WHERE doc_no <> '';

-- Third-party quality control ----------------------------------------------------------------------------------------------------

CREATE TABLE iqc_lots (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id     bigint NOT NULL REFERENCES labs,
    number     text NOT NULL CHECK (number <> ''),
    level      text NOT NULL CHECK (level IN ('weak','saline')),
    material   text NOT NULL,
    expires_on date NOT NULL,
    added_by   bigint NOT NULL REFERENCES actors,
    created_at timestamptz NOT NULL,
    ended_at   timestamptz,
    UNIQUE (lab_id, level, number)
);

CREATE TABLE iqc_goals ( -- what the certificate of a lot, or the laboratory itself, says it shows with a kit
    iqc_lot_id bigint NOT NULL REFERENCES iqc_lots,
    kit_key    text NOT NULL REFERENCES kits (key),
    target     text NOT NULL,
    mean       double precision NOT NULL CHECK (mean > 0 AND mean < 100),
    sd         double precision NOT NULL CHECK (sd > 0 AND sd < 20),
    PRIMARY KEY (iqc_lot_id, kit_key, target)
);

CREATE TABLE iqc_points ( -- one control well and target; written with the run, never changed but to be left out with a record
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id        bigint NOT NULL REFERENCES labs,
    run_id        bigint NOT NULL REFERENCES runs,
    plate_id      bigint NOT NULL REFERENCES plates,
    pos           text NOT NULL,
    level         text NOT NULL CHECK (level IN ('weak','saline','negative')),
    kit_key       text NOT NULL REFERENCES kits (key),
    kit_lot       text NOT NULL,
    iqc_lot       text NOT NULL,
    instrument_id bigint REFERENCES instruments,
    target        text NOT NULL,
    cq            double precision, -- NULL: no Cq
    ok            boolean NOT NULL, -- the control as a whole
    left_out      boolean NOT NULL DEFAULT false,
    at            timestamptz NOT NULL,
    UNIQUE (run_id, pos, kit_key, target)
);
CREATE INDEX iqc_points_series ON iqc_points (lab_id, kit_key, target, instrument_id, iqc_lot, kit_lot, id) WHERE level = 'weak';

CREATE TABLE iqc_events ( -- a broken rule; out of control (reject) blocks the release of the plate until it is closed
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id     bigint NOT NULL REFERENCES labs,
    run_id     bigint NOT NULL REFERENCES runs,
    plate_id   bigint NOT NULL REFERENCES plates,
    kit_key    text NOT NULL REFERENCES kits (key),
    target     text NOT NULL,
    rule       text NOT NULL,
    reject     boolean NOT NULL,
    z          double precision,
    raised_at  timestamptz NOT NULL,
    closed_by  bigint REFERENCES actors,
    closed_at  timestamptz,
    cause      text NOT NULL DEFAULT '',
    action     text NOT NULL DEFAULT '',
    UNIQUE (run_id, kit_key, target, rule),
    CHECK ((closed_at IS NULL) = (closed_by IS NULL)),
    CHECK (closed_at IS NULL OR (cause <> '' AND action <> ''))
);
CREATE INDEX iqc_events_open ON iqc_events (run_id) WHERE reject AND closed_at IS NULL;
CREATE INDEX iqc_events_lab ON iqc_events (lab_id, id DESC);

-- Two kits on one sample -----------------------------------------------------------------------------------------------------------

CREATE TABLE sample_arms (
    sample_id bigint NOT NULL REFERENCES samples,
    arm       text NOT NULL CHECK (arm IN ('A','B','C')),
    kit_key   text NOT NULL REFERENCES kits (key),
    lab_id    bigint NOT NULL REFERENCES labs, -- that tests this arm
    state     text NOT NULL DEFAULT 'owed' CHECK (state IN ('owed','loaded','read')),
    plate_id  bigint REFERENCES plates,
    run_id    bigint REFERENCES runs,
    pos       text NOT NULL DEFAULT '',
    call      text NOT NULL DEFAULT '',
    action    text NOT NULL DEFAULT '',
    invalid   boolean NOT NULL DEFAULT false,
    attempts  smallint NOT NULL DEFAULT 0,
    rules_id  bigint REFERENCES rules, -- the policy that the pair goes by; NULL: the built-in table
    why       text NOT NULL,           -- asked, reflex, third_kit
    asked_by  bigint REFERENCES actors, -- NULL: by the policy
    asked_at  timestamptz NOT NULL,
    PRIMARY KEY (sample_id, arm),
    UNIQUE (sample_id, kit_key),
    CHECK (state <> 'loaded' OR plate_id IS NOT NULL),
    CHECK (state <> 'read' OR run_id IS NOT NULL)
);
CREATE INDEX sample_arms_owed ON sample_arms (lab_id, kit_key) WHERE state = 'owed';
CREATE INDEX sample_arms_plate ON sample_arms (plate_id) WHERE plate_id IS NOT NULL;

CREATE TABLE consensus ( -- what two arms said together
    result_id bigint PRIMARY KEY REFERENCES results,
    version   text NOT NULL, -- of the policy
    why       text NOT NULL,
    next      text[] NOT NULL DEFAULT '{}'
);

CREATE TABLE result_arms (
    result_id bigint NOT NULL REFERENCES results,
    arm       text NOT NULL,
    kit_key   text NOT NULL REFERENCES kits (key),
    run_id    bigint NOT NULL REFERENCES runs,
    pos       text NOT NULL,
    PRIMARY KEY (result_id, arm)
);
CREATE INDEX result_arms_run ON result_arms (run_id);

ALTER TABLE results ADD COLUMN auto_version text NOT NULL DEFAULT '';
ALTER TABLE results ADD CONSTRAINT results_auto_negative CHECK (auto_version = '' OR call = 'negative');
ALTER TABLE results ADD CONSTRAINT results_discordant CHECK (call <> 'discordant' OR state IN ('called','held','withdrawn'));

-- Flags ------------------------------------------------------------------------------------------------------------------------------

CREATE TABLE flags (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id     bigint NOT NULL REFERENCES labs,
    plate_id   bigint NOT NULL REFERENCES plates,
    run_id     bigint NOT NULL REFERENCES runs,
    pos        text NOT NULL DEFAULT '', -- '': the plate as a whole
    sample_id  bigint REFERENCES samples,
    code       text NOT NULL,
    args       jsonb NOT NULL DEFAULT '{}',
    raised_at  timestamptz NOT NULL,
    touched_by bigint REFERENCES actors,
    touched_at timestamptz,
    note       text NOT NULL DEFAULT '',
    CHECK ((touched_at IS NULL) = (touched_by IS NULL)),
    CHECK (touched_at IS NULL OR note <> '')
);
CREATE INDEX flags_run ON flags (run_id);
CREATE INDEX flags_open ON flags (lab_id, run_id) WHERE touched_at IS NULL;

-- +goose StatementBegin
CREATE FUNCTION refuse_early_release() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE now_released bigint[];
BEGIN
    SELECT array_agg(DISTINCT run_id) INTO now_released FROM changed WHERE state = 'released' AND run_id IS NOT NULL;
    IF now_released IS NULL THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM iqc_events WHERE run_id = ANY (now_released) AND reject AND closed_at IS NULL) THEN
        RAISE EXCEPTION 'iqc_out_of_control' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM flags WHERE run_id = ANY (now_released) AND touched_at IS NULL) THEN
        RAISE EXCEPTION 'flags_untouched' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER results_release_gate AFTER UPDATE ON results REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_early_release();

ALTER TABLE alerts DROP CONSTRAINT alerts_kind_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_kind_check CHECK (kind IN ('preliminary_positive','control_failed','suspicious','late','silence',
    'delivery','iqc','lot_drift','discordant'));
