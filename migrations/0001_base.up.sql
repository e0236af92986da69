-- Leadership and settings: what the first manager needs before anything else.
CREATE TABLE leader (
    name       text PRIMARY KEY,
    term       bigint NOT NULL,
    holder     text NOT NULL,
    elected_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- A key over the term lets fenced writers hold FOR KEY SHARE: a renewal,
    -- which leaves the key alone, passes them; a takeover waits for them.
    UNIQUE (name, term)
);

CREATE TABLE settings (
    key        text PRIMARY KEY,
    value      jsonb NOT NULL,
    updated_at timestamptz NOT NULL
);

-- Secrets that belong to the installation itself, sealed.
CREATE TABLE sealed_settings (
    key        text PRIMARY KEY,
    value      bytea NOT NULL,
    updated_at timestamptz NOT NULL
);
