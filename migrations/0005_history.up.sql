-- History is written by day: created ahead, dropped whole when retention ends.
-- The day of a transfer is the day of its id, so that a look-up by id touches
-- one partition and uniqueness holds per id.
CREATE TABLE transfers (
    day           date NOT NULL,
    id            text COLLATE "C" NOT NULL,
    access_key_id text COLLATE "C" NOT NULL,
    cluster_id    text COLLATE "C" NOT NULL,
    direction     text NOT NULL CHECK (direction IN ('send', 'receive')),
    state         text NOT NULL CHECK (state IN ('created', 'running', 'done', 'failed', 'cancelled', 'expired')),
    name          text NOT NULL DEFAULT '',
    paths         text[] NOT NULL,
    base_path     text NOT NULL DEFAULT '',
    client_key    text NOT NULL DEFAULT '',
    client_addr   text NOT NULL DEFAULT '',
    limits        jsonb NOT NULL DEFAULT '{}',
    bytes         bigint NOT NULL DEFAULT 0,
    files         bigint NOT NULL DEFAULT 0,
    bytes_total   bigint NOT NULL DEFAULT 0,
    files_total   bigint NOT NULL DEFAULT 0,
    sessions      integer NOT NULL DEFAULT 0,
    moved         integer NOT NULL DEFAULT 0,
    error_text    text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL,
    started_at    timestamptz,
    ended_at      timestamptz,
    expires_at    timestamptz,
    updated_at    timestamptz NOT NULL,
    PRIMARY KEY (day, id)
) PARTITION BY RANGE (day);
CREATE INDEX transfers_by_key ON transfers (access_key_id, id);
CREATE INDEX transfers_by_id ON transfers (id);
CREATE INDEX transfers_open ON transfers (id) WHERE state IN ('created', 'running');

CREATE TABLE transfer_sessions (
    day         date NOT NULL,
    id          text COLLATE "C" NOT NULL,
    transfer_id text COLLATE "C" NOT NULL,
    node_id     text COLLATE "C" NOT NULL,
    lane        integer NOT NULL DEFAULT 0,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    end_reason  text NOT NULL DEFAULT '',
    error_text  text NOT NULL DEFAULT '',
    bytes       bigint NOT NULL DEFAULT 0,
    files       bigint NOT NULL DEFAULT 0,
    client_addr text NOT NULL DEFAULT '',
    PRIMARY KEY (day, transfer_id, id)
) PARTITION BY RANGE (day);
CREATE INDEX transfer_sessions_by_node ON transfer_sessions (node_id, started_at);

CREATE TABLE journal_events (
    day         date NOT NULL,
    id          text COLLATE "C" NOT NULL,
    at          timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    kind        text NOT NULL,
    cluster_id  text COLLATE "C" NOT NULL DEFAULT '',
    node_id     text COLLATE "C" NOT NULL DEFAULT '',
    transfer_id text COLLATE "C" NOT NULL DEFAULT '',
    session_id  text COLLATE "C" NOT NULL DEFAULT '',
    access_key_id text COLLATE "C" NOT NULL DEFAULT '',
    payload     jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (day, id)
) PARTITION BY RANGE (day);
CREATE INDEX journal_events_by_time ON journal_events (day, at, id);
CREATE INDEX journal_events_by_transfer ON journal_events (transfer_id, at) WHERE transfer_id <> '';
CREATE INDEX journal_events_by_node ON journal_events (node_id, at) WHERE node_id <> '';

CREATE TABLE outbox (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text COLLATE "C" NOT NULL UNIQUE,
    subject    text NOT NULL,
    payload    bytea NOT NULL,
    created_at timestamptz NOT NULL,
    sent_at    timestamptz
);
CREATE INDEX outbox_unsent ON outbox (seq) WHERE sent_at IS NULL;
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;
