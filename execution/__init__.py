"""How an operation becomes bytes fast. Knows Strawberry and graphql-core, nothing of salons."""
