/** Mutations that may be repeated until the server has answered. */
import type { Client, OperationResult, TypedDocumentNode } from 'urql';
import { randomId } from './session';

const TRIES = 4;
const WAIT_MS = 400;

/** Sends a mutation until there is an answer, each time with the key; the first result comes again, whatever was lost. Rejects as untilAnswered does. */
export function attempt<Data, Variables extends { input: object }>(
  client: Client,
  document: TypedDocumentNode<Data, Variables>,
  input: Omit<Variables['input'], 'idempotencyKey'>,
  key = randomId(),
): Promise<Data> {
  return untilAnswered(client, document, { input: { ...input, idempotencyKey: key } } as unknown as Variables);
}

/** Sends a mutation that does no more when it comes twice, until there is an answer. Rejects with what the last try failed of. */
export async function untilAnswered<Data, Variables extends object>(client: Client, document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  let result: OperationResult<Data, Variables> | undefined;
  for (let tried = 0; tried < TRIES; tried += 1) {
    if (tried) await new Promise((resolve) => setTimeout(resolve, WAIT_MS * tried));
    result = await client.mutation(document, variables as never).toPromise();
    if (result.data) return result.data;
    if (!isWorthRepeating(result)) break;
  }
  throw result?.error ?? new Error('no answer');
}

/** The network failed, or the server said that it cannot just now. */
function isWorthRepeating({ error }: OperationResult): boolean {
  const isBusy = error?.graphQLErrors.some(({ extensions }) => extensions.code === 'UNAVAILABLE' || extensions.code === 'RATE_LIMITED');
  return Boolean(error?.networkError ?? isBusy);
}
