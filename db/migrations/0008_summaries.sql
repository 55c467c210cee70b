-- What a dashboard shows of the past, kept ready: how many bookings of a customer, or of who made them, took place, and the last
-- five things that happened to them. What is to come is counted by index, since time alone changes it.

-- whose: `customer:` and an id, or who made the bookings, as bookings.holder has it.
create table summaries (
    tenant_id uuid not null,
    whose text not null,
    completed bigint not null default 0,
    recent jsonb not null default '[]',
    constraint summaries_pkey primary key (tenant_id, whose),
    constraint summaries_tenant_fkey foreign key (tenant_id) references tenants on delete cascade,
    constraint summaries_recent_list check (jsonb_typeof(recent) = 'array')
);
alter table summaries enable row level security, force row level security;
create policy tenant on summaries using (tenant_id = (select current_tenant()));
-- Truncating bookings takes all of them away, as the owner, who sees all rows here.
create policy owner on summaries to current_user using (true);
grant select, insert, update, delete on summaries to chairtime_app;

drop index bookings_customer_idx;
create index bookings_customer_idx on bookings (tenant_id, customer_id, starts_at);
-- Of whom something is off once its time to be paid for has passed, whether or not its row says so yet.
create index bookings_customer_unpaid_idx on bookings (tenant_id, customer_id)
    where status = 'CONFIRMED' and payment_due_at is not null;
create index bookings_holder_unpaid_idx on bookings (tenant_id, holder)
    where status = 'CONFIRMED' and payment_due_at is not null;

-- The five latest of some activities, the latest first; of one instant, as they stand.
create function latest_five(activities jsonb) returns jsonb
language sql immutable as $$
    select coalesce(jsonb_agg(a order by at desc, n), '[]')
      from (select a, (a ->> 'at')::timestamptz as at, n
              from jsonb_array_elements(activities) with ordinality x(a, n)
             order by at desc, n
             limit 5) latest
$$;

-- Whose summaries a booking counts in.
create function booking_whose(booking bookings) returns setof text
language sql immutable as $$
    select 'customer:' || booking.customer_id where booking.customer_id is not null
    union all
    select booking.holder where booking.holder is not null
$$;

-- What happened to a booking between two states of its row; null for nothing that anybody would call that.
create function activity_of(was bookings, becomes bookings) returns text
language sql immutable as $$
    select case
        when becomes.id is null or becomes.status in ('HELD', 'RELEASED') then null
        when was.id is null or was.status in ('HELD', 'RELEASED') or was.status <> becomes.status
            then case becomes.status when 'CONFIRMED' then 'BOOKED' else becomes.status end
        when (was.stylist_id, was.starts_at) <> (becomes.stylist_id, becomes.starts_at) then 'MOVED'
        when was.paid_at is null and becomes.paid_at is not null then 'PAID'
    end
$$;

-- Named so that it fires after bookings_touch: whoever has locked days waits for summaries, and never the other way round.
create function bookings_upkeep() returns trigger language plpgsql as $$
declare
    was bookings[];
    becomes bookings[];
    moment timestamptz := clock_timestamp();
begin
    if tg_op <> 'INSERT' then
        was := array(select r from old_rows r where status not in ('HELD', 'RELEASED'));
    end if;
    if tg_op <> 'DELETE' then
        becomes := array(select r from new_rows r where status not in ('HELD', 'RELEASED'));
    end if;
    if cardinality(coalesce(was, '{}')) + cardinality(coalesce(becomes, '{}')) = 0 then
        return null;
    end if;
    -- A tenant that is deleted takes bookings along: nothing may be added for it then.
    if tg_op = 'DELETE' then
        update summaries s
           set completed = s.completed - gone.bookings
          from (select o.tenant_id, w.whose, count(*) as bookings
                  from unnest(was) o, booking_whose(o) w(whose)
                 where o.status = 'COMPLETED'
                 group by 1, 2) gone
         where s.tenant_id = gone.tenant_id and s.whose = gone.whose;
        return null;
    end if;
    insert into summaries as s (tenant_id, whose, completed, recent)
    select tenant_id, whose, sum(completed), latest_five(coalesce(
               jsonb_agg(activity order by activity ->> 'id') filter (where activity is not null), '[]'))
      from (select o.tenant_id, w.whose, -1 as completed, null::jsonb as activity
              from unnest(was) o, booking_whose(o) w(whose)
             where o.status = 'COMPLETED'
            union all
            select n.tenant_id, w.whose, (n.status = 'COMPLETED')::integer, jsonb_build_object(
                       'what', activity_of(o, n), 'id', n.id,
                       'at', case when n.status = 'CONFIRMED' then moment else coalesce(n.ended_at, moment) end)
              from unnest(becomes) n
             cross join booking_whose(n) w(whose)
              left join unnest(was) o on o.tenant_id = n.tenant_id and o.id = n.id
             where activity_of(o, n) is not null
            union all
            -- What was complete and still is counts on, perhaps for another.
            select n.tenant_id, w.whose, 1, null
              from unnest(becomes) n
             cross join booking_whose(n) w(whose)
              join unnest(was) o on o.tenant_id = n.tenant_id and o.id = n.id
             where n.status = 'COMPLETED' and activity_of(o, n) is null) changes
     group by tenant_id, whose
    having sum(completed) <> 0 or count(activity) > 0
     order by tenant_id, whose
    on conflict (tenant_id, whose) do update
       set completed = s.completed + excluded.completed, recent = latest_five(excluded.recent || s.recent);
    return null;
end $$;
create trigger bookings_upkeep_insert after insert on bookings
    referencing new table as new_rows for each statement execute function bookings_upkeep();
create trigger bookings_upkeep_update after update on bookings
    referencing old table as old_rows new table as new_rows for each statement execute function bookings_upkeep();
create trigger bookings_upkeep_delete after delete on bookings
    referencing old table as old_rows for each statement execute function bookings_upkeep();

create function bookings_emptied() returns trigger language plpgsql as $$
begin
    delete from summaries;  -- which may be truncated along with bookings, so not by truncating
    return null;
end $$;
create trigger bookings_upkeep_truncate after truncate on bookings for each statement execute function bookings_emptied();

create function customers_upkeep() returns trigger language plpgsql as $$
begin
    delete from summaries s
     using old_rows o
     where s.tenant_id = o.tenant_id and s.whose = 'customer:' || o.id;
    return null;
end $$;
create trigger customers_upkeep_delete after delete on customers
    referencing old table as old_rows for each statement execute function customers_upkeep();

-- What there is already. Creating the triggers has locked out writers. Each tenant is named, since an owner who is no superuser
-- sees nobody's rows either.
do $$
declare
    tenant uuid;
begin
    for tenant in select id from tenants loop
        perform set_config('app.tenant_id', tenant::text, true);
        insert into summaries (tenant_id, whose, completed, recent)
        select tenant, whose, count(*) filter (where what = 'COMPLETED'),
               coalesce(jsonb_agg(jsonb_build_object('what', what, 'id', id, 'at', at) order by at desc) filter (where n <= 5), '[]')
          from (select w.whose, b.id, a.what, a.at, row_number() over (partition by w.whose order by a.at desc, b.id) as n
                  from bookings b,
                       booking_whose(b) w(whose),
                       lateral (select 'BOOKED' as what, b.created_at as at
                                union all
                                select b.status, b.ended_at
                                 where b.ended_at is not null and b.status in ('CANCELLED', 'COMPLETED', 'NO_SHOW')
                                union all
                                select 'PAID', b.paid_at where b.paid_at is not null) a
                 where b.tenant_id = tenant and b.status not in ('HELD', 'RELEASED')) known
         group by whose;
    end loop;
    perform set_config('app.tenant_id', '', true);
end $$;

-- The writer's search_path is the writer's own, as in 0003.
do $$
declare
    named text;
begin
    foreach named in array array['bookings_upkeep()', 'bookings_emptied()', 'customers_upkeep()'] loop
        execute format('alter function %s set search_path = %I, pg_temp', named, current_schema());
    end loop;
end $$;
