DROP TABLE deliveries;
DROP TABLE notifications;
DROP TABLE console_requests;
DROP TABLE configuration_versions;
UPDATE clusters SET config = config || '{"deleting": true}' WHERE deleting;
ALTER TABLE clusters DROP COLUMN deleting;
