DROP TABLE certificates;
DROP TABLE authorities;
DROP TABLE join_tokens;
