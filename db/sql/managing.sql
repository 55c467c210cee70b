-- How a business is set up, a thing at a time. For each kind: `_state`, what a key finds, as a JSON object with the names of the
-- columns, locked where it is a row (null: no such thing); `_put`, which adds or changes it to be this row; `_drop`. Keys
-- and rows are JSON objects with the names of the columns. Triggers raise what a change touches, and only where it differs.

-- name: rules_lock(tenant_id)!
-- Changes of a tenant's rules go one at a time: the lock that the triggers take, taken first.
select lock_directories(array[:tenant_id::uuid]);

-- name: tenant_state(tenant_id, key)$
select to_jsonb(t)::text from tenants t, json_to_record(:key::json) k(id uuid) where t.id = :tenant_id::uuid and t.id = k.id;

-- name: tenant_put(tenant_id, row)!
-- Refused by tenants_slug_key when the slug is another's.
insert into tenants as t (id, slug, name, timezone, currency, hold_seconds, payment_url, payment_seconds, busy_stale_seconds,
                          busy_stale_closes)
select :tenant_id::uuid, r.slug, r.name, r.timezone, r.currency, r.hold_seconds, r.payment_url, r.payment_seconds,
       r.busy_stale_seconds, r.busy_stale_closes
  from json_populate_record(null::tenants, :row::json) r
on conflict (id) do update
   set name = excluded.name, timezone = excluded.timezone, currency = excluded.currency, hold_seconds = excluded.hold_seconds,
       payment_url = excluded.payment_url, payment_seconds = excluded.payment_seconds,
       busy_stale_seconds = excluded.busy_stale_seconds, busy_stale_closes = excluded.busy_stale_closes;

-- name: location_state(tenant_id, key)$
select to_jsonb(l)::text
  from locations l, json_to_record(:key::json) k(id uuid)
 where l.tenant_id = :tenant_id::uuid and l.id = k.id;

-- name: location_put(tenant_id, row)!
insert into locations (tenant_id, id, name, timezone)
select :tenant_id::uuid, r.id, r.name, r.timezone from json_populate_record(null::locations, :row::json) r
on conflict (tenant_id, id) do update set name = excluded.name, timezone = excluded.timezone;

-- name: location_drop(tenant_id, key)!
-- Only one where nobody lives, works or was ever booked: what points at it would go along.
delete from locations l
 using json_to_record(:key::json) k(id uuid)
 where l.tenant_id = :tenant_id::uuid and l.id = k.id
   and not exists (select from stylists s where s.tenant_id = l.tenant_id and s.home_location_id = l.id)
   and not exists (select from schedule_hours h where h.tenant_id = l.tenant_id and h.location_id = l.id)
   and not exists (select from overrides o where o.tenant_id = l.tenant_id and o.location_id = l.id)
   and not exists (select from bookings b where b.tenant_id = l.tenant_id and b.location_id = l.id);

-- name: closure_state(tenant_id, key)$
select to_jsonb(c)::text
  from closures c, json_to_record(:key::json) k(location_id uuid, closed_on date)
 where c.tenant_id = :tenant_id::uuid and c.location_id = k.location_id and c.closed_on = k.closed_on;

-- name: closure_put(tenant_id, row)!
insert into closures (tenant_id, location_id, closed_on, reason)
select :tenant_id::uuid, r.location_id, r.closed_on, r.reason from json_populate_record(null::closures, :row::json) r
on conflict (tenant_id, location_id, closed_on) do update set reason = excluded.reason;

-- name: closure_drop(tenant_id, key)!
delete from closures c
 using json_to_record(:key::json) k(location_id uuid, closed_on date)
 where c.tenant_id = :tenant_id::uuid and c.location_id = k.location_id and c.closed_on = k.closed_on;

-- name: travel_time_state(tenant_id, key)$
select to_jsonb(t)::text
  from travel_times t, json_to_record(:key::json) k(from_location_id uuid, to_location_id uuid)
 where t.tenant_id = :tenant_id::uuid and t.from_location_id = least(k.from_location_id, k.to_location_id)
   and t.to_location_id = greatest(k.from_location_id, k.to_location_id);

-- name: travel_time_put(tenant_id, row)!
-- Either way round.
insert into travel_times (tenant_id, from_location_id, to_location_id, minutes)
select :tenant_id::uuid, least(r.from_location_id, r.to_location_id), greatest(r.from_location_id, r.to_location_id), r.minutes
  from json_populate_record(null::travel_times, :row::json) r
on conflict (tenant_id, from_location_id, to_location_id) do update set minutes = excluded.minutes;

-- name: service_state(tenant_id, key)$
select to_jsonb(s)::text
  from services s, json_to_record(:key::json) k(id uuid)
 where s.tenant_id = :tenant_id::uuid and s.id = k.id;

-- name: service_put(tenant_id, row)!
insert into services (tenant_id, id, name, duration_minutes, slot_interval_minutes, buffer_before_minutes, buffer_after_minutes,
                      price_cents, min_notice_minutes, horizon_days, active)
select :tenant_id::uuid, r.id, r.name, r.duration_minutes, r.slot_interval_minutes, r.buffer_before_minutes, r.buffer_after_minutes,
       r.price_cents, r.min_notice_minutes, r.horizon_days, r.active
  from json_populate_record(null::services, :row::json) r
on conflict (tenant_id, id) do update
   set name = excluded.name, duration_minutes = excluded.duration_minutes, slot_interval_minutes = excluded.slot_interval_minutes,
       buffer_before_minutes = excluded.buffer_before_minutes, buffer_after_minutes = excluded.buffer_after_minutes,
       price_cents = excluded.price_cents, min_notice_minutes = excluded.min_notice_minutes,
       horizon_days = excluded.horizon_days, active = excluded.active;

-- name: stylist_state(tenant_id, key)$
select to_jsonb(s)::text
  from stylists s, json_to_record(:key::json) k(id uuid)
 where s.tenant_id = :tenant_id::uuid and s.id = k.id;

-- name: stylist_put(tenant_id, row)!
insert into stylists (tenant_id, id, name, home_location_id, active)
select :tenant_id::uuid, r.id, r.name, r.home_location_id, r.active from json_populate_record(null::stylists, :row::json) r
on conflict (tenant_id, id) do update
   set name = excluded.name, home_location_id = excluded.home_location_id, active = excluded.active;

-- name: offering_state(tenant_id, key)$
select to_jsonb(o)::text
  from offerings o, json_to_record(:key::json) k(stylist_id uuid, service_id uuid)
 where o.tenant_id = :tenant_id::uuid and o.stylist_id = k.stylist_id and o.service_id = k.service_id;

-- name: offering_put(tenant_id, row)!
insert into offerings (tenant_id, stylist_id, service_id, duration_minutes, price_cents)
select :tenant_id::uuid, r.stylist_id, r.service_id, r.duration_minutes, r.price_cents
  from json_populate_record(null::offerings, :row::json) r
on conflict (tenant_id, stylist_id, service_id) do update
   set duration_minutes = excluded.duration_minutes, price_cents = excluded.price_cents;

-- name: offering_drop(tenant_id, key)!
delete from offerings o
 using json_to_record(:key::json) k(stylist_id uuid, service_id uuid)
 where o.tenant_id = :tenant_id::uuid and o.stylist_id = k.stylist_id and o.service_id = k.service_id;

-- name: schedule_state(tenant_id, key)$
-- A stylist's week.
select json_build_object('stylist_id', k.stylist_id, 'hours', coalesce((
           select json_agg(to_jsonb(h) - 'tenant_id' - 'id' - 'stylist_id'
                           order by h.valid_from nulls first, h.weekday, h.starts_minute, h.is_break, h.id)
             from schedule_hours h
            where h.tenant_id = :tenant_id::uuid and h.stylist_id = k.stylist_id), '[]'))::text
  from json_to_record(:key::json) k(stylist_id uuid);

-- name: override_state(tenant_id, key)$
select (to_jsonb(o) || jsonb_build_object('hours', coalesce((
           select json_agg(to_jsonb(h) - 'tenant_id' - 'stylist_id' - 'on_date' order by h.is_break, h.starts_minute)
             from override_hours h
            where h.tenant_id = o.tenant_id and h.stylist_id = o.stylist_id and h.on_date = o.on_date), '[]')))::text
  from overrides o, json_to_record(:key::json) k(stylist_id uuid, on_date date)
 where o.tenant_id = :tenant_id::uuid and o.stylist_id = k.stylist_id and o.on_date = k.on_date;

-- name: override_put(tenant_id, row)!
insert into overrides (tenant_id, stylist_id, on_date, location_id, reason)
select :tenant_id::uuid, r.stylist_id, r.on_date, r.location_id, r.reason from json_populate_record(null::overrides, :row::json) r
on conflict (tenant_id, stylist_id, on_date) do update set location_id = excluded.location_id, reason = excluded.reason;

-- name: override_hours_drop(tenant_id, row)!
delete from override_hours h
 using json_to_record(:row::json) k(stylist_id uuid, on_date date)
 where h.tenant_id = :tenant_id::uuid and h.stylist_id = k.stylist_id and h.on_date = k.on_date;

-- name: override_hours_add(tenant_id, row)!
insert into override_hours (tenant_id, stylist_id, on_date, is_break, starts_minute, ends_minute)
select distinct :tenant_id::uuid, k.stylist_id, k.on_date, h.is_break, h.starts_minute, h.ends_minute
  from json_to_record(:row::json) k(stylist_id uuid, on_date date, hours json),
       json_to_recordset(k.hours) h(is_break boolean, starts_minute smallint, ends_minute smallint);

-- name: override_drop(tenant_id, key)!
delete from overrides o
 using json_to_record(:key::json) k(stylist_id uuid, on_date date)
 where o.tenant_id = :tenant_id::uuid and o.stylist_id = k.stylist_id and o.on_date = k.on_date;

-- name: time_off_state(tenant_id, key)$
select to_jsonb(f)::text
  from time_off f, json_to_record(:key::json) k(id uuid)
 where f.tenant_id = :tenant_id::uuid and f.id = k.id;

-- name: time_off_put(tenant_id, row)!
insert into time_off (tenant_id, id, stylist_id, starts_at, ends_at, reason)
select :tenant_id::uuid, r.id, r.stylist_id, r.starts_at, r.ends_at, r.reason from json_populate_record(null::time_off, :row::json) r;

-- name: time_off_drop(tenant_id, key)!
delete from time_off f
 using json_to_record(:key::json) k(id uuid)
 where f.tenant_id = :tenant_id::uuid and f.id = k.id;

-- name: busy_source_state(tenant_id, key)$
select (to_jsonb(b) || jsonb_build_object('spans', coalesce((
           select json_agg(json_build_array(t.starts_at, t.ends_at) order by t.starts_at, t.ends_at)
             from busy_times t
            where t.tenant_id = b.tenant_id and t.stylist_id = b.stylist_id and t.source = b.source), '[]')))::text
  from busy_sources b, json_to_record(:key::json) k(stylist_id uuid, source text)
 where b.tenant_id = :tenant_id::uuid and b.stylist_id = k.stylist_id and b.source = k.source;

-- name: stylist_turn(tenant_id, row)!
-- Everyone who claims time of this stylist waits at their first step, not in the middle: what follows raises days out of order.
select 1
  from stylist_versions v, json_to_record(:row::json) k(stylist_id uuid)
 where v.tenant_id = :tenant_id::uuid and v.stylist_id = k.stylist_id
   for no key update of v;

-- name: busy_source_put(tenant_id, row)!
insert into busy_sources (tenant_id, stylist_id, source, as_of)
select :tenant_id::uuid, r.stylist_id, r.source, r.as_of from json_populate_record(null::busy_sources, :row::json) r
on conflict (tenant_id, stylist_id, source) do update set as_of = excluded.as_of;

-- name: busy_times_replace(tenant_id, row)!
-- Those of one source. A span that stays is not touched, so that a sync without news raises nothing.
with k as materialized (
    select * from json_to_record(:row::json) k(stylist_id uuid, source text, spans json)),
wanted as materialized (
    select distinct (s.value ->> 0)::timestamptz as starts_at, (s.value ->> 1)::timestamptz as ends_at
      from k, json_array_elements(k.spans) s),
gone as (
    delete from busy_times t
     using k
     where t.tenant_id = :tenant_id::uuid and t.stylist_id = k.stylist_id and t.source = k.source
       and (t.starts_at, t.ends_at) not in (select w.starts_at, w.ends_at from wanted w)
    returning 1)
insert into busy_times (tenant_id, stylist_id, source, starts_at, ends_at)
select :tenant_id::uuid, k.stylist_id, k.source, w.starts_at, w.ends_at
  from k, wanted w
 where not exists (select from busy_times t
                    where t.tenant_id = :tenant_id::uuid and t.stylist_id = k.stylist_id and t.source = k.source
                      and t.starts_at = w.starts_at and t.ends_at = w.ends_at);

-- name: busy_source_drop(tenant_id, key)!
delete from busy_sources b
 using json_to_record(:key::json) k(stylist_id uuid, source text)
 where b.tenant_id = :tenant_id::uuid and b.stylist_id = k.stylist_id and b.source = k.source;

-- name: price_rule_state(tenant_id, key)$
select to_jsonb(p)::text
  from price_rules p, json_to_record(:key::json) k(id uuid)
 where p.tenant_id = :tenant_id::uuid and p.id = k.id;

-- name: price_rule_put(tenant_id, row)!
-- A rule without a position goes behind all others.
insert into price_rules as p (tenant_id, id, position, name, basis_points, service_id, weekdays, from_minute, to_minute, from_on,
                              until_on)
select :tenant_id::uuid, r.id,
       coalesce(r.position, (select coalesce(max(q.position) + 1, 0) from price_rules q where q.tenant_id = :tenant_id::uuid)),
       r.name, r.basis_points, r.service_id, r.weekdays, r.from_minute, r.to_minute, r.from_on, r.until_on
  from json_populate_record(null::price_rules, :row::json) r
on conflict (tenant_id, id) do update
   set position = excluded.position, name = excluded.name, basis_points = excluded.basis_points, service_id = excluded.service_id,
       weekdays = excluded.weekdays, from_minute = excluded.from_minute, to_minute = excluded.to_minute,
       from_on = excluded.from_on, until_on = excluded.until_on;

-- name: price_rules_make_room(tenant_id, row)!
-- The rule at this position, and those behind it without a gap, go one further.
with recursive r as (
    select * from json_populate_record(null::price_rules, :row::json)),
shoved as (
    select p.id, p.position from price_rules p, r where p.tenant_id = :tenant_id::uuid and p.position = r.position and p.id <> r.id
     union all
    select p.id, p.position
      from shoved s
      join price_rules p on p.tenant_id = :tenant_id::uuid and p.position = s.position + 1
      join r on p.id <> r.id)
update price_rules p set position = p.position + 1 from shoved s where p.tenant_id = :tenant_id::uuid and p.id = s.id;

-- name: price_rule_drop(tenant_id, key)!
delete from price_rules p
 using json_to_record(:key::json) k(id uuid)
 where p.tenant_id = :tenant_id::uuid and p.id = k.id;

-- name: preferences_state(tenant_id, key)$
select json_build_object('stylist_id', k.stylist_id, 'run_minutes_max', p.run_minutes_max, 'pause_minutes', p.pause_minutes,
           'bookings_a_day_max', p.bookings_a_day_max, 'avoided', coalesce((
               select json_agg(to_jsonb(a) - 'tenant_id' - 'stylist_id' - 'id' order by a.service_id, a.from_minute, a.id)
                 from avoided_services a
                where a.tenant_id = :tenant_id::uuid and a.stylist_id = k.stylist_id), '[]'))::text
  from json_to_record(:key::json) k(stylist_id uuid)
  left join preferences p on p.tenant_id = :tenant_id::uuid and p.stylist_id = k.stylist_id;

-- name: preferences_put(tenant_id, row)!
insert into preferences (tenant_id, stylist_id, run_minutes_max, pause_minutes, bookings_a_day_max)
select :tenant_id::uuid, r.stylist_id, r.run_minutes_max, r.pause_minutes, r.bookings_a_day_max
  from json_populate_record(null::preferences, :row::json) r
on conflict (tenant_id, stylist_id) do update
   set run_minutes_max = excluded.run_minutes_max, pause_minutes = excluded.pause_minutes,
       bookings_a_day_max = excluded.bookings_a_day_max;

-- name: avoided_drop(tenant_id, row)!
delete from avoided_services a
 using json_to_record(:row::json) k(stylist_id uuid)
 where a.tenant_id = :tenant_id::uuid and a.stylist_id = k.stylist_id;

-- name: avoided_add(tenant_id, row)!
insert into avoided_services (tenant_id, stylist_id, service_id, weekdays, from_minute, to_minute)
select :tenant_id::uuid, k.stylist_id, a.service_id, a.weekdays, a.from_minute, a.to_minute
  from json_to_record(:row::json) k(stylist_id uuid, avoided json),
       json_to_recordset(k.avoided) a(service_id uuid, weekdays smallint[], from_minute smallint, to_minute smallint);

-- name: claims_ahead(tenant_id, stylist_ids, from_at, until_at, most)
-- Confirmed bookings of these stylists (null: of all) that begin in [from_at, until_at) and are yet to come, by start.
select b.id::text, b.stylist_id::text, b.service_id::text, b.location_id::text, state_now(b) as status, b.starts_at, b.ends_at,
       b.price_cents, b.holder, b.expires_at, b.created_at, b.ended_at, b.notes, b.customer_id::text, b.price_trace::text,
       b.payment_required, b.payment_due_at, b.paid_at,
       c.name as customer_name, c.email as customer_email, c.phone as customer_phone,
       lower(b.occupied) as occupied_from, upper(b.occupied) as occupied_until, l.timezone
  from bookings b
  join locations l on l.tenant_id = b.tenant_id and l.id = b.location_id
  left join customers c on c.tenant_id = b.tenant_id and c.id = b.customer_id
 where b.tenant_id = :tenant_id::uuid
   and b.stylist_id = any (:stylist_ids::uuid[])
   and b.status in ('HELD', 'CONFIRMED', 'COMPLETED', 'NO_SHOW')
   and state_now(b) = 'CONFIRMED'
   and b.starts_at > greatest(clock_timestamp(), :from_at::timestamptz)
   and (:until_at::timestamptz is null or b.starts_at < :until_at::timestamptz)
 order by b.starts_at, b.id
 limit :most;

-- name: setup(tenant_id)$
-- How the business is set up: a JSON object
--   {tenant: {…}, closures: [{…}], travel: [{…}], rules: [{…}]}
-- each with the names of its columns; closures that are not yet past.
select json_build_object(
    'tenant', (select to_jsonb(t) from tenants t where t.id = :tenant_id::uuid),
    'closures', (select coalesce(json_agg(to_jsonb(c) order by c.closed_on, c.location_id), '[]')
                   from closures c where c.tenant_id = :tenant_id::uuid and c.closed_on >= current_date - 1),
    'travel', (select coalesce(json_agg(to_jsonb(t) order by t.from_location_id, t.to_location_id), '[]')
                 from travel_times t where t.tenant_id = :tenant_id::uuid),
    'rules', (select coalesce(json_agg(to_jsonb(p) order by p.position), '[]')
                from price_rules p where p.tenant_id = :tenant_id::uuid))::text;

-- name: stylist_setups(tenant_id, stylist_ids)$
-- How each of these stylists is set up, in the order of the array: a JSON array of
--   {hours: [{…}], overrides: [{…, hours: [{…}]}], off: [{…}], sources: [{…, stale}], wishes: {…} or null, avoided: [{…}]}
-- each with the names of its columns; overrides and time off that are not yet past.
select coalesce(json_agg(json_build_object(
    'hours', (select coalesce(json_agg(to_jsonb(h) order by h.valid_from nulls first, h.weekday, h.starts_minute, h.is_break), '[]')
                from schedule_hours h where h.tenant_id = :tenant_id::uuid and h.stylist_id = y.id),
    'overrides', (select coalesce(json_agg(to_jsonb(o) || jsonb_build_object('hours', (
                             select coalesce(json_agg(to_jsonb(h) order by h.is_break, h.starts_minute), '[]')
                               from override_hours h
                              where h.tenant_id = o.tenant_id and h.stylist_id = o.stylist_id and h.on_date = o.on_date))
                                           order by o.on_date), '[]')
                    from overrides o
                   where o.tenant_id = :tenant_id::uuid and o.stylist_id = y.id and o.on_date >= current_date - 1),
    'off', (select coalesce(json_agg(to_jsonb(f) order by f.starts_at, f.id), '[]')
              from time_off f where f.tenant_id = :tenant_id::uuid and f.stylist_id = y.id and f.ends_at > now()),
    'sources', (select coalesce(json_agg(to_jsonb(b) || jsonb_build_object('stale',
                           coalesce(b.as_of + make_interval(secs => t.busy_stale_seconds) <= now(), false)) order by b.source), '[]')
                  from busy_sources b
                  join tenants t on t.id = b.tenant_id
                 where b.tenant_id = :tenant_id::uuid and b.stylist_id = y.id),
    'wishes', (select to_jsonb(p) from preferences p where p.tenant_id = :tenant_id::uuid and p.stylist_id = y.id),
    'avoided', (select coalesce(json_agg(to_jsonb(a) order by a.service_id, a.from_minute, a.id), '[]')
                  from avoided_services a where a.tenant_id = :tenant_id::uuid and a.stylist_id = y.id)
    ) order by y.n), '[]')::text
  from unnest(:stylist_ids::uuid[]) with ordinality y(id, n);
