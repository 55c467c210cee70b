/** `graphql(...)` of documents: their types come from schema/schema.graphql, by `npm run types`. */
import { initGraphQLTada } from 'gql.tada';
import type { introspection } from './schema';

export const graphql = initGraphQLTada<{
  introspection: introspection;
  disableMasking: true;
  scalars: { ID: string; DateTime: string; Date: string };
}>();

export type { FragmentOf, ResultOf, VariablesOf } from 'gql.tada';
