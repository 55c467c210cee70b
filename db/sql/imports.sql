-- One salon file into the facts, set by set. Each statement takes a JSON array of rows, writes only where the facts
-- differ, and answers {added, changed, removed}: a second run of the same file writes nothing, so no version goes up.
-- Own keys are upserted, lists replaced: compared as multisets, a row that is on both sides stays as it is.

-- name: plan_by_value()!
-- The pool's plans are made once, for a few rows by key; a file's thousands want plans of their own.
set local plan_cache_mode = auto;

-- name: zones_unknown(zones)
-- Which of these time zones this Postgres does not know.
select z.name from unnest(:zones::text[]) z(name) where z.name not in (select n.name from pg_timezone_names n);

-- name: tenant_id_for(slug)$
-- The id of the tenant with this slug, or one for a new tenant.
select coalesce(tenant_id_of(:slug), gen_random_uuid())::text;

-- name: tenant_put(tenant_id, slug, tenant_name, timezone, currency, hold_seconds)^
-- No row when nothing differs; the row is locked all the same. Refused by tenants_slug_key when another came first.
insert into tenants as t (id, slug, name, timezone, currency, hold_seconds)
values (:tenant_id::uuid, :slug, :tenant_name, :timezone, :currency, :hold_seconds)
on conflict (id) do update
   set name = excluded.name, timezone = excluded.timezone, currency = excluded.currency, hold_seconds = excluded.hold_seconds
 where (t.name, t.timezone, t.currency, t.hold_seconds)
       is distinct from (excluded.name, excluded.timezone, excluded.currency, excluded.hold_seconds)
returning (xmax = 0)::integer as added, (xmax <> 0)::integer as changed, 0 as removed;

-- name: tenant_lock(tenant_id)!
-- The lock that changes of a tenant's rules take one at a time.
select lock_directories(array[:tenant_id::uuid]);

-- name: stylists_lock(tenant_id, stylist_ids)!
-- Everyone who claims time of these stylists waits at their first step, not in the middle.
select 1
  from stylist_versions v
 where v.tenant_id = :tenant_id::uuid and v.stylist_id = any (:stylist_ids::uuid[])
 order by v.stylist_id
   for no key update;

-- name: locations_put(tenant_id, rows)^
with come as (
    insert into locations as l (tenant_id, id, name, timezone)
    select :tenant_id::uuid, f.id, f.name, f.timezone
      from json_to_recordset(:rows::json) f(id uuid, name text, timezone text)
    on conflict (tenant_id, id) do update set name = excluded.name, timezone = excluded.timezone
     where (l.name, l.timezone) is distinct from (excluded.name, excluded.timezone)
    returning xmax = 0 as added)
select count(*) filter (where added) as added, count(*) filter (where not added) as changed, 0 as removed from come;

-- name: services_put(tenant_id, rows)^
with come as (
    insert into services as s (tenant_id, id, name, duration_minutes, slot_interval_minutes, buffer_before_minutes,
                               buffer_after_minutes, price_cents, min_notice_minutes, horizon_days, active)
    select :tenant_id::uuid, f.id, f.name, f.duration_minutes, f.slot_interval_minutes, f.buffer_before_minutes,
           f.buffer_after_minutes, f.price_cents, f.min_notice_minutes, f.horizon_days, f.active
      from json_to_recordset(:rows::json)
           f(id uuid, name text, duration_minutes integer, slot_interval_minutes integer, buffer_before_minutes integer,
             buffer_after_minutes integer, price_cents bigint, min_notice_minutes integer, horizon_days integer,
             active boolean)
    on conflict (tenant_id, id) do update
       set name = excluded.name, duration_minutes = excluded.duration_minutes,
           slot_interval_minutes = excluded.slot_interval_minutes,
           buffer_before_minutes = excluded.buffer_before_minutes,
           buffer_after_minutes = excluded.buffer_after_minutes, price_cents = excluded.price_cents,
           min_notice_minutes = excluded.min_notice_minutes, horizon_days = excluded.horizon_days,
           active = excluded.active
     where (s.name, s.duration_minutes, s.slot_interval_minutes, s.buffer_before_minutes, s.buffer_after_minutes,
            s.price_cents, s.min_notice_minutes, s.horizon_days, s.active)
           is distinct from
           (excluded.name, excluded.duration_minutes, excluded.slot_interval_minutes, excluded.buffer_before_minutes,
            excluded.buffer_after_minutes, excluded.price_cents, excluded.min_notice_minutes, excluded.horizon_days,
            excluded.active)
    returning xmax = 0 as added)
select count(*) filter (where added) as added, count(*) filter (where not added) as changed, 0 as removed from come;

-- name: stylists_put(tenant_id, rows)^
with come as (
    insert into stylists as s (tenant_id, id, name, home_location_id, active)
    select :tenant_id::uuid, f.id, f.name, f.home_location_id, f.active
      from json_to_recordset(:rows::json) f(id uuid, name text, home_location_id uuid, active boolean)
    on conflict (tenant_id, id) do update
       set name = excluded.name, home_location_id = excluded.home_location_id, active = excluded.active
     where (s.name, s.home_location_id, s.active)
           is distinct from (excluded.name, excluded.home_location_id, excluded.active)
    returning xmax = 0 as added)
select count(*) filter (where added) as added, count(*) filter (where not added) as changed, 0 as removed from come;

-- name: closures_replace(tenant_id, owner_ids, rows)^
-- Those of these locations. A closure that stays keeps its reason.
with file as materialized (
    select distinct f.location_id, f.closed_on from json_to_recordset(:rows::json) f(location_id uuid, closed_on date)),
gone as (
    delete from closures c
     where c.tenant_id = :tenant_id::uuid and c.location_id = any (:owner_ids::uuid[])
       and (c.location_id, c.closed_on) not in (select f.location_id, f.closed_on from file f)
    returning 1),
come as (
    insert into closures (tenant_id, location_id, closed_on)
    select :tenant_id::uuid, f.location_id, f.closed_on from file f
    on conflict do nothing
    returning 1)
select (select count(*) from come) as added, 0 as changed, (select count(*) from gone) as removed;

-- name: travel_replace(tenant_id, rows)^
-- All of the tenant.
with file as materialized (
    select least(f.from_location_id, f.to_location_id) as lesser, greatest(f.from_location_id, f.to_location_id) as greater,
           f.minutes
      from json_to_recordset(:rows::json) f(from_location_id uuid, to_location_id uuid, minutes integer)),
gone as (
    delete from travel_times t
     where t.tenant_id = :tenant_id::uuid
       and (t.from_location_id, t.to_location_id) not in (select f.lesser, f.greater from file f)
    returning 1),
come as (
    insert into travel_times as t (tenant_id, from_location_id, to_location_id, minutes)
    select :tenant_id::uuid, f.lesser, f.greater, f.minutes from file f
    on conflict (tenant_id, from_location_id, to_location_id) do update set minutes = excluded.minutes
     where t.minutes <> excluded.minutes
    returning xmax = 0 as added)
select (select count(*) from come where added) as added, (select count(*) from come where not added) as changed,
       (select count(*) from gone) as removed;

-- name: offerings_replace(tenant_id, owner_ids, rows)^
-- Those of these stylists.
with file as materialized (
    select f.*
      from json_to_recordset(:rows::json)
           f(stylist_id uuid, service_id uuid, duration_minutes integer, price_cents bigint)),
gone as (
    delete from offerings o
     where o.tenant_id = :tenant_id::uuid and o.stylist_id = any (:owner_ids::uuid[])
       and (o.stylist_id, o.service_id) not in (select f.stylist_id, f.service_id from file f)
    returning 1),
come as (
    insert into offerings as o (tenant_id, stylist_id, service_id, duration_minutes, price_cents)
    select :tenant_id::uuid, f.stylist_id, f.service_id, f.duration_minutes, f.price_cents from file f
    on conflict (tenant_id, stylist_id, service_id) do update
       set duration_minutes = excluded.duration_minutes, price_cents = excluded.price_cents
     where (o.duration_minutes, o.price_cents) is distinct from (excluded.duration_minutes, excluded.price_cents)
    returning xmax = 0 as added)
select (select count(*) from come where added) as added, (select count(*) from come where not added) as changed,
       (select count(*) from gone) as removed;

-- name: hours_replace(tenant_id, owner_ids, rows)^
-- Those of these stylists. Like rows are numbered; one that has its like on the other side is there twice.
with row_of as (
    select null::uuid as id, f.*
      from json_to_recordset(:rows::json)
           f(stylist_id uuid, location_id uuid, weekday smallint, starts_minute smallint, ends_minute smallint,
             is_break boolean, valid_from date, valid_until date)
     union all
    select h.id, h.stylist_id, h.location_id, h.weekday, h.starts_minute, h.ends_minute, h.is_break, h.valid_from, h.valid_until
      from schedule_hours h
     where h.tenant_id = :tenant_id::uuid and h.stylist_id = any (:owner_ids::uuid[])),
numbered as (
    select r.*, row_number() over (partition by r.id is null, r.stylist_id, r.location_id, r.weekday, r.starts_minute,
                                                r.ends_minute, r.is_break, r.valid_from, r.valid_until) as n
      from row_of r),
differing as materialized (
    select (array_agg(r.id))[1] as id, r.stylist_id, r.location_id, r.weekday, r.starts_minute, r.ends_minute, r.is_break,
           r.valid_from, r.valid_until
      from numbered r
     group by r.stylist_id, r.location_id, r.weekday, r.starts_minute, r.ends_minute, r.is_break, r.valid_from, r.valid_until, r.n
    having count(*) = 1),
gone as (
    delete from schedule_hours h
     where h.tenant_id = :tenant_id::uuid and h.id in (select d.id from differing d where d.id is not null)
    returning 1),
come as (
    insert into schedule_hours (tenant_id, stylist_id, location_id, weekday, starts_minute, ends_minute, is_break,
                                valid_from, valid_until)
    select :tenant_id::uuid, d.stylist_id, d.location_id, d.weekday, d.starts_minute, d.ends_minute, d.is_break,
           d.valid_from, d.valid_until
      from differing d
     where d.id is null
    returning 1)
select (select count(*) from come) as added, 0 as changed, (select count(*) from gone) as removed;

-- name: overrides_replace(tenant_id, owner_ids, rows)^
-- Those of these stylists, without their hours. An override that stays keeps its reason.
with file as materialized (
    select f.* from json_to_recordset(:rows::json) f(stylist_id uuid, on_date date, location_id uuid)),
gone as (
    delete from overrides o
     where o.tenant_id = :tenant_id::uuid and o.stylist_id = any (:owner_ids::uuid[])
       and (o.stylist_id, o.on_date) not in (select f.stylist_id, f.on_date from file f)
    returning 1),
come as (
    insert into overrides as o (tenant_id, stylist_id, on_date, location_id)
    select :tenant_id::uuid, f.stylist_id, f.on_date, f.location_id from file f
    on conflict (tenant_id, stylist_id, on_date) do update set location_id = excluded.location_id
     where o.location_id <> excluded.location_id
    returning xmax = 0 as added)
select (select count(*) from come where added) as added, (select count(*) from come where not added) as changed,
       (select count(*) from gone) as removed;

-- name: override_hours_replace(tenant_id, owner_ids, rows)^
-- Those of these stylists' overrides, which must be there.
with file as materialized (
    select distinct f.stylist_id, f.on_date, f.is_break, f.starts_minute, f.ends_minute
      from json_to_recordset(:rows::json)
           f(stylist_id uuid, on_date date, is_break boolean, starts_minute smallint, ends_minute smallint)),
gone as (
    delete from override_hours h
     where h.tenant_id = :tenant_id::uuid and h.stylist_id = any (:owner_ids::uuid[])
       and (h.stylist_id, h.on_date, h.is_break, h.starts_minute, h.ends_minute)
           not in (select f.stylist_id, f.on_date, f.is_break, f.starts_minute, f.ends_minute from file f)
    returning 1),
come as (
    insert into override_hours (tenant_id, stylist_id, on_date, is_break, starts_minute, ends_minute)
    select :tenant_id::uuid, f.stylist_id, f.on_date, f.is_break, f.starts_minute, f.ends_minute from file f
    on conflict do nothing
    returning 1)
select (select count(*) from come) as added, 0 as changed, (select count(*) from gone) as removed;

-- name: time_off_replace(tenant_id, owner_ids, rows)^
-- Those of these stylists. One that stays keeps its reason.
with row_of as (
    select null::uuid as id, f.*
      from json_to_recordset(:rows::json) f(stylist_id uuid, starts_at timestamptz, ends_at timestamptz)
     union all
    select o.id, o.stylist_id, o.starts_at, o.ends_at
      from time_off o
     where o.tenant_id = :tenant_id::uuid and o.stylist_id = any (:owner_ids::uuid[])),
numbered as (
    select r.*, row_number() over (partition by r.id is null, r.stylist_id, r.starts_at, r.ends_at) as n from row_of r),
differing as materialized (
    select (array_agg(r.id))[1] as id, r.stylist_id, r.starts_at, r.ends_at
      from numbered r
     group by r.stylist_id, r.starts_at, r.ends_at, r.n
    having count(*) = 1),
gone as (
    delete from time_off o
     where o.tenant_id = :tenant_id::uuid and o.id in (select d.id from differing d where d.id is not null)
    returning 1),
come as (
    insert into time_off (tenant_id, stylist_id, starts_at, ends_at)
    select :tenant_id::uuid, d.stylist_id, d.starts_at, d.ends_at from differing d where d.id is null
    returning 1)
select (select count(*) from come) as added, 0 as changed, (select count(*) from gone) as removed;

-- name: busy_sources_add(tenant_id, rows)!
-- The calendars of these rows that were not heard of before.
insert into busy_sources (tenant_id, stylist_id, source)
select distinct :tenant_id::uuid, f.stylist_id, f.source
  from json_to_recordset(:rows::json) f(stylist_id uuid, source text)
on conflict do nothing;

-- name: busy_replace(tenant_id, owner_ids, rows)^
-- Those of these stylists, whose calendars must be there. A calendar whose list changed was heard of now.
with row_of as (
    select null::uuid as id, f.*
      from json_to_recordset(:rows::json) f(stylist_id uuid, source text, starts_at timestamptz, ends_at timestamptz)
     union all
    select b.id, b.stylist_id, b.source, b.starts_at, b.ends_at
      from busy_times b
     where b.tenant_id = :tenant_id::uuid and b.stylist_id = any (:owner_ids::uuid[])),
numbered as (
    select r.*, row_number() over (partition by r.id is null, r.stylist_id, r.source, r.starts_at, r.ends_at) as n
      from row_of r),
differing as materialized (
    select (array_agg(r.id))[1] as id, r.stylist_id, r.source, r.starts_at, r.ends_at
      from numbered r
     group by r.stylist_id, r.source, r.starts_at, r.ends_at, r.n
    having count(*) = 1),
heard as (
    update busy_sources s set as_of = now()
     where s.tenant_id = :tenant_id::uuid and (s.stylist_id, s.source) in (select d.stylist_id, d.source from differing d)),
gone as (
    delete from busy_times b
     where b.tenant_id = :tenant_id::uuid and b.id in (select d.id from differing d where d.id is not null)
    returning 1),
come as (
    insert into busy_times (tenant_id, stylist_id, source, starts_at, ends_at)
    select :tenant_id::uuid, d.stylist_id, d.source, d.starts_at, d.ends_at from differing d where d.id is null
    returning 1)
select (select count(*) from come) as added, 0 as changed, (select count(*) from gone) as removed;

-- name: price_rules_replace(tenant_id, rows)^
-- All of the tenant, in the order of position, which price_rules_position_key checks at commit.
with row_of as (
    select null::uuid as id, f.*
      from json_to_recordset(:rows::json)
           f(position integer, name text, basis_points integer, service_id uuid, weekdays smallint[], from_minute smallint,
             to_minute smallint, from_on date, until_on date)
     union all
    select p.id, p.position, p.name, p.basis_points, p.service_id, p.weekdays, p.from_minute, p.to_minute, p.from_on, p.until_on
      from price_rules p
     where p.tenant_id = :tenant_id::uuid),
differing as materialized (
    select (array_agg(r.id))[1] as id, r.position, r.name, r.basis_points, r.service_id, r.weekdays, r.from_minute,
           r.to_minute, r.from_on, r.until_on
      from row_of r
     group by r.position, r.name, r.basis_points, r.service_id, r.weekdays, r.from_minute, r.to_minute, r.from_on, r.until_on
    having count(*) = 1),
gone as (
    delete from price_rules p
     where p.tenant_id = :tenant_id::uuid and p.id in (select d.id from differing d where d.id is not null)
    returning 1),
come as (
    insert into price_rules (tenant_id, position, name, basis_points, service_id, weekdays, from_minute, to_minute,
                             from_on, until_on)
    select :tenant_id::uuid, d.position, d.name, d.basis_points, d.service_id, d.weekdays, d.from_minute, d.to_minute,
           d.from_on, d.until_on
      from differing d
     where d.id is null
    returning 1)
select (select count(*) from come) as added, 0 as changed, (select count(*) from gone) as removed;

-- name: expired_release(tenant_id, stylist_ids)!
-- Expired holds of these stylists, and bookings not paid in time, no longer stand in the way of a booking (R11).
update bookings
   set status = case status when 'HELD' then 'RELEASED' else 'CANCELLED' end,
       ended_at = case status when 'HELD' then expires_at else payment_due_at end,
       cancel_reason = case status when 'HELD' then cancel_reason else 'not paid in time' end
 where tenant_id = :tenant_id::uuid and stylist_id = any (:stylist_ids::uuid[])
   and (status = 'HELD' and expires_at <= clock_timestamp() or status = 'CONFIRMED' and payment_due_at <= clock_timestamp());

-- name: bookings_add(tenant_id, rows)^
-- {added, known, overlapping}: known was booked before, at the same start with the same stylist, whatever became of it since:
-- a booking that was cancelled does not come back with its file. A hold is no booking. Overlapping is refused by
-- bookings_no_overlap. Rows of one stylist in order of start, so that the indexes and the raised days are walked once.
with file as materialized (
    select f.*,
           -- Not `exists`, which Postgres may answer by reading all bookings of the tenant at once.
           coalesce((select true from bookings b
                      where b.tenant_id = :tenant_id::uuid and b.stylist_id = f.stylist_id and b.starts_at = f.starts_at
                        and b.status not in ('HELD', 'RELEASED')
                      limit 1), false) as known
      from json_to_recordset(:rows::json)
           f(stylist_id uuid, service_id uuid, location_id uuid, starts_at timestamptz, ends_at timestamptz,
             occupied_from timestamptz, occupied_until timestamptz)),
come as (
    insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents)
    select :tenant_id::uuid, f.stylist_id, f.service_id, f.location_id, 'CONFIRMED', f.starts_at, f.ends_at,
           tstzrange(f.occupied_from, f.occupied_until), coalesce(o.price_cents, s.price_cents)
      from file f
      join services s on s.tenant_id = :tenant_id::uuid and s.id = f.service_id
      left join offerings o on o.tenant_id = s.tenant_id and o.stylist_id = f.stylist_id and o.service_id = s.id
     where not f.known
     order by f.stylist_id, f.starts_at
    on conflict do nothing
    returning 1)
select added, known, all_rows - known - added as overlapping
  from (select (select count(*) from come) as added, count(*) filter (where known) as known, count(*) as all_rows
          from file) c;
