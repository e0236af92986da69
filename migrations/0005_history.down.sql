DROP TABLE outbox;
DROP TABLE journal_events;
DROP TABLE transfer_sessions;
DROP TABLE transfers;
