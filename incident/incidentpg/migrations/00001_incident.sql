-- +goose Up

-- What people and programs outside wrote stands in bytea columns, mostly as JSON:
-- text refuses NUL, whatever the server's encoding lacks and, where indexed, what is
-- long; jsonb refuses NUL and writes numbers, white space and double names in its own
-- way. text columns are for words and ids of ours. So that a key of any length can be
-- unique its digest is.

CREATE SEQUENCE theriac.incident_number;

-- version counts changes of the document, seq its events. The document's own fields of
-- these names are not looked at, nor is number. listing is the document without the
-- parts that only a single one shows. search is name and summary in small letters,
-- fields one element for each value of a custom field. A time is null for never.
-- ended_at is by our own clock, not by what people say.
CREATE TABLE theriac.incident (
    number       bigint PRIMARY KEY,
    id           text COLLATE "C" NOT NULL CONSTRAINT incident_id_key UNIQUE,
    version      bigint NOT NULL,
    seq          bigint NOT NULL,
    status       text NOT NULL CHECK (status IN ('triage', 'investigating', 'fixing', 'monitoring', 'paused',
                     'documenting', 'reviewing', 'closed', 'declined', 'merged', 'canceled')),
    stage        text NOT NULL CHECK (stage IN ('triage', 'active', 'paused', 'post-incident', 'closed', 'off')),
    mode         text NOT NULL CHECK (mode IN ('standard', 'test', 'retrospective')),
    visibility   text NOT NULL CHECK (visibility IN ('public', 'private')),
    severity     bytea NOT NULL,
    type         bytea NOT NULL,
    merged_into  text COLLATE "C" NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    page_due_at  timestamptz,
    nudge_due_at timestamptz,
    has_channel  boolean NOT NULL,
    people       bytea[] NOT NULL,
    fields       bytea[] NOT NULL,
    search       bytea NOT NULL,
    listing      bytea NOT NULL,
    document     bytea NOT NULL
);
CREATE INDEX incident_status ON theriac.incident (status, number);
CREATE INDEX incident_stage ON theriac.incident (stage, number);
CREATE INDEX incident_page_due ON theriac.incident (page_due_at, number) WHERE page_due_at IS NOT NULL;
CREATE INDEX incident_nudge_due ON theriac.incident (nudge_due_at, number) WHERE nudge_due_at IS NOT NULL;
CREATE INDEX incident_open ON theriac.incident (id) WHERE ended_at IS NULL;
CREATE INDEX incident_ended ON theriac.incident (ended_at) WHERE ended_at IS NOT NULL;

-- Who holds a key now. Keys of the past are in documents only.
CREATE TABLE theriac.incident_key (
    digest      bytea CONSTRAINT incident_key_pkey PRIMARY KEY GENERATED ALWAYS AS (sha256(text)) STORED,
    text        bytea NOT NULL,
    incident_id text COLLATE "C" NOT NULL
);
CREATE INDEX incident_key_incident ON theriac.incident_key (incident_id);

-- Rows are added and never changed. body is the event as JSON; its own number, seq,
-- visibility and mode are not looked at: who adds an event need not know its incident.
-- recorded_at is the program's time, stored_at the server's.
CREATE TABLE theriac.incident_event (
    number      bigint NOT NULL,
    seq         bigint NOT NULL,
    id          text COLLATE "C" NOT NULL CONSTRAINT incident_event_id_key UNIQUE,
    type        text COLLATE "C" NOT NULL,
    actor       bytea NOT NULL,
    key         bytea,
    recorded_at timestamptz NOT NULL,
    stored_at   timestamptz NOT NULL,
    visibility  text NOT NULL,
    mode        text NOT NULL,
    body        bytea NOT NULL,
    PRIMARY KEY (number, seq)
);
CREATE UNIQUE INDEX incident_event_key ON theriac.incident_event (number, sha256(key)) WHERE key IS NOT NULL;
CREATE INDEX incident_event_type ON theriac.incident_event (type, id);
CREATE INDEX incident_event_recorded ON theriac.incident_event USING brin (recorded_at) WITH (autosummarize);

-- Requests from outside and ticks of the clock.
CREATE TABLE theriac.inbound (
    digest     bytea PRIMARY KEY GENERATED ALWAYS AS (sha256(id)) STORED,
    id         bytea NOT NULL,
    topic      text COLLATE "C" NOT NULL,
    kind       text NOT NULL,
    body       bytea NOT NULL,
    attributes bytea NOT NULL,
    not_before timestamptz,
    stored_at  timestamptz NOT NULL,
    handled_at timestamptz,
    result     bytea NOT NULL DEFAULT ''
) WITH (fillfactor = 90);
CREATE INDEX inbound_stored ON theriac.inbound (stored_at);
CREATE INDEX inbound_unhandled ON theriac.inbound (topic, stored_at) WHERE handled_at IS NULL;

-- What is not yet with the broker, an event or an inbound row; a row goes when it is.
-- It has a table of its own so that events, which are large and for ever, are not
-- rewritten. since is when it began to wait, due_at when the lease of a relay ends, or
-- when it is wanted first; no index has them, so that a lease changes none. again is
-- true where an event was asked for once more while a relay had it. chore is true of a
-- row that gives way to what people wait for.
CREATE TABLE theriac.incident_outbox (
    n         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    event_id  text COLLATE "C" CONSTRAINT incident_outbox_event UNIQUE,
    inbound   bytea CONSTRAINT incident_outbox_inbound UNIQUE,
    stored_at timestamptz NOT NULL,
    since     timestamptz NOT NULL,
    due_at    timestamptz NOT NULL,
    again     boolean NOT NULL DEFAULT false,
    chore     boolean NOT NULL DEFAULT false,
    CHECK (num_nonnulls(event_id, inbound) = 1)
) WITH (fillfactor = 50);
CREATE INDEX incident_outbox_order ON theriac.incident_outbox (chore, stored_at, n);

CREATE TABLE theriac.effect (
    digest      bytea PRIMARY KEY GENERATED ALWAYS AS (sha256(key)) STORED,
    key         bytea NOT NULL,
    n           bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    incident_id text COLLATE "C" NOT NULL,
    event_id    text COLLATE "C" NOT NULL,
    state       text NOT NULL CHECK (state IN ('claimed', 'waiting', 'done', 'failed')),
    attempt     bigint NOT NULL,
    in_doubt    boolean NOT NULL DEFAULT false,
    external_id bytea NOT NULL DEFAULT '',
    result      bytea NOT NULL DEFAULT '',
    claimed_at  timestamptz NOT NULL,
    lease_until timestamptz,
    not_before  timestamptz,
    finished_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX effect_incident ON theriac.effect (incident_id, n);
CREATE INDEX effect_event ON theriac.effect (event_id);

-- Every version that was ever in force, with who made it.
CREATE TABLE theriac.settings (
    version  bigint CONSTRAINT settings_pkey PRIMARY KEY,
    document bytea NOT NULL,
    saved_by bytea NOT NULL,
    saved_at timestamptz NOT NULL
);

-- email is in small letters.
CREATE TABLE theriac.person (
    id       bytea PRIMARY KEY,
    slack_id bytea NOT NULL,
    email    bytea NOT NULL,
    document bytea NOT NULL
);
CREATE UNIQUE INDEX person_slack ON theriac.person (slack_id) WHERE slack_id <> '';
CREATE UNIQUE INDEX person_email ON theriac.person (email) WHERE email <> '';

-- A token that was revoked stays so: revoked_at wins over the document.
CREATE TABLE theriac.token (
    id         bytea PRIMARY KEY,
    hash       bytea NOT NULL CONSTRAINT token_hash_key UNIQUE,
    revoked_at timestamptz,
    document   bytea NOT NULL
);

-- +goose Down
DROP TABLE theriac.token;
DROP TABLE theriac.person;
DROP TABLE theriac.settings;
DROP TABLE theriac.effect;
DROP TABLE theriac.incident_outbox;
DROP TABLE theriac.inbound;
DROP TABLE theriac.incident_event;
DROP TABLE theriac.incident_key;
DROP TABLE theriac.incident;
DROP SEQUENCE theriac.incident_number;
