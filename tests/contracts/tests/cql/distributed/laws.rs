use super::cql;

contracts::view_laws!(cql);
