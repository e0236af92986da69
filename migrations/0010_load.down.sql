ALTER TABLE nodes DROP COLUMN launch_request;
DROP TABLE condition_changes;
ALTER TABLE conditions DROP COLUMN next;
DROP TABLE forecasts;
DROP TABLE load_chunks;
