DROP TABLE sealed_settings;
DROP TABLE settings;
DROP TABLE leader;
