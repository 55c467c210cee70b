-- Who waits for a time that is taken. What a booking or hold leaves is offered to the first whom it fits, as a hold of theirs.

create table waitlist (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    holder text not null,
    service_id uuid not null,
    -- Empty: anybody who offers the service. One who is there no longer is waited for in vain.
    stylist_ids uuid[] not null default '{}',
    from_on date not null,
    until_on date not null,
    -- Spans of the local day, in minutes, [from, until) each; none: at any time.
    times_from smallint[] not null default '{}',
    times_until smallint[] not null default '{}',
    customer_id uuid not null,
    status text not null default 'WAITING',
    joined_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    constraint waitlist_pkey primary key (tenant_id, id),
    constraint waitlist_service_fkey foreign key (tenant_id, service_id) references services on delete cascade,
    constraint waitlist_customer_fkey foreign key (tenant_id, customer_id) references customers on delete cascade,
    constraint waitlist_status_known check (status in ('WAITING', 'OFFERED', 'BOOKED', 'LEFT', 'MISSED')),
    constraint waitlist_dates_order check (from_on <= until_on),
    constraint waitlist_dates_range check (from_on >= '1900-01-01' and until_on <= '2999-12-31'),
    constraint waitlist_stylists_max check (cardinality(stylist_ids) <= 200),
    constraint waitlist_times_pairs check (cardinality(times_from) = cardinality(times_until) and cardinality(times_from) <= 24)
);
create index waitlist_waiting_idx on waitlist (tenant_id, service_id, joined_at, id) where status in ('WAITING', 'OFFERED');
create index waitlist_holder_idx on waitlist (tenant_id, holder, joined_at, id);
create index waitlist_joined_idx on waitlist (tenant_id, joined_at, id);
create index waitlist_service_idx on waitlist (tenant_id, service_id);
create index waitlist_customer_idx on waitlist (tenant_id, customer_id);

-- What was offered to whom, and what became of it. Nobody is offered a start again that they let pass.
create table waitlist_offers (
    tenant_id uuid not null,
    hold_id uuid not null,
    entry_id uuid not null,
    stylist_id uuid not null,
    starts_at timestamptz not null,
    outcome text not null default 'OPEN',
    offered_at timestamptz not null default clock_timestamp(),
    constraint waitlist_offers_pkey primary key (tenant_id, hold_id),
    constraint waitlist_offers_entry_fkey foreign key (tenant_id, entry_id) references waitlist on delete cascade,
    constraint waitlist_offers_outcome_known check (outcome in ('OPEN', 'BOOKED', 'DECLINED', 'EXPIRED'))
);
create unique index waitlist_offers_open_idx on waitlist_offers (tenant_id, entry_id) where outcome = 'OPEN';
create index waitlist_offers_entry_idx on waitlist_offers (tenant_id, entry_id, stylist_id);

alter table waitlist enable row level security, force row level security;
create policy tenant on waitlist using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on waitlist to chairtime_app;

alter table waitlist_offers enable row level security, force row level security;
create policy tenant on waitlist_offers using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on waitlist_offers to chairtime_app;

-- A hold that was an offer has ended, whoever ended it: so has the offer. Who did not answer three of them no longer waits.
create function waitlist_settle() returns trigger language plpgsql as $$
declare
    entry uuid;
    became text := case
        when new.status = 'CONFIRMED' then 'BOOKED'
        when new.ended_at >= new.expires_at then 'EXPIRED'
        else 'DECLINED'
    end;
begin
    update waitlist_offers set outcome = became
     where tenant_id = new.tenant_id and hold_id = new.id and outcome = 'OPEN'
    returning entry_id into entry;
    if entry is null then return null; end if;
    update waitlist w
       set status = s.status, ended_at = case when s.status = 'WAITING' then null else clock_timestamp() end
      from (select case
                       when became = 'BOOKED' then 'BOOKED'
                       when became = 'EXPIRED' and count(*) filter (where o.outcome = 'EXPIRED') >= 3 then 'MISSED'
                       else 'WAITING'
                   end as status
              from waitlist_offers o
             where o.tenant_id = new.tenant_id and o.entry_id = entry) s
     where w.tenant_id = new.tenant_id and w.id = entry and w.status = 'OFFERED';
    return null;
end $$;
create trigger waitlist_settle after update on bookings
    for each row when (old.status = 'HELD' and new.status <> 'HELD') execute function waitlist_settle();

-- Bookings that are deleted take their offers along. By trigger: what a foreign key points at could not be truncated.
create function waitlist_hold_gone() returns trigger language plpgsql as $$
begin
    if tg_op = 'TRUNCATE' then
        delete from waitlist_offers;
    else
        delete from waitlist_offers where tenant_id = old.tenant_id and hold_id = old.id;
    end if;
    return null;
end $$;
create trigger waitlist_hold_gone after delete on bookings
    for each row when (old.expires_at is not null) execute function waitlist_hold_gone();
create trigger waitlist_holds_gone after truncate on bookings for each statement execute function waitlist_hold_gone();

-- Who had an offer that is gone waits on.
create function waitlist_offer_gone() returns trigger language plpgsql as $$
begin
    update waitlist set status = 'WAITING'
     where tenant_id = old.tenant_id and id = old.entry_id and status = 'OFFERED';
    return null;
end $$;
create trigger waitlist_offer_gone after delete on waitlist_offers
    for each row when (old.outcome = 'OPEN') execute function waitlist_offer_gone();

-- An offer is told as a change of no days of whoever it is for. What names a session opens it, so a digest stands for it.
create function waitlist_offer_tell() returns trigger language plpgsql as $$
begin
    perform pg_notify('chairtime', json_build_object(
                't', w.tenant_id, 's', encode(sha256(convert_to(w.holder, 'UTF8')), 'hex'), 'd', json_build_object())::text)
       from waitlist w
      where w.tenant_id = new.tenant_id and w.id = new.entry_id;
    return null;
end $$;
create trigger waitlist_offer_tell after insert on waitlist_offers
    for each row execute function waitlist_offer_tell();

-- The claims that time has ended, or will within a second: holds where somebody waits, and bookings that were not paid for.
-- Asked across tenants, so answered as the owner.
create policy owner on waitlist to current_user using (true);
create policy owner on bookings to current_user using (true);
create index bookings_due_idx on bookings (tenant_id, expires_at) where status = 'HELD';
create function claims_due(most integer) returns table (tenant_id uuid, claim_id uuid, due_in_s float8)
language plpgsql volatile security definer as $$
begin
    return query
    with due as (
        select b.tenant_id, b.id, b.expires_at as at
          from (select distinct w.tenant_id from waitlist w where w.status in ('WAITING', 'OFFERED')) t
          join bookings b on b.tenant_id = t.tenant_id
         where b.status = 'HELD' and b.expires_at <= clock_timestamp() + interval '1 second'
         union all
        select b.tenant_id, b.id, b.payment_due_at
          from bookings b
         where b.status = 'CONFIRMED' and b.payment_due_at <= clock_timestamp() + interval '1 second')
    select d.tenant_id, d.id, extract(epoch from d.at - clock_timestamp())::float8 from due d order by d.at limit most;
end $$;
-- The writer's search_path is the writer's own, as in 0003.
do $$
declare
    named text;
begin
    foreach named in array array['waitlist_settle()', 'waitlist_hold_gone()', 'waitlist_offer_gone()', 'waitlist_offer_tell()',
                                 'claims_due(integer)'] loop
        execute format('alter function %s set search_path = %I, pg_temp', named, current_schema());
    end loop;
    revoke execute on function claims_due(integer) from public;
    grant execute on function claims_due(integer) to chairtime_app;
end $$;
