CREATE TABLE access_keys (
    id           text COLLATE "C" PRIMARY KEY,
    name         text NOT NULL,
    secret       bytea NOT NULL,
    storage      jsonb NOT NULL,
    credentials  bytea,
    limits       jsonb NOT NULL DEFAULT '{}',
    permissions  text[] NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    rotated_from text COLLATE "C" REFERENCES access_keys ON DELETE SET NULL,
    last_used_at timestamptz
);
CREATE UNIQUE INDEX access_keys_name ON access_keys (name) WHERE revoked_at IS NULL;

CREATE TABLE signing_keys (
    id         text COLLATE "C" PRIMARY KEY,
    algorithm  text NOT NULL,
    public_key bytea NOT NULL,
    key        bytea NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz,
    -- Until then nodes still accept what the key signed.
    accept_until timestamptz
);
