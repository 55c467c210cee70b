-- The triggers that raise versions: one function a table, once a statement. It looks at the rows as they were and as they
-- are together: a row that is the same in both, in the columns that availability depends on, is there twice and raises
-- nothing; one that came, went or changed is there once.

create function bookings_touch() returns trigger language plpgsql as $$
declare
    was bookings[];
    becomes bookings[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform raise_spans(array(
        select row (tenant_id, stylist_id, lower(occupied), upper(occupied))::touched_span
          from unnest(was || becomes)
         where status in ('HELD', 'CONFIRMED', 'COMPLETED', 'NO_SHOW')
         group by tenant_id, id, stylist_id, location_id, status, holder, expires_at, starts_at, ends_at, occupied
        having count(*) = 1));
    return null;
end $$;
create trigger bookings_touch_insert after insert on bookings
    referencing new table as new_rows for each statement execute function bookings_touch();
create trigger bookings_touch_update after update on bookings
    referencing old table as old_rows new table as new_rows for each statement execute function bookings_touch();
create trigger bookings_touch_delete after delete on bookings
    referencing old table as old_rows for each statement execute function bookings_touch();

create function time_off_touch() returns trigger language plpgsql as $$
declare
    was time_off[];
    becomes time_off[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform raise_spans(array(
        select row (tenant_id, stylist_id, starts_at, ends_at)::touched_span
          from unnest(was || becomes)
         group by tenant_id, id, stylist_id, starts_at, ends_at
        having count(*) = 1));
    return null;
end $$;
create trigger time_off_touch_insert after insert on time_off
    referencing new table as new_rows for each statement execute function time_off_touch();
create trigger time_off_touch_update after update on time_off
    referencing old table as old_rows new table as new_rows for each statement execute function time_off_touch();
create trigger time_off_touch_delete after delete on time_off
    referencing old table as old_rows for each statement execute function time_off_touch();

create function busy_times_touch() returns trigger language plpgsql as $$
declare
    was busy_times[];
    becomes busy_times[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform raise_spans(array(
        select row (tenant_id, stylist_id, starts_at, ends_at)::touched_span
          from unnest(was || becomes)
         group by tenant_id, id, stylist_id, source, starts_at, ends_at
        having count(*) = 1));
    return null;
end $$;
create trigger busy_times_touch_insert after insert on busy_times
    referencing new table as new_rows for each statement execute function busy_times_touch();
create trigger busy_times_touch_update after update on busy_times
    referencing old table as old_rows new table as new_rows for each statement execute function busy_times_touch();
create trigger busy_times_touch_delete after delete on busy_times
    referencing old table as old_rows for each statement execute function busy_times_touch();

-- Raises the days whose starts the hours of these dates can reach, two either way (domain/hours.py), and the directory, which
-- lists the places of a stylist's hours. The stylist's row is locked: the places decide which days a booking touches.
create function raise_dates(dates day_versions[]) returns void
language plpgsql as $$
begin
    perform raise_stylists(array(select row (d.tenant_id, null)::touched_stylist from unnest(dates) d));
    perform 1
       from stylist_versions v
      where (v.tenant_id, v.stylist_id) in (select d.tenant_id, d.stylist_id from unnest(dates) d)
      order by v.tenant_id, v.stylist_id
        for no key update;
    perform raise_days(array(
        select row (d.tenant_id, d.stylist_id, d.on_date + n, 0)::day_versions
          from unnest(dates) d, generate_series(-2, 2) n));
end $$;

create function overrides_touch() returns trigger language plpgsql as $$
declare
    was overrides[];
    becomes overrides[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform raise_dates(array(
        select row (tenant_id, stylist_id, on_date, 0)::day_versions
          from unnest(was || becomes)
         group by tenant_id, stylist_id, on_date, location_id
        having count(*) = 1));
    return null;
end $$;
create trigger overrides_touch_insert after insert on overrides
    referencing new table as new_rows for each statement execute function overrides_touch();
create trigger overrides_touch_update after update on overrides
    referencing old table as old_rows new table as new_rows for each statement execute function overrides_touch();
create trigger overrides_touch_delete after delete on overrides
    referencing old table as old_rows for each statement execute function overrides_touch();

create function override_hours_touch() returns trigger language plpgsql as $$
declare
    was override_hours[];
    becomes override_hours[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform raise_dates(array(
        select row (tenant_id, stylist_id, on_date, 0)::day_versions
          from unnest(was || becomes)
         group by tenant_id, stylist_id, on_date, is_break, starts_minute, ends_minute
        having count(*) = 1));
    return null;
end $$;
create trigger override_hours_touch_insert after insert on override_hours
    referencing new table as new_rows for each statement execute function override_hours_touch();
create trigger override_hours_touch_update after update on override_hours
    referencing old table as old_rows new table as new_rows for each statement execute function override_hours_touch();
create trigger override_hours_touch_delete after delete on override_hours
    referencing old table as old_rows for each statement execute function override_hours_touch();

create function tenants_touch() returns trigger language plpgsql as $$
declare
    was tenants[];
    becomes tenants[];
    touched touched_stylist[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform lock_directories(array(select id from unnest(was || becomes)));
    with changed as (
        select id as tenant_id
          from unnest(was || becomes)
         group by id, slug, name, timezone, currency, hold_seconds
        having count(*) = 1)
    select array_agg(row (c.tenant_id, c.stylist_id)::touched_stylist) into touched
      from (select tenant_id, null::uuid as stylist_id from changed) c;
    perform raise_stylists(touched);
    return null;
end $$;
create trigger tenants_touch_insert after insert on tenants
    referencing new table as new_rows for each statement execute function tenants_touch();
create trigger tenants_touch_update after update on tenants
    referencing old table as old_rows new table as new_rows for each statement execute function tenants_touch();
create trigger tenants_touch_delete after delete on tenants
    referencing old table as old_rows for each statement execute function tenants_touch();

create function stylists_touch() returns trigger language plpgsql as $$
declare
    was stylists[];
    becomes stylists[];
    touched touched_stylist[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform lock_directories(array(select tenant_id from unnest(was || becomes)));
    with changed as (
        select tenant_id, id as stylist_id
          from unnest(was || becomes)
         group by tenant_id, id, name, home_location_id, active
        having count(*) = 1)
    select array_agg(row (c.tenant_id, c.stylist_id)::touched_stylist) into touched
      from (select tenant_id, stylist_id from changed
            union select tenant_id, null from changed) c;
    perform raise_stylists(touched);
    return null;
end $$;
create trigger stylists_touch_insert after insert on stylists
    referencing new table as new_rows for each statement execute function stylists_touch();
create trigger stylists_touch_update after update on stylists
    referencing old table as old_rows new table as new_rows for each statement execute function stylists_touch();
create trigger stylists_touch_delete after delete on stylists
    referencing old table as old_rows for each statement execute function stylists_touch();

create function offerings_touch() returns trigger language plpgsql as $$
declare
    was offerings[];
    becomes offerings[];
    touched touched_stylist[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform lock_directories(array(select tenant_id from unnest(was || becomes)));
    with changed as (
        select tenant_id, stylist_id
          from unnest(was || becomes)
         group by tenant_id, stylist_id, service_id, duration_minutes, price_cents
        having count(*) = 1)
    select array_agg(row (c.tenant_id, c.stylist_id)::touched_stylist) into touched
      from (select tenant_id, stylist_id from changed
            union select tenant_id, null from changed) c;
    perform raise_stylists(touched);
    return null;
end $$;
create trigger offerings_touch_insert after insert on offerings
    referencing new table as new_rows for each statement execute function offerings_touch();
create trigger offerings_touch_update after update on offerings
    referencing old table as old_rows new table as new_rows for each statement execute function offerings_touch();
create trigger offerings_touch_delete after delete on offerings
    referencing old table as old_rows for each statement execute function offerings_touch();

-- The directory too: it lists the places of a stylist's hours.
create function schedule_hours_touch() returns trigger language plpgsql as $$
declare
    was schedule_hours[];
    becomes schedule_hours[];
    touched touched_stylist[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform lock_directories(array(select tenant_id from unnest(was || becomes)));
    with changed as (
        select tenant_id, stylist_id
          from unnest(was || becomes)
         group by tenant_id, id, stylist_id, location_id, weekday, starts_minute, ends_minute, is_break,
                  valid_from, valid_until
        having count(*) = 1)
    select array_agg(row (c.tenant_id, c.stylist_id)::touched_stylist) into touched
      from (select tenant_id, stylist_id from changed
            union select tenant_id, null from changed) c;
    perform raise_stylists(touched);
    return null;
end $$;
create trigger schedule_hours_touch_insert after insert on schedule_hours
    referencing new table as new_rows for each statement execute function schedule_hours_touch();
create trigger schedule_hours_touch_update after update on schedule_hours
    referencing old table as old_rows new table as new_rows for each statement execute function schedule_hours_touch();
create trigger schedule_hours_touch_delete after delete on schedule_hours
    referencing old table as old_rows for each statement execute function schedule_hours_touch();

-- A service that is deleted takes its offerings along, which raise their stylists.
create function services_touch() returns trigger language plpgsql as $$
declare
    was services[];
    becomes services[];
    touched touched_stylist[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform lock_directories(array(select tenant_id from unnest(was || becomes)));
    with changed as (
        select tenant_id, id
          from unnest(was || becomes)
         group by tenant_id, id, name, duration_minutes, slot_interval_minutes, buffer_before_minutes,
                  buffer_after_minutes, price_cents, min_notice_minutes, horizon_days, active
        having count(*) = 1)
    select array_agg(row (c.tenant_id, c.stylist_id)::touched_stylist) into touched
      from (select o.tenant_id, o.stylist_id
              from offerings o
              join changed r on r.tenant_id = o.tenant_id and r.id = o.service_id
            union select tenant_id, null from changed) c;
    perform raise_stylists(touched);
    return null;
end $$;
create trigger services_touch_insert after insert on services
    referencing new table as new_rows for each statement execute function services_touch();
create trigger services_touch_update after update on services
    referencing old table as old_rows new table as new_rows for each statement execute function services_touch();
create trigger services_touch_delete after delete on services
    referencing old table as old_rows for each statement execute function services_touch();

create function locations_touch() returns trigger language plpgsql as $$
declare
    was locations[];
    becomes locations[];
    touched touched_stylist[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform lock_directories(array(select tenant_id from unnest(was || becomes)));
    with changed as (
        select tenant_id, id as location_id
          from unnest(was || becomes)
         group by tenant_id, id, name, timezone
        having count(*) = 1)
    select array_agg(row (c.tenant_id, c.stylist_id)::touched_stylist) into touched
      from (select s.tenant_id, s.id as stylist_id
              from stylists s
              join changed r on r.tenant_id = s.tenant_id
             where s.home_location_id = r.location_id
                or exists (select from schedule_hours h
                            where h.tenant_id = s.tenant_id and h.stylist_id = s.id and h.location_id = r.location_id)
                or exists (select from overrides o
                            where o.tenant_id = s.tenant_id and o.stylist_id = s.id and o.location_id = r.location_id)
            union select tenant_id, null from changed) c;
    perform raise_stylists(touched);
    return null;
end $$;
create trigger locations_touch_insert after insert on locations
    referencing new table as new_rows for each statement execute function locations_touch();
create trigger locations_touch_update after update on locations
    referencing old table as old_rows new table as new_rows for each statement execute function locations_touch();
create trigger locations_touch_delete after delete on locations
    referencing old table as old_rows for each statement execute function locations_touch();

create function closures_touch() returns trigger language plpgsql as $$
declare
    was closures[];
    becomes closures[];
    touched touched_stylist[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform lock_directories(array(select tenant_id from unnest(was || becomes)));
    with changed as (
        select tenant_id, location_id
          from unnest(was || becomes)
         group by tenant_id, location_id, closed_on
        having count(*) = 1)
    select array_agg(row (c.tenant_id, c.stylist_id)::touched_stylist) into touched
      from (select s.tenant_id, s.id as stylist_id
              from stylists s
              join changed r on r.tenant_id = s.tenant_id
             where s.home_location_id = r.location_id
                or exists (select from schedule_hours h
                            where h.tenant_id = s.tenant_id and h.stylist_id = s.id and h.location_id = r.location_id)
                or exists (select from overrides o
                            where o.tenant_id = s.tenant_id and o.stylist_id = s.id and o.location_id = r.location_id)) c;
    perform raise_stylists(touched);
    return null;
end $$;
create trigger closures_touch_insert after insert on closures
    referencing new table as new_rows for each statement execute function closures_touch();
create trigger closures_touch_update after update on closures
    referencing old table as old_rows new table as new_rows for each statement execute function closures_touch();
create trigger closures_touch_delete after delete on closures
    referencing old table as old_rows for each statement execute function closures_touch();

create function travel_times_touch() returns trigger language plpgsql as $$
declare
    was travel_times[];
    becomes travel_times[];
    touched touched_stylist[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform lock_directories(array(select tenant_id from unnest(was || becomes)));
    with changed as (
        select tenant_id
          from unnest(was || becomes)
         group by tenant_id, from_location_id, to_location_id, minutes
        having count(*) = 1)
    select array_agg(row (c.tenant_id, c.stylist_id)::touched_stylist) into touched
      from (select s.tenant_id, s.id as stylist_id from stylists s where s.tenant_id in (select tenant_id from changed)) c;
    perform raise_stylists(touched);
    return null;
end $$;
create trigger travel_times_touch_insert after insert on travel_times
    referencing new table as new_rows for each statement execute function travel_times_touch();
create trigger travel_times_touch_update after update on travel_times
    referencing old table as old_rows new table as new_rows for each statement execute function travel_times_touch();
create trigger travel_times_touch_delete after delete on travel_times
    referencing old table as old_rows for each statement execute function travel_times_touch();

create function price_rules_touch() returns trigger language plpgsql as $$
declare
    was price_rules[];
    becomes price_rules[];
    touched touched_stylist[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform lock_directories(array(select tenant_id from unnest(was || becomes)));
    with changed as (
        select tenant_id
          from unnest(was || becomes)
         group by tenant_id, id, position, name, basis_points, service_id, weekdays, from_minute, to_minute, from_on, until_on
        having count(*) = 1)
    select array_agg(row (c.tenant_id, c.stylist_id)::touched_stylist) into touched
      from (select s.tenant_id, s.id as stylist_id from stylists s where s.tenant_id in (select tenant_id from changed)) c;
    perform raise_stylists(touched);
    return null;
end $$;
create trigger price_rules_touch_insert after insert on price_rules
    referencing new table as new_rows for each statement execute function price_rules_touch();
create trigger price_rules_touch_update after update on price_rules
    referencing old table as old_rows new table as new_rows for each statement execute function price_rules_touch();
create trigger price_rules_touch_delete after delete on price_rules
    referencing old table as old_rows for each statement execute function price_rules_touch();

-- Truncating has no rows to look at: everything is raised.
create function raise_everything() returns trigger
language plpgsql as $$
begin
    -- Truncating empties what an older snapshot cannot see, and could not be raised from it.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'truncate % in a read committed transaction', tg_table_name;
    end if;
    perform raise_stylists(array(
        select row (tenant_id, stylist_id)::touched_stylist from stylist_versions
        union all select row (tenant_id, null)::touched_stylist from directory_versions));
    return null;
end $$;
create trigger bookings_truncated after truncate on bookings for each statement execute function raise_everything();
create trigger time_off_truncated after truncate on time_off for each statement execute function raise_everything();
create trigger busy_times_truncated after truncate on busy_times for each statement execute function raise_everything();
create trigger overrides_truncated after truncate on overrides for each statement execute function raise_everything();
create trigger override_hours_truncated after truncate on override_hours for each statement execute function raise_everything();
create trigger tenants_truncated after truncate on tenants for each statement execute function raise_everything();
create trigger stylists_truncated after truncate on stylists for each statement execute function raise_everything();
create trigger offerings_truncated after truncate on offerings for each statement execute function raise_everything();
create trigger schedule_hours_truncated after truncate on schedule_hours for each statement execute function raise_everything();
create trigger services_truncated after truncate on services for each statement execute function raise_everything();
create trigger locations_truncated after truncate on locations for each statement execute function raise_everything();
create trigger closures_truncated after truncate on closures for each statement execute function raise_everything();
create trigger travel_times_truncated after truncate on travel_times for each statement execute function raise_everything();
create trigger price_rules_truncated after truncate on price_rules for each statement execute function raise_everything();

-- The writer's search_path is the writer's own: a temporary table of theirs named like one of ours must not hide ours.
do $$
declare
    named text;
begin
    for named in
        select oid::regprocedure::text
          from pg_proc
         where pronamespace = current_schema()::regnamespace
           and prorettype in ('trigger'::regtype)
    loop
        execute format('alter function %s set search_path = %I, pg_temp', named, current_schema());
    end loop;
end $$;
