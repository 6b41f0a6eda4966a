-- Instruments: analysers without plates, tables that a laboratory describes, replays of kept messages, clocks.

-- +goose Up

-- The instrument's own clock: the time it wrote into the message, as written, and how far it lies behind our arrival.
ALTER TABLE messages
    ADD COLUMN clock_text text NOT NULL DEFAULT '',
    ADD COLUMN skew_s     double precision; -- arrival minus the instrument's time; NULL: it wrote none that could be read
CREATE INDEX messages_instrument ON messages (instrument_id, id DESC);
CREATE INDEX messages_clock ON messages (instrument_id, id DESC) WHERE skew_s IS NOT NULL;
CREATE INDEX messages_unknown ON messages (id DESC) WHERE instrument_id IS NULL;
CREATE INDEX messages_incomplete ON messages (id DESC) WHERE NOT complete;
CREATE INDEX messages_day ON messages (kept_at);

-- A replay reads a message again with a mended driver; its run stands beside the one that counts.
ALTER TABLE runs ADD COLUMN replays bigint REFERENCES runs;
CREATE INDEX runs_day ON runs (recorded_at);

CREATE TABLE disputes ( -- what a replay would call otherwise: a person decides
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id     bigint NOT NULL REFERENCES runs, -- the replay
    lab_id     bigint REFERENCES labs,
    pos        text NOT NULL,
    code       text NOT NULL,
    sample_id  bigint REFERENCES samples,
    old_call   text NOT NULL,
    new_call   text NOT NULL,
    released   boolean NOT NULL,                -- a result of the old call had been released
    raised_at  timestamptz NOT NULL,
    settled_at timestamptz,
    settled_by bigint REFERENCES actors,
    reason     text NOT NULL DEFAULT '',
    UNIQUE (run_id, pos),
    CHECK ((settled_at IS NULL) = (settled_by IS NULL)),
    CHECK (settled_at IS NULL OR reason <> '')
);
CREATE INDEX disputes_open ON disputes (lab_id, id DESC) WHERE settled_at IS NULL;
CREATE TRIGGER disputes_never_deleted BEFORE DELETE OR TRUNCATE ON disputes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Tests of analysers without plates: each counts once, however many messages and exports repeat it.
CREATE TABLE cartridges (
    instrument_id bigint NOT NULL REFERENCES instruments,
    barcode       text NOT NULL,
    mark          text NOT NULL, -- the instrument's own times of the test
    message_id    bigint NOT NULL REFERENCES messages,
    run_id        bigint NOT NULL REFERENCES runs,
    PRIMARY KEY (instrument_id, barcode, mark)
);
CREATE INDEX cartridges_message ON cartridges (message_id);

-- Tables that a laboratory describes itself. A version that was used is never changed.
CREATE TABLE mappings (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_id bigint NOT NULL REFERENCES instruments,
    version       integer NOT NULL CHECK (version > 0),
    body          text NOT NULL, -- JSON of instruments.Mapping; empty: the mapping was taken back
    saved_by      bigint NOT NULL REFERENCES actors,
    saved_at      timestamptz NOT NULL,
    UNIQUE (instrument_id, version)
);
CREATE TRIGGER mappings_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON mappings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
