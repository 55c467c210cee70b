"""The GraphQL face: the whole schema, with every type's, field's and argument's description."""
