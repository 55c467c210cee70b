-- name: key_claim(tenant_id, owner, mutation, key, input_hash)!
-- Claims an idempotency key: INSERT 0 1 for the first; a twin waits for the first to commit, then gets INSERT 0 0. A key
-- older than 24 hours is free again.
insert into idempotency_keys as k (tenant_id, owner, mutation, key, input_hash)
values (:tenant_id::uuid, :owner, :mutation, :key, :input_hash)
on conflict on constraint idempotency_keys_pkey do update
   set input_hash = excluded.input_hash, result = null, created_at = now()
 where k.created_at < now() - interval '24 hours';

-- name: key_result(tenant_id, owner, mutation, key)^
-- What the first use of a key had as input and result.
select input_hash, result::text
  from idempotency_keys
 where tenant_id = :tenant_id::uuid and owner = :owner and mutation = :mutation and key = :key;

-- name: key_store(tenant_id, owner, mutation, key, result)!
-- Keeps the result for twins, in the transaction that made it.
update idempotency_keys
   set result = :result::jsonb
 where tenant_id = :tenant_id::uuid and owner = :owner and mutation = :mutation and key = :key;

-- name: key_free(tenant_id, owner, mutation, key)!
-- A refusal is not a result: the key may be used again.
delete from idempotency_keys
 where tenant_id = :tenant_id::uuid and owner = :owner and mutation = :mutation and key = :key and result is null;

-- name: audit_between(tenant_id, from_at, until_at, after_at, after_id, most)
-- What was done or refused in [from_at, until_at), in order, after a place in that order.
select id, at, actor, action, entity_id::text, outcome, before::text, after::text
  from audit_log
 where tenant_id = :tenant_id::uuid
   and at >= :from_at and at < :until_at
   and (:after_at::timestamptz is null or (at, id) > (:after_at::timestamptz, :after_id::bigint))
 order by at, id
 limit :most;

-- name: audit(tenant_id, actor, action, entity_id, outcome, before, after)!
-- Who did what to which thing, or was refused.
insert into audit_log (tenant_id, actor, action, entity_id, outcome, before, after)
values (:tenant_id::uuid, :actor, :action, :entity_id::uuid, :outcome, :before::jsonb, :after::jsonb);
