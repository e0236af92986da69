-- Which of its template's offerings a node is launched at, by name; empty where
-- the template has one provider. With the provider it is written before each call.
ALTER TABLE nodes ADD COLUMN offering text NOT NULL DEFAULT '';
