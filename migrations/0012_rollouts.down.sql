DROP INDEX nodes_by_generation;
DROP TABLE rollouts;
