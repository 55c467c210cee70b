-- name: lock_days(tenant_id, stylist_id, occupied_from, occupied_until)$
-- Locks, in order, the versions of the stylist's days that a claim of this occupied span raises, and those that ending the
-- expired holds in its way raises: writers of one day queue here, and touch no day that they have not locked.
select lock_days(:tenant_id::uuid, :stylist_id::uuid,
                 least(:occupied_from::timestamptz, min(lower(occupied))),
                 greatest(:occupied_until::timestamptz, max(upper(occupied))))::text
  from bookings
 where tenant_id = :tenant_id::uuid
   and stylist_id = :stylist_id::uuid
   and status = 'HELD'
   and expires_at <= clock_timestamp()
   and starts_at > :occupied_from::timestamptz - interval '36 hours' and starts_at < :occupied_until::timestamptz + interval '12 hours'
   and occupied && tstzrange(:occupied_from, :occupied_until);

-- name: end_expired_holds(tenant_id, stylist_id, occupied_from, occupied_until)!
-- Releases the stylist's holds that have expired and stand in the way of this span, so that the exclusion lets it in. Done
-- after the facts were read: what has expired for them has expired here.
update bookings
   set status = 'RELEASED', ended_at = expires_at
 where tenant_id = :tenant_id::uuid
   and stylist_id = :stylist_id::uuid
   and status = 'HELD'
   and expires_at <= clock_timestamp()
   and starts_at > :occupied_from::timestamptz - interval '36 hours' and starts_at < :occupied_until::timestamptz + interval '12 hours'
   and occupied && tstzrange(:occupied_from, :occupied_until);

-- name: claim_insert(tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied_from, occupied_until, price_cents, holder, hold_seconds, customer_id, notes)^
-- Claims [occupied_from, occupied_until). Refused by bookings_no_overlap when any of it is claimed. Expires hold_seconds from now.
insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents,
                      holder, expires_at, customer_id, notes, created_at)
values (:tenant_id::uuid, :stylist_id::uuid, :service_id::uuid, :location_id::uuid, :status, :starts_at, :ends_at,
        tstzrange(:occupied_from, :occupied_until), :price_cents, :holder,
        clock_timestamp() + make_interval(secs => :hold_seconds::float8), :customer_id::uuid, :notes, clock_timestamp())
returning id::text, stylist_id::text, service_id::text, location_id::text, status, starts_at, ends_at, price_cents, holder,
          expires_at, created_at, ended_at, notes, customer_id::text;

-- name: claim(tenant_id, id)^
-- One claim, whatever its state, with its customer.
select b.id::text, b.stylist_id::text, b.service_id::text, b.location_id::text, b.status, b.starts_at, b.ends_at, b.price_cents,
       b.holder, b.expires_at, b.created_at, b.ended_at, b.notes, b.customer_id::text,
       c.name as customer_name, c.email as customer_email, c.phone as customer_phone
  from bookings b
  left join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id
 where b.tenant_id = :tenant_id::uuid and b.id = :id::uuid;

-- name: own_hold(tenant_id, stylist_id, starts_at, holder)^
-- The live hold of this holder at this start.
select id::text, stylist_id::text, service_id::text, location_id::text, status, starts_at, ends_at, price_cents, holder,
       expires_at, created_at, ended_at, notes, customer_id::text
  from bookings
 where tenant_id = :tenant_id::uuid
   and stylist_id = :stylist_id::uuid
   and starts_at = :starts_at
   and holder = :holder
   and status = 'HELD'
   and expires_at > clock_timestamp();

-- name: claim_confirm(tenant_id, id, customer_id, notes)^
-- A hold becomes a booking, at the price it was held for; no row when it has expired.
update bookings
   set status = 'CONFIRMED', customer_id = :customer_id::uuid, notes = coalesce(:notes, notes)
 where tenant_id = :tenant_id::uuid and id = :id::uuid and status = 'HELD' and expires_at > clock_timestamp()
returning id::text, stylist_id::text, service_id::text, location_id::text, status, starts_at, ends_at, price_cents, holder,
          expires_at, created_at, ended_at, notes, customer_id::text;

-- name: claim_end(tenant_id, id, status, reason)^
-- Cancels, completes, misses or releases a claim.
update bookings
   set status = :status, ended_at = clock_timestamp(), cancel_reason = coalesce(:reason, cancel_reason)
 where tenant_id = :tenant_id::uuid and id = :id::uuid
returning id::text, stylist_id::text, service_id::text, location_id::text, status, starts_at, ends_at, price_cents, holder,
          expires_at, created_at, ended_at, notes, customer_id::text;

-- name: claim_move(tenant_id, id, stylist_id, location_id, starts_at, ends_at, occupied_from, occupied_until)^
-- Moves a booking as a whole, at its old price. Refused by bookings_no_overlap when the new time is claimed.
update bookings
   set stylist_id = :stylist_id::uuid, location_id = :location_id::uuid, starts_at = :starts_at, ends_at = :ends_at,
       occupied = tstzrange(:occupied_from, :occupied_until)
 where tenant_id = :tenant_id::uuid and id = :id::uuid
returning id::text, stylist_id::text, service_id::text, location_id::text, status, starts_at, ends_at, price_cents, holder,
          expires_at, created_at, ended_at, notes, customer_id::text;

-- name: customer_ensure(tenant_id, owner, name, email, phone)$
-- The id of this caller's customer with this contact, made if there is none.
insert into customers (tenant_id, owner, name, email, phone)
values (:tenant_id::uuid, :owner, :name, :email, :phone)
on conflict (tenant_id, coalesce(owner, ''), name, coalesce(email, ''), coalesce(phone, '')) do update set name = excluded.name
returning id::text;

-- name: bookings_between(tenant_id, stylist_id, holder, from_on, until_on, after_at, after_id, most)
-- Bookings whose local date at their location lies in [from_on, until_on], by start and id, after a place in that order; of
-- one stylist, or of one holder, where given.
select b.id::text, b.stylist_id::text, b.service_id::text, b.location_id::text, b.status, b.starts_at, b.ends_at, b.price_cents,
       b.holder, b.expires_at, b.created_at, b.ended_at, b.notes, b.customer_id::text,
       c.name as customer_name, c.email as customer_email, c.phone as customer_phone
  from bookings b
  join locations l on l.tenant_id = b.tenant_id and l.id = b.location_id
  left join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id
 where b.tenant_id = :tenant_id::uuid
   and b.status not in ('HELD', 'RELEASED')
   and (:stylist_id::uuid is null or b.stylist_id = :stylist_id::uuid)
   and (:holder::text is null or b.holder = :holder)
   and b.starts_at >= (:from_on::date - 1)::timestamp at time zone 'UTC'
   and b.starts_at < (:until_on::date + 2)::timestamp at time zone 'UTC'
   and (b.starts_at at time zone l.timezone)::date between :from_on::date and :until_on::date
   and (:after_at::timestamptz is null or (b.starts_at, b.id) > (:after_at::timestamptz, :after_id::uuid))
 order by b.starts_at, b.id
 limit :most;
