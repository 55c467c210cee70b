-- What runs a business through the API alone: how it is paid, what stale calendars mean, what stylists rather not do, and
-- who is to be told why.

alter table tenants
    add column payment_url text,
    add column payment_seconds integer,
    add column busy_stale_seconds integer,
    add column busy_stale_closes boolean not null default false,
    -- {booking} becomes the booking's id, {amount} its price in minor units, {currency} its code.
    add constraint tenants_payment_url_shape check (payment_url ~ '^https://\S+$' and length(payment_url) <= 2000),
    add constraint tenants_payment_seconds_range check (payment_seconds between 60 and 2592000),
    add constraint tenants_busy_stale_seconds_range check (busy_stale_seconds between 60 and 31536000);

-- payment_due_at: a booking that awaits payment frees itself then. price_trace: what the price was made of, for staff.
alter table bookings
    add column price_trace jsonb,
    add column payment_required boolean not null default false,
    add column payment_due_at timestamptz,
    add column paid_at timestamptz,
    add constraint bookings_payment_due_range check (payment_due_at between '1900-01-01Z' and '3000-01-01Z');
create index bookings_unpaid_idx on bookings (tenant_id, stylist_id, payment_due_at)
    where status = 'CONFIRMED' and payment_due_at is not null;

-- What a day is closed by is read by programs that know no other years.
alter table busy_sources
    add constraint busy_sources_as_of_range check (as_of between '1900-01-01Z' and '3000-01-01Z');

-- What a stylist rather not does; null = no such wish.
create table preferences (
    tenant_id uuid not null,
    stylist_id uuid not null,
    run_minutes_max integer,
    pause_minutes integer not null default 15,
    bookings_a_day_max integer,
    constraint preferences_pkey primary key (tenant_id, stylist_id),
    constraint preferences_stylist_fkey foreign key (tenant_id, stylist_id) references stylists on delete cascade,
    constraint preferences_run_range check (run_minutes_max between 1 and 720),
    constraint preferences_pause_range check (pause_minutes between 1 and 240),
    constraint preferences_bookings_range check (bookings_a_day_max between 0 and 200)
);

-- A service at a time of the week, in the wall time of the stylist's home; weekdays empty = all.
create table avoided_services (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    stylist_id uuid not null,
    service_id uuid not null,
    weekdays smallint[] not null default '{}',
    from_minute smallint not null,
    to_minute smallint not null,
    constraint avoided_services_pkey primary key (tenant_id, id),
    constraint avoided_services_stylist_fkey foreign key (tenant_id, stylist_id) references stylists on delete cascade,
    constraint avoided_services_service_fkey foreign key (tenant_id, service_id) references services on delete cascade,
    constraint avoided_services_weekdays_range check (weekdays <@ '{1,2,3,4,5,6,7}'::smallint[]),
    constraint avoided_services_from_range check (from_minute between 0 and 1439),
    constraint avoided_services_to_range check (to_minute between 0 and 1440)
);
create index avoided_services_stylist_idx on avoided_services (tenant_id, stylist_id);
create index avoided_services_service_idx on avoided_services (tenant_id, service_id);

alter table preferences enable row level security, force row level security;
create policy tenant on preferences using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on preferences to chairtime_app;

alter table avoided_services enable row level security, force row level security;
create policy tenant on avoided_services using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on avoided_services to chairtime_app;

-- A claim counts in a stretch of work as far off as the stretch may be long.
create or replace function stylist_reach(tenant uuid, stylist uuid, out back interval, out ahead interval)
language sql stable as $$
    select make_interval(mins => coalesce(max(coalesce(o.duration_minutes, s.duration_minutes)), 0)
                                 + coalesce(max(s.buffer_after_minutes), 0) + t.minutes + w.minutes),
           make_interval(mins => coalesce(max(s.buffer_before_minutes), 0) + t.minutes + w.minutes)
      from (select coalesce(max(minutes), 0) as minutes from travel_times where tenant_id = tenant) t
     cross join (select coalesce(max(run_minutes_max + pause_minutes), 0) as minutes
                   from preferences where tenant_id = tenant and stylist_id = stylist) w
      left join (offerings o join services s on s.tenant_id = o.tenant_id and s.id = o.service_id)
        on o.tenant_id = tenant and o.stylist_id = stylist
     group by t.minutes, w.minutes
$$;

-- What a claim is now: a booking whose payment is overdue is off, whether or not its row says so yet.
create function state_now(claim bookings) returns text
language sql volatile as $$
    select case when claim.status = 'CONFIRMED' and claim.payment_due_at <= clock_timestamp() then 'CANCELLED' else claim.status end
$$;

create or replace function bookings_touch() returns trigger language plpgsql as $$
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
         group by tenant_id, id, stylist_id, location_id, status, holder, expires_at, payment_due_at, starts_at, ends_at, occupied
        having count(*) = 1));
    return null;
end $$;

create or replace function tenants_touch() returns trigger language plpgsql as $$
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
         group by id, slug, name, timezone, currency, hold_seconds, payment_url, payment_seconds, busy_stale_seconds,
                  busy_stale_closes
        having count(*) = 1),
    restaled as (
        select id as tenant_id
          from unnest(was || becomes)
         group by id, busy_stale_seconds, busy_stale_closes
        having count(*) = 1)
    select array_agg(row (c.tenant_id, c.stylist_id)::touched_stylist) into touched
      from (select tenant_id, null::uuid as stylist_id from changed
            union
            select distinct s.tenant_id, s.stylist_id
              from busy_sources s
             where s.tenant_id in (select tenant_id from restaled)) c;
    perform raise_stylists(touched);
    return null;
end $$;

create function preferences_touch() returns trigger language plpgsql as $$
declare
    was preferences[];
    becomes preferences[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform lock_directories(array(select tenant_id from unnest(was || becomes)));
    perform raise_stylists(array(
        select distinct row (tenant_id, stylist_id)::touched_stylist
          from unnest(was || becomes)
         group by tenant_id, stylist_id, run_minutes_max, pause_minutes, bookings_a_day_max
        having count(*) = 1));
    return null;
end $$;
create trigger preferences_touch_insert after insert on preferences
    referencing new table as new_rows for each statement execute function preferences_touch();
create trigger preferences_touch_update after update on preferences
    referencing old table as old_rows new table as new_rows for each statement execute function preferences_touch();
create trigger preferences_touch_delete after delete on preferences
    referencing old table as old_rows for each statement execute function preferences_touch();
create trigger preferences_truncated after truncate on preferences for each statement execute function raise_everything();

create function avoided_services_touch() returns trigger language plpgsql as $$
declare
    was avoided_services[];
    becomes avoided_services[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform lock_directories(array(select tenant_id from unnest(was || becomes)));
    perform raise_stylists(array(
        select distinct row (tenant_id, stylist_id)::touched_stylist
          from unnest(was || becomes)
         group by tenant_id, id, stylist_id, service_id, weekdays, from_minute, to_minute
        having count(*) = 1));
    return null;
end $$;
create trigger avoided_services_touch_insert after insert on avoided_services
    referencing new table as new_rows for each statement execute function avoided_services_touch();
create trigger avoided_services_touch_update after update on avoided_services
    referencing old table as old_rows new table as new_rows for each statement execute function avoided_services_touch();
create trigger avoided_services_touch_delete after delete on avoided_services
    referencing old table as old_rows for each statement execute function avoided_services_touch();
create trigger avoided_services_truncated after truncate on avoided_services
    for each statement execute function raise_everything();

-- When a calendar was last heard of shapes a day only where the tenant closes days for that: else syncing costs nobody a cache.
-- Whether it does is asked under the lock, since another program may be about to choose it.
create function busy_sources_touch() returns trigger language plpgsql as $$
declare
    was busy_sources[];
    becomes busy_sources[];
begin
    if tg_op <> 'INSERT' then was := array(select r from old_rows r); end if;
    if tg_op <> 'DELETE' then becomes := array(select r from new_rows r); end if;
    perform lock_directories(array(select tenant_id from unnest(was || becomes)));
    perform raise_stylists(array(
        select distinct row (tenant_id, stylist_id)::touched_stylist
          from unnest(was || becomes)
         where tenant_id in (select id from tenants where busy_stale_closes)
         group by tenant_id, stylist_id, source, as_of
        having count(*) = 1));
    return null;
end $$;
create trigger busy_sources_touch_insert after insert on busy_sources
    referencing new table as new_rows for each statement execute function busy_sources_touch();
create trigger busy_sources_touch_update after update on busy_sources
    referencing old table as old_rows new table as new_rows for each statement execute function busy_sources_touch();
create trigger busy_sources_touch_delete after delete on busy_sources
    referencing old table as old_rows for each statement execute function busy_sources_touch();
create trigger busy_sources_truncated after truncate on busy_sources for each statement execute function raise_everything();

-- The writer's search_path is the writer's own, as in 0003.
do $$
declare
    named text;
begin
    for named in
        select oid::regprocedure::text
          from pg_proc
         where pronamespace = current_schema()::regnamespace
           and prorettype = 'trigger'::regtype
    loop
        execute format('alter function %s set search_path = %I, pg_temp', named, current_schema());
    end loop;
end $$;
