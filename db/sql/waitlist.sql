-- name: waitlist_anyone(tenant_id, stylist_id, service_ids, from_on, until_on)$
-- Whether anybody waits for one of these services of this stylist on any of these dates.
select exists (
    select from waitlist
     where tenant_id = :tenant_id::uuid
       and service_id = any (:service_ids::uuid[])
       and status = 'WAITING'
       and from_on <= :until_on and until_on >= :from_on
       and (stylist_ids = '{}' or :stylist_id::uuid = any (stylist_ids)));

-- name: waitlist_waiting(tenant_id, stylist_id, service_ids, from_on, until_on, leaver, most)
-- Who waits for that, the first to join first, but for whoever left the time; passed: the stylist's starts that they let pass.
select w.id::text, w.holder, w.service_id::text, w.stylist_ids::text[], w.from_on, w.until_on, w.times_from, w.times_until, w.status,
       w.joined_at, w.ended_at, c.id::text as customer_id, c.name as customer_name, c.email as customer_email,
       c.phone as customer_phone, null::text as hold_id,
       array(select o.starts_at from waitlist_offers o
              where o.tenant_id = w.tenant_id and o.entry_id = w.id and o.stylist_id = :stylist_id::uuid) as passed
  from waitlist w
  join customers c on c.tenant_id = w.tenant_id and c.id = w.customer_id
 where w.tenant_id = :tenant_id::uuid
   and w.service_id = any (:service_ids::uuid[])
   and w.status = 'WAITING'
   and w.from_on <= :until_on and w.until_on >= :from_on
   and (w.stylist_ids = '{}' or :stylist_id::uuid = any (w.stylist_ids))
   and w.holder is distinct from :leaver
 order by w.joined_at, w.id
 limit :most;

-- name: waitlist_take(tenant_id, id)!
-- UPDATE 1: this entry is to be offered something, and nobody else offers it anything meanwhile.
update waitlist set status = 'OFFERED' where tenant_id = :tenant_id::uuid and id = :id::uuid and status = 'WAITING';

-- name: waitlist_offer(tenant_id, entry_id, hold_id, stylist_id, starts_at)!
-- What it is offered.
insert into waitlist_offers (tenant_id, entry_id, hold_id, stylist_id, starts_at)
values (:tenant_id::uuid, :entry_id::uuid, :hold_id::uuid, :stylist_id::uuid, :starts_at);

-- name: waitlist_join(tenant_id, holder, service_id, stylist_ids, from_on, until_on, times_from, times_until, customer_id)$
-- One more who waits; the entry's id.
insert into waitlist (tenant_id, holder, service_id, stylist_ids, from_on, until_on, times_from, times_until, customer_id)
values (:tenant_id::uuid, :holder, :service_id::uuid, :stylist_ids::uuid[], :from_on, :until_on, :times_from::smallint[],
        :times_until::smallint[], :customer_id::uuid)
returning id::text;

-- name: waitlist_count(tenant_id, holder)$
-- How many entries of this holder still wait.
select count(*) from waitlist
 where tenant_id = :tenant_id::uuid and holder = :holder and status in ('WAITING', 'OFFERED') and until_on >= current_date - 1;

-- name: waitlist_leave(tenant_id, id)!
-- The entry no longer waits; UPDATE 0 when it did not.
update waitlist
   set status = 'LEFT', ended_at = clock_timestamp()
 where tenant_id = :tenant_id::uuid and id = :id::uuid and status in ('WAITING', 'OFFERED');

-- name: waitlist_entries(tenant_id, holder, ids, is_offered, after_at, after_id, most)
-- Entries by joining, after a place in that order; of one holder, with these ids, or with an open offer, where given.
select w.id::text, w.holder, w.service_id::text, w.stylist_ids::text[], w.from_on, w.until_on, w.times_from, w.times_until, w.status,
       w.joined_at, w.ended_at, c.id::text as customer_id, c.name as customer_name, c.email as customer_email,
       c.phone as customer_phone, o.hold_id::text, '{}'::timestamptz[] as passed
  from waitlist w
  join customers c on c.tenant_id = w.tenant_id and c.id = w.customer_id
  left join waitlist_offers o on o.tenant_id = w.tenant_id and o.entry_id = w.id and o.outcome = 'OPEN'
 where w.tenant_id = :tenant_id::uuid
   and (:holder::text is null or w.holder = :holder)
   and (:ids::uuid[] is null or w.id = any (:ids::uuid[]))
   and (not :is_offered::boolean or w.status = 'OFFERED')
   and (:after_at::timestamptz is null or (w.joined_at, w.id) > (:after_at::timestamptz, :after_id::uuid))
 order by w.joined_at, w.id
 limit :most;

-- name: claims_due(most)
-- The claims, of any tenant, that time has ended or will within a second, the first first; claims_due() says which.
select tenant_id::text, claim_id::text, due_in_s from claims_due(:most::integer);
