DROP TABLE cluster_certificates;
