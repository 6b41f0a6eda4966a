-- Results that were released and are wrong: who says so, what the corrected result rests on, which result replaces which. When an
-- API token was last used.

-- +goose Up

CREATE TABLE amendments (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id     bigint NOT NULL REFERENCES labs,
    sample_id  bigint NOT NULL REFERENCES samples, -- of which the wrong results speak
    code       text NOT NULL CHECK (code IN ('misread','transcription','identity','contamination','control','kit','retest','other')),
    reason     text NOT NULL CHECK (reason <> ''), -- stands on the corrected report
    opened_by  bigint NOT NULL REFERENCES actors,
    opened_at  timestamptz NOT NULL,
    basis      text NOT NULL DEFAULT '' CHECK (basis IN ('','run','record')), -- another call of a run; a person's word on a record
    run_id     bigint REFERENCES runs,
    pos        text NOT NULL DEFAULT '',
    kit_key    text REFERENCES kits (key),
    call       text NOT NULL DEFAULT '',
    evidence   text NOT NULL DEFAULT '',
    subject_id bigint REFERENCES subjects, -- who the result is of, from the release on
    called_by  bigint REFERENCES actors,
    called_at  timestamptz,
    outcome    text NOT NULL DEFAULT '' CHECK (outcome IN ('','released','dropped')),
    ended_by   bigint REFERENCES actors,
    ended_at   timestamptz,
    end_reason text NOT NULL DEFAULT '',
    CHECK ((basis = '') = (called_at IS NULL) AND (called_by IS NULL) = (called_at IS NULL)),
    CHECK (basis <> 'run' OR (run_id IS NOT NULL AND kit_key IS NOT NULL)),
    CHECK (basis <> 'record' OR evidence <> ''),
    CHECK ((outcome = '') = (ended_at IS NULL) AND (ended_by IS NULL) = (ended_at IS NULL)),
    CHECK (outcome <> 'dropped' OR end_reason <> ''),
    CHECK (outcome <> 'released' OR basis <> '')
);
CREATE INDEX amendments_open ON amendments (lab_id, id) WHERE outcome = '';
CREATE INDEX amendments_lab ON amendments (lab_id, id DESC);
CREATE INDEX amendments_sample ON amendments (sample_id);

CREATE TABLE amended_results (
    amendment_id bigint NOT NULL REFERENCES amendments,
    result_id    bigint NOT NULL REFERENCES results,  -- the wrong one
    order_id     bigint NOT NULL REFERENCES orders,
    subject_id   bigint NOT NULL REFERENCES subjects, -- whom the wrong one names
    new_id       bigint UNIQUE REFERENCES results,    -- the one that replaces it
    open         boolean NOT NULL DEFAULT true,
    PRIMARY KEY (amendment_id, result_id),
    CHECK (new_id <> result_id)
);
CREATE UNIQUE INDEX amended_results_open ON amended_results (order_id) WHERE open;
CREATE INDEX amended_results_old ON amended_results (result_id);

CREATE TRIGGER amendments_never_deleted BEFORE DELETE OR TRUNCATE ON amendments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER amended_results_never_deleted BEFORE DELETE OR TRUNCATE ON amended_results
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE deliveries ADD COLUMN correction boolean NOT NULL DEFAULT false; -- its results replace others that were delivered

ALTER TABLE tokens ADD COLUMN last_used_at timestamptz; -- to the minute
