CREATE TABLE join_tokens (
    hash       bytea PRIMARY KEY,
    node_id    text COLLATE "C" NOT NULL REFERENCES nodes ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    used_from  text NOT NULL DEFAULT ''
);
CREATE INDEX join_tokens_by_node ON join_tokens (node_id);

CREATE TABLE authorities (
    id         text COLLATE "C" PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('control', 'serving')),
    cert_pem   text NOT NULL,
    key        bytea NOT NULL,
    not_after  timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz
);

CREATE TABLE certificates (
    serial       text PRIMARY KEY,
    authority_id text COLLATE "C" NOT NULL REFERENCES authorities,
    subject      text NOT NULL,
    node_id      text COLLATE "C" REFERENCES nodes ON DELETE SET NULL,
    sha256       text NOT NULL,
    not_before   timestamptz NOT NULL,
    not_after    timestamptz NOT NULL,
    issued_at    timestamptz NOT NULL,
    revoked_at   timestamptz,
    revoked_why  text NOT NULL DEFAULT ''
);
CREATE INDEX certificates_by_node ON certificates (node_id);
CREATE INDEX certificates_revoked ON certificates (not_after) WHERE revoked_at IS NOT NULL;
