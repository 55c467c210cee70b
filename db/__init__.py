"""The only place that knows Postgres: the pool, migrations, named SQL, listening."""
