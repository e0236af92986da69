-- Certificates that were uploaded for the nodes of a cluster to show by name. One
-- that was taken away leaves its row, without chain and key: versions never begin anew.
CREATE TABLE cluster_certificates (
    cluster_id text COLLATE "C" PRIMARY KEY REFERENCES clusters ON DELETE CASCADE,
    version    bigint NOT NULL,
    chain      text NOT NULL,
    key        bytea NOT NULL,
    author     text NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK ((chain = '') = (key = ''))
);
