-- The configuration of a cluster's nodes gets versions of its own; what else lived in the column moves out.
ALTER TABLE clusters ADD COLUMN deleting boolean NOT NULL DEFAULT false;
UPDATE clusters SET deleting = true WHERE config ->> 'deleting' = 'true';
UPDATE clusters SET config = config - 'deleting' WHERE config ? 'deleting';

CREATE TABLE configuration_versions (
    cluster_id text COLLATE "C" NOT NULL REFERENCES clusters ON DELETE CASCADE,
    version    bigint NOT NULL,
    config     jsonb NOT NULL,
    author     text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (cluster_id, version)
);
INSERT INTO configuration_versions (cluster_id, version, config, author, created_at)
SELECT id, config_version, config, '', created_at FROM clusters;

-- What the leader is asked of nodes and answers here, since only it may speak with providers.
CREATE TABLE console_requests (
    node_id      text COLLATE "C" PRIMARY KEY REFERENCES nodes ON DELETE CASCADE,
    requested_at timestamptz NOT NULL,
    answered_at  timestamptz,
    output       bytea,
    error_text   text NOT NULL DEFAULT ''
);
CREATE INDEX console_requests_open ON console_requests (requested_at) WHERE answered_at IS NULL;

CREATE TABLE notifications (
    id            text COLLATE "C" PRIMARY KEY,
    name          text NOT NULL UNIQUE,
    kind          text NOT NULL CHECK (kind IN ('webhook', 'email')),
    enabled       boolean NOT NULL,
    target        jsonb NOT NULL,
    secret        bytea,
    filter        jsonb NOT NULL,
    version       bigint NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    -- How sending goes, written by the leader.
    last_sent_at  timestamptz,
    failing_since timestamptz,
    last_error    text NOT NULL DEFAULT ''
);

CREATE TABLE deliveries (
    id              text COLLATE "C" PRIMARY KEY,
    notification_id text COLLATE "C" NOT NULL REFERENCES notifications ON DELETE CASCADE,
    event           text NOT NULL,
    subject_key     text NOT NULL,
    payload         jsonb NOT NULL,
    state           text NOT NULL CHECK (state IN ('waiting', 'sent', 'failed', 'dropped')),
    attempts        integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    -- Not before due_at is it sent at all; after a failure not before next_at.
    due_at          timestamptz NOT NULL,
    next_at         timestamptz NOT NULL,
    done_at         timestamptz,
    last_error      text NOT NULL DEFAULT ''
);
CREATE INDEX deliveries_waiting ON deliveries (notification_id, id) WHERE state = 'waiting';
CREATE INDEX deliveries_by_notification ON deliveries (notification_id, id);
CREATE INDEX deliveries_done ON deliveries (done_at) WHERE done_at IS NOT NULL;
