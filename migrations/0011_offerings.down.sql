ALTER TABLE nodes DROP COLUMN offering;
