-- name: outbox_due(most)
-- The tenants that have something due, the longest due first; outbox_due() says what is.
select outbox_due(:most::integer)::text as tenant_id;

-- name: outbox_take(tenant_id, busy, lease_s, most)
-- Deliveries of a tenant that are due and nobody tries now, of each booking and endpoint the first alone, in order; not to the
-- endpoints that are busy. Each is ours for lease_s: if nothing is heard of it by then, it is due again.
with heads as (
    select o.tenant_id, o.id
      from outbox o
      join webhooks w on w.tenant_id = o.tenant_id and w.id = o.webhook_id and w.active
     where o.tenant_id = :tenant_id::uuid
       and o.state = 'PENDING' and o.next_at <= clock_timestamp()
       and o.webhook_id <> all (:busy::uuid[])
       and not exists (select from outbox e
                        where e.tenant_id = o.tenant_id and e.webhook_id = o.webhook_id and e.booking_id = o.booking_id
                          and e.state = 'PENDING' and e.seq < o.seq)
     order by o.seq
     limit :most
       for update of o skip locked)
update outbox o
   set tries = o.tries + 1, next_at = clock_timestamp() + make_interval(secs => :lease_s::float8)
  from heads h, webhooks w
 where o.tenant_id = h.tenant_id and o.id = h.id
   and w.tenant_id = o.tenant_id and w.id = o.webhook_id
returning o.tenant_id::text, o.id::text, o.webhook_id::text, o.event, o.body, o.tries, w.url, w.secret;

-- name: outbox_delivered(tenant_id, id, answer)!
-- It was delivered, perhaps by another try than the last.
update outbox
   set state = 'DELIVERED', ended_at = clock_timestamp(), last_answer = :answer
 where tenant_id = :tenant_id::uuid and id = :id::uuid and state <> 'DELIVERED';

-- name: outbox_again(tenant_id, id, tries, answer, wait_s)!
-- This try failed, and is still the last: tried again wait_s from now; null: given up.
update outbox
   set state = case when :wait_s::float8 is null then 'FAILED' else state end,
       ended_at = case when :wait_s::float8 is null then clock_timestamp() end,
       next_at = coalesce(clock_timestamp() + make_interval(secs => :wait_s::float8), next_at),
       last_answer = :answer
 where tenant_id = :tenant_id::uuid and id = :id::uuid and state = 'PENDING' and tries = :tries;

-- name: outbox_retry(tenant_id, id)^
-- What was given up is due again, from the first try; no row when it was not given up.
update outbox
   set state = 'PENDING', tries = 0, next_at = clock_timestamp(), ended_at = null
 where tenant_id = :tenant_id::uuid and id = :id::uuid and state = 'FAILED'
returning id::text, webhook_id::text, booking_id::text, event, state, tries, next_at, created_at, ended_at, last_answer;

-- name: outbox_of(tenant_id, webhook_id, state, most)
-- The latest deliveries to an endpoint, the newest first; in one state where given.
select id::text, webhook_id::text, booking_id::text, event, state, tries, next_at, created_at, ended_at, last_answer
  from outbox
 where tenant_id = :tenant_id::uuid and webhook_id = :webhook_id::uuid and (:state::text is null or state = :state)
 order by seq desc
 limit :most;

-- name: outbox_waiting()^
-- How much waits to be told, and for how many seconds the oldest.
select pending, oldest_s from outbox_waiting();

-- name: outbox_clear(most)$
-- Forgets some of what has long ended; how many rows.
select outbox_clear(:most::integer);

-- name: webhooks(tenant_id, id)
-- Endpoints, in the order in which they were made; one of them where given.
select w.id::text, w.url, w.events, w.active, w.created_at,
       (select count(*) from outbox o where o.tenant_id = w.tenant_id and o.webhook_id = w.id and o.state = 'PENDING') as pending,
       (select count(*) from outbox o where o.tenant_id = w.tenant_id and o.webhook_id = w.id and o.state = 'FAILED') as failed
  from webhooks w
 where w.tenant_id = :tenant_id::uuid and (:id::uuid is null or w.id = :id::uuid)
 order by w.created_at, w.id;

-- name: webhooks_lock(tenant_id)!
-- Changes of a tenant's endpoints go one at a time, until the transaction ends.
select pg_advisory_xact_lock(3218, hashtext(:tenant_id));

-- name: webhook_put(tenant_id, id, url, secret, events, active)!
-- Adds or changes an endpoint; the secret stays unless another is given.
insert into webhooks as w (tenant_id, id, url, secret, events, active)
values (:tenant_id::uuid, :id::uuid, :url, :secret, :events::text[], :active)
on conflict (tenant_id, id) do update
   set url = excluded.url, secret = excluded.secret, events = excluded.events, active = excluded.active;

-- name: webhook_change(tenant_id, id, url, events, active)!
-- Changes an endpoint, and leaves its secret.
update webhooks
   set url = :url, events = :events::text[], active = :active
 where tenant_id = :tenant_id::uuid and id = :id::uuid;

-- name: webhook_remove(tenant_id, id)!
-- Takes an endpoint away, with what it was still to be told.
delete from webhooks where tenant_id = :tenant_id::uuid and id = :id::uuid;
