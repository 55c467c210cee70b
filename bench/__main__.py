"""`make bench`: every bench, one table."""

from bench import database, domain, harness

harness.show([*domain.run(), *database.run()])
