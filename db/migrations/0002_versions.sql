-- Versions: how a reader knows that what it remembers still holds. Triggers raise them in the transaction of the change,
-- whoever writes, and notify. A row that is missing is version 0. They outlive stylists and tenants (no foreign keys),
-- so that a version never goes down when an id comes back. Never a sequence: its values become visible out of commit order.

create table directory_versions (
    tenant_id uuid not null,
    version bigint not null,
    constraint directory_versions_pkey primary key (tenant_id)
);

create table stylist_versions (
    tenant_id uuid not null,
    stylist_id uuid not null,
    version bigint not null,
    constraint stylist_versions_pkey primary key (tenant_id, stylist_id)
);

create table day_versions (
    tenant_id uuid not null,
    stylist_id uuid not null,
    on_date date not null,
    version bigint not null,
    constraint day_versions_pkey primary key (tenant_id, stylist_id, on_date)
) with (fillfactor = 70);

-- A stylist's time that changed.
create type touched_span as (tenant_id uuid, stylist_id uuid, starts_at timestamptz, ends_at timestamptz);
-- A stylist, or (stylist_id null) a tenant's directory.
create type touched_stylist as (tenant_id uuid, stylist_id uuid);

-- How far a stylist's day reaches: a claim can close a start that lies `back` before it or `ahead` after it. The longest
-- service and buffer of the stylist, and the longest way between two of the tenant's locations.
create function stylist_reach(tenant uuid, stylist uuid, out back interval, out ahead interval)
language sql stable as $$
    select make_interval(mins => coalesce(max(coalesce(o.duration_minutes, s.duration_minutes)), 0)
                                 + coalesce(max(s.buffer_after_minutes), 0) + t.minutes),
           make_interval(mins => coalesce(max(s.buffer_before_minutes), 0) + t.minutes)
      from (select coalesce(max(minutes), 0) as minutes from travel_times where tenant_id = tenant) t
      left join (offerings o join services s on s.tenant_id = o.tenant_id and s.id = o.service_id)
        on o.tenant_id = tenant and o.stylist_id = stylist
     group by t.minutes
$$;

-- The zones in which a stylist has days: of the home location and of every place of their hours.
create function stylist_zones(tenant uuid, stylist uuid) returns setof text
language sql stable as $$
    select distinct l.timezone
      from locations l
     where l.tenant_id = tenant
       and l.id in (
           select home_location_id from stylists where tenant_id = tenant and id = stylist
           union all select location_id from schedule_hours where tenant_id = tenant and stylist_id = stylist
           union all select location_id from overrides where tenant_id = tenant and stylist_id = stylist)
$$;

-- The local days in which a start could be affected by a change of [starts_at, ends_at), and an hour around: which day a
-- start is of is for the reader's zone rules to say, and they may be newer or older than Postgres's.
create function affected_days(tenant uuid, stylist uuid, starts_at timestamptz, ends_at timestamptz) returns setof date
language sql stable as $$
    select distinct day::date
      from stylist_reach(tenant, stylist) r,
           stylist_zones(tenant, stylist) z,
           generate_series(date_trunc('day', (affected_days.starts_at - r.back - interval '1 hour') at time zone z),
                           (affected_days.ends_at + r.ahead + interval '1 hour') at time zone z, interval '1 day') day
$$;

create function notify_days(raised day_versions[]) returns void
language sql as $$
    select pg_notify('chairtime', json_build_object('t', tenant_id, 's', stylist_id, 'd',
                                                    json_object_agg(on_date, version order by on_date))::text)
      from (select *, (row_number() over (partition by tenant_id, stylist_id order by on_date) - 1) / 200 as part
              from unnest(raised)) r
     group by tenant_id, stylist_id, part
$$;

-- Raises every day of these stylists, and the directories of those rows whose stylist_id is null.
create function raise_stylists(touched touched_stylist[]) returns void
language plpgsql as $$
begin
    perform pg_notify('chairtime', json_build_object('t', r.tenant_id, 'v', r.version)::text)
       from raise_directory_rows(touched) r;
    perform pg_notify('chairtime', json_build_object('t', r.tenant_id, 's', r.stylist_id, 'v', r.version)::text)
       from raise_stylist_rows(touched) r;
end $$;

create function raise_directory_rows(touched touched_stylist[]) returns setof directory_versions
language sql as $$
    insert into directory_versions as v (tenant_id, version)
    select distinct t.tenant_id, 1 from unnest(touched) t where t.stylist_id is null order by 1
    on conflict (tenant_id) do update set version = v.version + 1
    returning v.*
$$;

create function raise_stylist_rows(touched touched_stylist[]) returns setof stylist_versions
language sql as $$
    insert into stylist_versions as v (tenant_id, stylist_id, version)
    select distinct t.tenant_id, t.stylist_id, 1 from unnest(touched) t where t.stylist_id is not null order by 1, 2
    on conflict (tenant_id, stylist_id) do update set version = v.version + 1
    returning v.*
$$;

-- Changes of a tenant's rules (all but claims, time off and busy times) go one at a time: which stylists a change
-- concerns is asked only when this lock is held, so that it sees, or is seen by, whoever came just before.
create function lock_directories(changed uuid[]) returns void
language sql as $$
    insert into directory_versions as v (tenant_id, version)
    select distinct c.id, 0 from unnest(changed) c(id) order by 1
    on conflict (tenant_id) do update set version = v.version where false
$$;

-- Raises the days that these spans touch. The stylists' rows are shared-locked first: a change of their services or
-- places, which decides what days those are, waits for this transaction and then raises every day.
create function raise_spans(touched touched_span[]) returns void
language plpgsql as $$
declare
    long touched_stylist[];
begin
    -- A span of months touches days beyond counting: then all of the stylist's. Before the shared lock: two that share a
    -- row and then both want it alone would wait for each other.
    select array_agg(row (t.tenant_id, t.stylist_id)::touched_stylist) into long
      from unnest(touched) t
     where t.ends_at - t.starts_at > interval '62 days';
    if long is not null then
        perform raise_stylists(long);
    end if;
    perform 1
       from stylist_versions v
      where (v.tenant_id, v.stylist_id) in (select t.tenant_id, t.stylist_id from unnest(touched) t)
      order by v.tenant_id, v.stylist_id
        for share;
    perform raise_days(array(
        select row (t.tenant_id, t.stylist_id, d, 0)::day_versions
          from unnest(touched) t, affected_days(t.tenant_id, t.stylist_id, t.starts_at, t.ends_at) d
         where t.ends_at - t.starts_at <= interval '62 days'));
end $$;

create function raise_days(touched day_versions[]) returns void
language plpgsql as $$
begin
    perform notify_days(array(select r::day_versions from raise_day_rows(touched) r));
end $$;

create function raise_day_rows(touched day_versions[]) returns setof day_versions
language sql as $$
    insert into day_versions as v (tenant_id, stylist_id, on_date, version)
    select distinct t.tenant_id, t.stylist_id, t.on_date, 1 from unnest(touched) t order by 1, 2, 3
    on conflict (tenant_id, stylist_id, on_date) do update set version = v.version + 1
    returning v.*
$$;

-- Locks a stylist's days that a claim of this span will raise, in order, so that writers queue instead of deadlocking.
create function lock_days(tenant uuid, stylist uuid, starts_at timestamptz, ends_at timestamptz) returns void
language plpgsql as $$
begin
    perform 1 from stylist_versions v where v.tenant_id = tenant and v.stylist_id = stylist for share;
    insert into day_versions as v (tenant_id, stylist_id, on_date, version)
    select tenant, stylist, d, 0
      from affected_days(tenant, stylist, lock_days.starts_at, lock_days.ends_at) d
     order by d
    on conflict (tenant_id, stylist_id, on_date) do update set version = v.version where false;
end $$;
