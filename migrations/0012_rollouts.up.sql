-- Rolling replacements of a cluster's nodes: at most one is under way. generation
-- is what nodes that were launched for it carry.
CREATE TABLE rollouts (
    id              text COLLATE "C" PRIMARY KEY,
    cluster_id      text COLLATE "C" NOT NULL REFERENCES clusters ON DELETE CASCADE,
    generation      bigint GENERATED ALWAYS AS IDENTITY,
    state           text NOT NULL CHECK (state IN ('rolling', 'paused', 'done', 'rolled_back', 'aborted', 'superseded')),
    surge           integer NOT NULL,
    surge_percent   integer NOT NULL,
    max_unavailable integer NOT NULL,
    max_failures    integer NOT NULL,
    -- Where it goes, and back to; written by the leader when it takes it up.
    taken           boolean NOT NULL DEFAULT false,
    from_template   text COLLATE "C" NOT NULL DEFAULT '',
    from_version    bigint NOT NULL DEFAULT 0,
    to_template     text COLLATE "C" NOT NULL,
    to_version      bigint NOT NULL,
    size            integer NOT NULL DEFAULT 0,
    -- How it goes, by the last decision.
    total           integer NOT NULL DEFAULT 0,
    remaining       integer NOT NULL DEFAULT 0,
    failures        integer NOT NULL DEFAULT 0,
    doing           text NOT NULL DEFAULT '',
    reason          text NOT NULL DEFAULT '',
    author          text NOT NULL DEFAULT '',
    started_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    ended_at        timestamptz
);
CREATE UNIQUE INDEX rollouts_under_way ON rollouts (cluster_id) WHERE state IN ('rolling', 'paused');
CREATE INDEX rollouts_by_cluster ON rollouts (cluster_id, generation);
CREATE INDEX nodes_by_generation ON nodes (cluster_id, generation) WHERE generation > 0;
