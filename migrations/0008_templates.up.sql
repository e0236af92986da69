-- Every version of a template that was ever in force: what a node was launched
-- from is compared with what the template says now.
CREATE TABLE template_versions (
    template_id text COLLATE "C" NOT NULL REFERENCES templates ON DELETE CASCADE,
    version     bigint NOT NULL,
    spec        jsonb NOT NULL,
    author      text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (template_id, version)
);
INSERT INTO template_versions (template_id, version, spec, created_at)
    SELECT id, version, spec, updated_at FROM templates;

ALTER TABLE templates ADD COLUMN author text NOT NULL DEFAULT '';

-- A cluster may change to another template, whose versions count for themselves.
ALTER TABLE nodes ADD COLUMN template_id text COLLATE "C" NOT NULL DEFAULT '';
UPDATE nodes n SET template_id = c.template_id FROM clusters c WHERE c.id = n.cluster_id;

-- What decisions are searched by. The arrays hold what reasons and plan hold
-- too: arrays have statistics, with which the planner tells rare from common.
ALTER TABLE decisions ADD COLUMN codes text[] NOT NULL DEFAULT '{}';
ALTER TABLE decisions ADD COLUMN actions text[] NOT NULL DEFAULT '{}';
UPDATE decisions SET
    codes = ARRAY(SELECT DISTINCT r ->> 'code' FROM jsonb_array_elements(
        CASE jsonb_typeof(reasons) WHEN 'array' THEN reasons ELSE '[]' END) r WHERE r ->> 'code' IS NOT NULL ORDER BY 1),
    actions = ARRAY(SELECT DISTINCT a ->> 'kind' FROM jsonb_array_elements(
        CASE json_typeof(plan -> 'actions') WHEN 'array' THEN (plan -> 'actions')::jsonb ELSE '[]' END) a
        WHERE a ->> 'kind' IS NOT NULL ORDER BY 1);
CREATE INDEX decisions_by_code ON decisions USING gin (codes);
CREATE INDEX decisions_by_word ON decisions USING gin (to_tsvector('simple', reasons));
CREATE INDEX decisions_acting ON decisions (id) WHERE kind = 'act';
-- The row of a no-op is written again every few seconds. As long as no index
-- holds what then changes, that leaves every index alone. Retention goes by id.
DROP INDEX decisions_by_until;
ALTER TABLE decisions SET (fillfactor = 90);

ALTER TABLE conditions ADD COLUMN id text COLLATE "C" NOT NULL
    DEFAULT left(replace(gen_random_uuid()::text, '-', ''), 26);
CREATE UNIQUE INDEX conditions_id ON conditions (id);
CREATE INDEX conditions_by_since ON conditions (since, id);
