-- name: lock_days(tenant_id, stylist_id, occupied_from, occupied_until)$
-- Locks, in order, the versions of the stylist's days that a claim of this occupied span raises, and those that ending the
-- expired holds and unpaid bookings in its way raises: writers of one day queue here, and touch no day that they have not locked.
select lock_days(:tenant_id::uuid, :stylist_id::uuid,
                 least(:occupied_from::timestamptz, min(lower(occupied))),
                 greatest(:occupied_until::timestamptz, max(upper(occupied))))::text
  from bookings
 where tenant_id = :tenant_id::uuid
   and stylist_id = :stylist_id::uuid
   and status in ('HELD', 'CONFIRMED')
   and case status when 'HELD' then expires_at else payment_due_at end <= clock_timestamp()
   and starts_at > :occupied_from::timestamptz - interval '36 hours' and starts_at < :occupied_until::timestamptz + interval '12 hours'
   and occupied && tstzrange(:occupied_from, :occupied_until);

-- name: end_expired_holds(tenant_id, stylist_id, occupied_from, occupied_until)!
-- Ends the stylist's holds that have expired, and bookings not paid in time, that stand in the way of this span, so that the
-- exclusion lets it in. Done after the facts were read: what has expired for them has expired here.
update bookings
   set status = case status when 'HELD' then 'RELEASED' else 'CANCELLED' end,
       ended_at = case status when 'HELD' then expires_at else payment_due_at end,
       cancel_reason = case status when 'HELD' then cancel_reason else 'not paid in time' end
 where tenant_id = :tenant_id::uuid
   and stylist_id = :stylist_id::uuid
   and status in ('HELD', 'CONFIRMED')
   and case status when 'HELD' then expires_at else payment_due_at end <= clock_timestamp()
   and starts_at > :occupied_from::timestamptz - interval '36 hours' and starts_at < :occupied_until::timestamptz + interval '12 hours'
   and occupied && tstzrange(:occupied_from, :occupied_until);

-- name: claim_insert(tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied_from, occupied_until, price_cents, price_trace, holder, hold_seconds, customer_id, notes, payment_required, payment_seconds)^
-- Claims [occupied_from, occupied_until). Refused by bookings_no_overlap when any of it is claimed. A hold expires hold_seconds
-- from now; a booking to be paid for is off payment_seconds from now, if that is given.
insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents,
                      price_trace, holder, expires_at, customer_id, notes, created_at, payment_required, payment_due_at)
values (:tenant_id::uuid, :stylist_id::uuid, :service_id::uuid, :location_id::uuid, :status, :starts_at, :ends_at,
        tstzrange(:occupied_from, :occupied_until), :price_cents, :price_trace::jsonb, :holder,
        clock_timestamp() + make_interval(secs => :hold_seconds::float8), :customer_id::uuid, :notes, clock_timestamp(),
        :payment_required, clock_timestamp() + make_interval(secs => :payment_seconds::float8))
returning id::text, stylist_id::text, service_id::text, location_id::text, state_now(bookings) as status, starts_at, ends_at,
          price_cents, holder, expires_at, created_at, ended_at, notes, customer_id::text, price_trace::text, payment_required,
          payment_due_at, paid_at;

-- name: claim(tenant_id, id)^
-- One claim, whatever its state, with its customer.
select b.id::text, b.stylist_id::text, b.service_id::text, b.location_id::text, state_now(b) as status, b.starts_at, b.ends_at,
       b.price_cents, b.holder, b.expires_at, b.created_at, b.ended_at, b.notes, b.customer_id::text, b.price_trace::text,
       b.payment_required, b.payment_due_at, b.paid_at,
       c.name as customer_name, c.email as customer_email, c.phone as customer_phone
  from bookings b
  left join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id
 where b.tenant_id = :tenant_id::uuid and b.id = :id::uuid;

-- name: claims(tenant_id, ids)
-- Claims by id, whatever their state, with their customers.
select b.id::text, b.stylist_id::text, b.service_id::text, b.location_id::text, state_now(b) as status, b.starts_at, b.ends_at,
       b.price_cents, b.holder, b.expires_at, b.created_at, b.ended_at, b.notes, b.customer_id::text, b.price_trace::text,
       b.payment_required, b.payment_due_at, b.paid_at,
       c.name as customer_name, c.email as customer_email, c.phone as customer_phone
  from bookings b
  left join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id
 where b.tenant_id = :tenant_id::uuid and b.id = any (:ids::uuid[]);

-- name: own_holds(tenant_id, stylist_ids, starts_at, holder)
-- The live holds of this holder at this start with these stylists, at most one each, the oldest first.
select id::text, stylist_id::text, service_id::text, location_id::text, status, starts_at, ends_at, price_cents, holder,
       expires_at, created_at, ended_at, notes, customer_id::text, price_trace::text, payment_required, payment_due_at, paid_at
  from bookings
 where tenant_id = :tenant_id::uuid
   and stylist_id = any (:stylist_ids::uuid[])
   and starts_at = :starts_at
   and holder = :holder
   and status = 'HELD'
   and expires_at > clock_timestamp()
 order by created_at, id;

-- name: claim_confirm(tenant_id, id, customer_id, notes, payment_required, payment_seconds)^
-- A hold becomes a booking, at the price it was held for; no row when it has expired. To be paid for, as claim_insert has it.
update bookings
   set status = 'CONFIRMED', customer_id = :customer_id::uuid, notes = coalesce(:notes, notes),
       payment_required = :payment_required,
       payment_due_at = clock_timestamp() + make_interval(secs => :payment_seconds::float8)
 where tenant_id = :tenant_id::uuid and id = :id::uuid and status = 'HELD' and expires_at > clock_timestamp()
returning id::text, stylist_id::text, service_id::text, location_id::text, state_now(bookings) as status, starts_at, ends_at,
          price_cents, holder, expires_at, created_at, ended_at, notes, customer_id::text, price_trace::text, payment_required,
          payment_due_at, paid_at;

-- name: claim_end(tenant_id, id, status, reason)^
-- Cancels, completes, misses or releases a claim.
update bookings
   set status = :status, ended_at = clock_timestamp(), cancel_reason = coalesce(:reason, cancel_reason)
 where tenant_id = :tenant_id::uuid and id = :id::uuid
returning id::text, stylist_id::text, service_id::text, location_id::text, state_now(bookings) as status, starts_at, ends_at,
          price_cents, holder, expires_at, created_at, ended_at, notes, customer_id::text, price_trace::text, payment_required,
          payment_due_at, paid_at;

-- name: claim_pay(tenant_id, id)^
-- A booking is paid for, and no longer ends by itself; no row when it is off.
update bookings
   set paid_at = coalesce(paid_at, clock_timestamp()), payment_due_at = null
 where tenant_id = :tenant_id::uuid and id = :id::uuid and state_now(bookings) in ('CONFIRMED', 'COMPLETED', 'NO_SHOW')
returning id::text, stylist_id::text, service_id::text, location_id::text, state_now(bookings) as status, starts_at, ends_at,
          price_cents, holder, expires_at, created_at, ended_at, notes, customer_id::text, price_trace::text, payment_required,
          payment_due_at, paid_at;

-- name: claim_move(tenant_id, id, stylist_id, location_id, starts_at, ends_at, occupied_from, occupied_until)^
-- Moves a booking as a whole, at its old price. Refused by bookings_no_overlap when the new time is claimed.
update bookings
   set stylist_id = :stylist_id::uuid, location_id = :location_id::uuid, starts_at = :starts_at, ends_at = :ends_at,
       occupied = tstzrange(:occupied_from, :occupied_until)
 where tenant_id = :tenant_id::uuid and id = :id::uuid
returning id::text, stylist_id::text, service_id::text, location_id::text, state_now(bookings) as status, starts_at, ends_at,
          price_cents, holder, expires_at, created_at, ended_at, notes, customer_id::text, price_trace::text, payment_required,
          payment_due_at, paid_at;

-- name: customer_ensure(tenant_id, owner, name, email, phone)$
-- The id of this caller's customer with this contact, made if there is none.
insert into customers (tenant_id, owner, name, email, phone)
values (:tenant_id::uuid, :owner, :name, :email, :phone)
on conflict (tenant_id, coalesce(owner, ''), name, coalesce(email, ''), coalesce(phone, '')) do update set name = excluded.name
returning id::text;

-- name: bookings_between(tenant_id, stylist_id, holder, from_on, until_on, after_at, after_id, most)
-- Bookings whose local date at their location lies in [from_on, until_on], by start and id, after a place in that order; of
-- one stylist, or of one holder, where given.
select b.id::text, b.stylist_id::text, b.service_id::text, b.location_id::text, state_now(b) as status, b.starts_at, b.ends_at,
       b.price_cents, b.holder, b.expires_at, b.created_at, b.ended_at, b.notes, b.customer_id::text, b.price_trace::text,
       b.payment_required, b.payment_due_at, b.paid_at,
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
