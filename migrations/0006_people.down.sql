DROP TABLE audit;
DROP TABLE setup_tokens;
DROP TABLE api_tokens;
DROP TABLE logins;
DROP TABLE users;
