CREATE TABLE templates (
    id         text COLLATE "C" PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    provider   text NOT NULL,
    spec       jsonb NOT NULL,
    version    bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE clusters (
    id               text COLLATE "C" PRIMARY KEY,
    name             text NOT NULL UNIQUE,
    template_id      text COLLATE "C" NOT NULL REFERENCES templates,
    policy_version   bigint NOT NULL DEFAULT 0,
    config           jsonb NOT NULL DEFAULT '{}',
    config_version   bigint NOT NULL DEFAULT 1,
    paused           boolean NOT NULL DEFAULT false,
    desired_override integer CHECK (desired_override >= 0),
    state            jsonb NOT NULL DEFAULT '{}',
    version          bigint NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL
);

CREATE TABLE policy_versions (
    cluster_id text COLLATE "C" NOT NULL REFERENCES clusters ON DELETE CASCADE,
    version    bigint NOT NULL,
    policy     jsonb NOT NULL,
    author     text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (cluster_id, version)
);

CREATE TABLE nodes (
    id               text COLLATE "C" PRIMARY KEY,
    cluster_id       text COLLATE "C" NOT NULL REFERENCES clusters,
    name             text NOT NULL,
    state            text NOT NULL CHECK (state IN ('requested', 'launching', 'booting', 'running',
                         'draining', 'terminating', 'terminated', 'stopping', 'stopped', 'starting',
                         'failed', 'lost')),
    state_since      timestamptz NOT NULL,
    pool             text NOT NULL DEFAULT '',
    provider         text NOT NULL,
    instance_id      text NOT NULL DEFAULT '',
    instance_type    text NOT NULL DEFAULT '',
    spot             boolean NOT NULL DEFAULT false,
    region           text NOT NULL DEFAULT '',
    zone             text NOT NULL DEFAULT '',
    public_address   text NOT NULL DEFAULT '',
    private_address  text NOT NULL DEFAULT '',
    control_addr     text NOT NULL DEFAULT '',
    transfer_port    integer NOT NULL DEFAULT 0,
    cert_sha256      text NOT NULL DEFAULT '',
    software_version text NOT NULL DEFAULT '',
    template_version bigint NOT NULL DEFAULT 0,
    config_version   bigint NOT NULL DEFAULT 0,
    generation       bigint NOT NULL DEFAULT 0,
    launch_token     text NOT NULL,
    order_action     text NOT NULL DEFAULT '' CHECK (order_action IN ('', 'drain', 'undrain', 'terminate', 'kill')),
    order_by         text NOT NULL DEFAULT '',
    order_at         timestamptz,
    drain_deadline   timestamptz,
    drain_reason     text NOT NULL DEFAULT '',
    failure_reason   text NOT NULL DEFAULT '',
    requested_at     timestamptz NOT NULL,
    launched_at      timestamptz,
    joined_at        timestamptz,
    running_at       timestamptz,
    draining_at      timestamptz,
    terminated_at    timestamptz,
    last_report_at   timestamptz
);
CREATE UNIQUE INDEX nodes_launch_token ON nodes (launch_token);
CREATE UNIQUE INDEX nodes_instance ON nodes (provider, instance_id) WHERE instance_id <> '';
CREATE UNIQUE INDEX nodes_name ON nodes (cluster_id, name) WHERE state <> 'terminated';
CREATE INDEX nodes_by_cluster ON nodes (cluster_id, id);
CREATE INDEX nodes_alive ON nodes (cluster_id) WHERE state <> 'terminated';

CREATE TABLE node_events (
    id         text COLLATE "C" PRIMARY KEY,
    node_id    text COLLATE "C" NOT NULL REFERENCES nodes ON DELETE CASCADE,
    at         timestamptz NOT NULL,
    from_state text NOT NULL,
    to_state   text NOT NULL,
    reason     text NOT NULL,
    term       bigint NOT NULL
);
CREATE INDEX node_events_by_node ON node_events (node_id, id);

CREATE TABLE decisions (
    id             text COLLATE "C" PRIMARY KEY,
    cluster_id     text COLLATE "C" NOT NULL REFERENCES clusters ON DELETE CASCADE,
    policy_version bigint NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('noop', 'act')),
    at             timestamptz NOT NULL,
    until          timestamptz NOT NULL,
    count          bigint NOT NULL DEFAULT 1,
    term           bigint NOT NULL DEFAULT 0,
    collapse_key   text NOT NULL DEFAULT '',
    snapshot       bytea NOT NULL,
    -- json, not jsonb: the text of a plan is what a replay is compared with.
    plan           json NOT NULL,
    reasons        jsonb NOT NULL,
    result         jsonb
);
CREATE INDEX decisions_by_cluster ON decisions (cluster_id, id);
CREATE INDEX decisions_by_until ON decisions (until);

CREATE TABLE conditions (
    cluster_id text COLLATE "C" NOT NULL REFERENCES clusters ON DELETE CASCADE,
    kind       text NOT NULL,
    subject    text NOT NULL DEFAULT '',
    since      timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    until      timestamptz,
    text       text NOT NULL,
    PRIMARY KEY (cluster_id, kind, subject, since)
);
CREATE UNIQUE INDEX conditions_open ON conditions (cluster_id, kind, subject) WHERE until IS NULL;
