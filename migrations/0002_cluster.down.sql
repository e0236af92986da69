DROP TABLE conditions;
DROP TABLE decisions;
DROP TABLE node_events;
DROP TABLE nodes;
DROP TABLE policy_versions;
DROP TABLE clusters;
DROP TABLE templates;
