-- What the reconciler saw of each cluster's load, for what-if and forecast: a
-- chunk is ten minutes of samples, written once a minute while it fills.
CREATE TABLE load_chunks (
    cluster_id text COLLATE "C" NOT NULL REFERENCES clusters ON DELETE CASCADE,
    at         timestamptz NOT NULL,
    until      timestamptz NOT NULL,
    samples    integer NOT NULL CHECK (samples > 0),
    data       bytea NOT NULL,
    PRIMARY KEY (cluster_id, at)
);
CREATE INDEX load_chunks_by_time ON load_chunks (until);

-- What the forecast has learned of each cluster.
CREATE TABLE forecasts (
    cluster_id text COLLATE "C" PRIMARY KEY REFERENCES clusters ON DELETE CASCADE,
    data       bytea NOT NULL,
    updated_at timestamptz NOT NULL
);

-- What to do about a condition, and every opening and closing in order, so that
-- notifications miss none.
ALTER TABLE conditions ADD COLUMN next text NOT NULL DEFAULT '';

CREATE TABLE condition_changes (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    change     text NOT NULL CHECK (change IN ('opened', 'closed')),
    cluster_id text COLLATE "C" NOT NULL REFERENCES clusters ON DELETE CASCADE,
    kind       text NOT NULL,
    subject    text NOT NULL,
    since      timestamptz NOT NULL,
    text       text NOT NULL,
    next       text NOT NULL
);
CREATE INDEX condition_changes_by_time ON condition_changes (at);

-- The request with which a provider was first asked for the node: a repeated
-- launch sends the same bytes. Null before and once the answer is recorded.
ALTER TABLE nodes ADD COLUMN launch_request json;
