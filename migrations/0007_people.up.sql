-- Who may sign in besides those with a password here: OpenID providers and directories.
CREATE TABLE sign_in_providers (
    id         text COLLATE "C" PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    kind       text NOT NULL CHECK (kind IN ('oidc', 'ldap')),
    config     jsonb NOT NULL,
    secret     bytea,
    enabled    boolean NOT NULL DEFAULT true,
    version    bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- How it answered last, for the page of those who sign in.
    ok_at      timestamptz,
    failed_at  timestamptz,
    failure    text NOT NULL DEFAULT ''
);

-- A user of a provider has no password here and is known by the provider's own id of them.
ALTER TABLE users
    ADD COLUMN version     bigint NOT NULL DEFAULT 1,
    ADD COLUMN provider_id text COLLATE "C" REFERENCES sign_in_providers ON DELETE SET NULL,
    ADD COLUMN subject     text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX users_subject ON users (provider_id, subject) WHERE provider_id IS NOT NULL;

-- Sessions get a name of their own: the hash of their token is nobody's business.
ALTER TABLE logins ADD COLUMN id text COLLATE "C" NOT NULL DEFAULT gen_random_uuid()::text;
CREATE UNIQUE INDEX logins_id ON logins (id);

ALTER TABLE api_tokens ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE access_keys ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE settings ADD COLUMN version bigint NOT NULL DEFAULT 1;

-- The version that a change made: whoever edits an older one is told what changed since.
ALTER TABLE audit ADD COLUMN version bigint;
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_time ON audit (at);

-- One row per Idempotency-Key that a caller sent: first a claim, then what was answered, sealed.
CREATE TABLE idempotency_keys (
    id         bytea PRIMARY KEY,
    request    bytea NOT NULL,
    claim      text NOT NULL,
    claimed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- What the request changed, written with the change itself.
    object     text NOT NULL DEFAULT '',
    object_id  text NOT NULL DEFAULT '',
    answer     bytea
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
