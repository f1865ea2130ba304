#!/bin/sh
# Starts a standby: takes a base backup of the primary if there is no data yet, then streams from it until promoted.
set -eu
passwords="${PASSWORDS:-/tmp/pgpass}"
rm -f "$passwords"
(umask 077 && printf '*:*:*:nrm_replication:%s\n' "$(cat "$REPLICATION_PASSWORD_FILE")" > "$passwords")
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    rm -rf "$PGDATA.unfinished"
    pg_basebackup --pgdata="$PGDATA.unfinished" --write-recovery-conf --wal-method=stream --checkpoint=fast --slot=standby \
        --dbname="host=$PRIMARY_HOST port=${PRIMARY_PORT:-5432} user=nrm_replication passfile=$passwords application_name=standby"
    chmod 0700 "$PGDATA.unfinished"
    mv "$PGDATA.unfinished" "$PGDATA"
fi
exec "$@"
