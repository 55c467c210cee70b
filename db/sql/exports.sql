-- name: export_bookings(tenant_id, stylist_id, from_on, until_on)
-- Every booking whose local date at its location lies in [from_on, until_on], by start and id; of one stylist, where given.
select b.id::text, b.stylist_id::text, y.name as stylist_name, b.service_id::text, s.name as service_name,
       b.location_id::text, l.name as location_name, l.timezone, state_now(b) as status, b.starts_at, b.ends_at, b.price_cents,
       c.name as customer_name, c.email as customer_email, c.phone as customer_phone, b.notes, b.created_at, b.ended_at,
       b.cancel_reason, b.paid_at
  from bookings b
  join locations l on l.tenant_id = b.tenant_id and l.id = b.location_id
  join stylists y on y.tenant_id = b.tenant_id and y.id = b.stylist_id
  join services s on s.tenant_id = b.tenant_id and s.id = b.service_id
  left join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id
 where b.tenant_id = :tenant_id::uuid
   and b.status not in ('HELD', 'RELEASED')
   and (:stylist_id::uuid is null or b.stylist_id = :stylist_id::uuid)
   and b.starts_at >= (:from_on::date - 1)::timestamp at time zone 'UTC'
   and b.starts_at < (:until_on::date + 2)::timestamp at time zone 'UTC'
   and (b.starts_at at time zone l.timezone)::date between :from_on::date and :until_on::date
 order by b.starts_at, b.id;

-- name: feed_put(tenant_id, stylist_id, token_hash)!
-- The stylist's feed has this token, and no other.
insert into calendar_feeds (tenant_id, stylist_id, token_hash)
values (:tenant_id::uuid, :stylist_id::uuid, :token_hash)
on conflict (tenant_id, stylist_id) do update set token_hash = excluded.token_hash, created_at = now();

-- name: feed_drop(tenant_id, stylist_id)!
-- The stylist's feed has no token any more.
delete from calendar_feeds where tenant_id = :tenant_id::uuid and stylist_id = :stylist_id::uuid;

-- name: feed_name(tenant_id, stylist_id, token_hash)$
-- Whose feed it is, by name; null for a token that is not the feed's.
select y.name
  from calendar_feeds f
  join stylists y on y.tenant_id = f.tenant_id and y.id = f.stylist_id
 where f.tenant_id = :tenant_id::uuid and f.stylist_id = :stylist_id::uuid and f.token_hash = :token_hash;

-- name: feed_bookings(tenant_id, stylist_id, most)
-- The stylist's bookings of the last 31 and the next 400 days that are not called off, by start.
select b.id::text, s.name as service_name, l.name as location_name, c.name as customer_name, b.starts_at, b.ends_at, b.created_at,
       b.status
  from bookings b
  join services s on s.tenant_id = b.tenant_id and s.id = b.service_id
  join locations l on l.tenant_id = b.tenant_id and l.id = b.location_id
  left join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id
 where b.tenant_id = :tenant_id::uuid
   and b.stylist_id = :stylist_id::uuid
   and state_now(b) in ('CONFIRMED', 'COMPLETED', 'NO_SHOW')
   and b.status in ('HELD', 'CONFIRMED', 'COMPLETED', 'NO_SHOW')
   and b.starts_at between now() - interval '31 days' and now() + interval '400 days'
 order by b.starts_at, b.id
 limit :most;
