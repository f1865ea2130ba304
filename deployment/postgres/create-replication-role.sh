#!/bin/sh
# Runs once, when the primary's data is made: the role that the standby streams with, and its place in the log.
set -eu
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres --output=/dev/null <<'SQL'
\set secret `cat "$REPLICATION_PASSWORD_FILE"`
CREATE ROLE nrm_replication LOGIN REPLICATION PASSWORD :'secret';
SELECT pg_create_physical_replication_slot('standby');
SQL
