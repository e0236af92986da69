ALTER TABLE nodes DROP COLUMN on_demand;
