-- Senders that no line names, and whose instrument a person has told: the next message is recognised.

-- +goose Up
CREATE TABLE senders (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_id bigint NOT NULL REFERENCES instruments,
    by_what       text NOT NULL CHECK (by_what IN ('port','address','name')),
    value         text NOT NULL CHECK (value <> ''), -- name of the line, remote address, or the sender that the message's header names
    message_id    bigint NOT NULL REFERENCES messages, -- on which it was told
    told_by       bigint NOT NULL REFERENCES actors,
    told_at       timestamptz NOT NULL,
    dropped_by    bigint REFERENCES actors,
    dropped_at    timestamptz,
    CHECK ((dropped_at IS NULL) = (dropped_by IS NULL))
);
CREATE UNIQUE INDEX senders_known ON senders (by_what, value) WHERE dropped_at IS NULL;
CREATE INDEX senders_instrument ON senders (instrument_id) WHERE dropped_at IS NULL;
CREATE TRIGGER senders_never_deleted BEFORE DELETE OR TRUNCATE ON senders
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
