#!/bin/sh
# Run once by the database's container: one role owns the tables, and the application's role can rewrite no fact.
set -eu
psql --set ON_ERROR_STOP=1 --set owner="$OWNER_PASSWORD" --set app="$APP_PASSWORD" --username postgres <<'SQL'
CREATE ROLE newsroom_owner LOGIN PASSWORD :'owner';
CREATE ROLE newsroom LOGIN PASSWORD :'app';
CREATE DATABASE newsroom OWNER newsroom_owner;
SQL
