-- The node is launched for the warm pool: where the provider does not stop what is
-- bought as spot, it is bought on demand, whatever share the template wants.
ALTER TABLE nodes ADD COLUMN on_demand boolean NOT NULL DEFAULT false;
