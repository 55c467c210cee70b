-- Who is told of bookings, and what is still to be told: written in the transaction that it tells of, whoever wrote that.

create table webhooks (
    tenant_id uuid not null,
    id uuid not null,
    url text not null,
    -- whsec_ and the key in base64, as Standard Webhooks has it.
    secret text not null,
    -- Empty: all.
    events text[] not null default '{}',
    active boolean not null default true,
    created_at timestamptz not null default clock_timestamp(),
    constraint webhooks_pkey primary key (tenant_id, id),
    constraint webhooks_tenant_fkey foreign key (tenant_id) references tenants on delete cascade,
    constraint webhooks_url_shape check (url ~ '^https?://\S+$' and length(url) <= 2000),
    constraint webhooks_secret_shape check (secret ~ '^whsec_[A-Za-z0-9+/=]+$'),
    constraint webhooks_events_known check (events <@ array[
        'booking.confirmed', 'booking.rescheduled', 'booking.cancelled', 'booking.completed', 'booking.no_show', 'waitlist.offered'])
);

-- One row an event and endpoint. seq: the order in which things happened to one booking, since its writers take turns.
-- next_at: when it may next be tried; while it is tried, when it is to be tried again if nothing is heard of that.
create table outbox (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    seq bigint not null generated always as identity,
    webhook_id uuid not null,
    booking_id uuid not null,
    event text not null,
    body text not null,
    state text not null default 'PENDING',
    tries integer not null default 0,
    next_at timestamptz not null default clock_timestamp(),
    created_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    last_answer text,
    constraint outbox_pkey primary key (tenant_id, id),
    constraint outbox_webhook_fkey foreign key (tenant_id, webhook_id) references webhooks on delete cascade,
    constraint outbox_state_known check (state in ('PENDING', 'DELIVERED', 'FAILED'))
);
create index outbox_order_idx on outbox (tenant_id, webhook_id, booking_id, seq) where state = 'PENDING';
create index outbox_webhook_idx on outbox (tenant_id, webhook_id, seq);
-- Asked across tenants, by outbox_due and outbox_clear alone.
create index outbox_due_idx on outbox (next_at) where state = 'PENDING';
create index outbox_ended_idx on outbox (ended_at) where state <> 'PENDING';

alter table webhooks enable row level security, force row level security;
create policy tenant on webhooks using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on webhooks to chairtime_app;

alter table outbox enable row level security, force row level security;
create policy tenant on outbox using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on outbox to chairtime_app;

-- Instants as GraphQL writes them.
create function instant_text(at timestamptz) returns text
language sql immutable as $$
    select replace(to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z')
$$;

-- A hold or booking under GraphQL's names. Who made it is not told: a session's id opens what is the session's.
create function claim_json(b bookings) returns jsonb
language sql stable as $$
    select jsonb_build_object(
               'id', b.id,
               'status', b.status,
               'startUtc', instant_text(b.starts_at),
               'endUtc', instant_text(b.ends_at),
               'priceCents', b.price_cents,
               'createdAt', instant_text(b.created_at),
               'stylist', jsonb_build_object('id', b.stylist_id, 'name', st.name),
               'service', jsonb_build_object('id', b.service_id, 'name', sv.name),
               'location', jsonb_build_object('id', b.location_id, 'name', l.name, 'timezone', l.timezone),
               'customer', case when c.id is not null then
                   jsonb_build_object('id', c.id, 'name', c.name, 'email', c.email, 'phone', c.phone) end)
      from stylists st
      join services sv on sv.tenant_id = st.tenant_id and sv.id = b.service_id
      join locations l on l.tenant_id = st.tenant_id and l.id = b.location_id
      left join customers c on c.tenant_id = st.tenant_id and c.id = b.customer_id
     where st.tenant_id = b.tenant_id and st.id = b.stylist_id
$$;

create function outbox_put(tenant uuid, booking uuid, event text, data jsonb) returns void
language sql as $$
    insert into outbox (tenant_id, webhook_id, booking_id, event, body)
    select t.id, w.id, booking, outbox_put.event,
           jsonb_build_object('type', outbox_put.event, 'timestamp', instant_text(clock_timestamp()), 'tenant', t.slug,
                              'data', data)::text
      from webhooks w
      join tenants t on t.id = w.tenant_id
     where w.tenant_id = tenant and w.active and (w.events = '{}' or outbox_put.event = any (w.events))
$$;

-- What became of bookings. Of those that are imported, only what is to come is news.
create function bookings_tell() returns trigger language plpgsql as $$
declare
    was bookings[];
    becomes bookings[];
begin
    if not exists (select from webhooks w where w.active and w.tenant_id in (select n.tenant_id from new_rows n)) then
        return null;
    end if;
    becomes := array(select r from new_rows r);
    if tg_op = 'INSERT' then
        perform outbox_put(n.tenant_id, n.id, 'booking.confirmed', claim_json(n))
           from unnest(becomes) n
          where n.status = 'CONFIRMED' and n.ends_at > clock_timestamp();
        return null;
    end if;
    was := array(select r from old_rows r);
    perform outbox_put(
                n.tenant_id, n.id, e.event,
                claim_json(n) || case e.event
                    when 'booking.rescheduled' then jsonb_build_object('previous', claim_json(o))
                    when 'booking.cancelled' then jsonb_build_object('cancelReason', n.cancel_reason)
                    else '{}' end)
       from unnest(becomes) n
       join unnest(was) o on o.tenant_id = n.tenant_id and o.id = n.id
      cross join lateral (
           select case
                      when o.status = 'HELD' and n.status = 'CONFIRMED' then 'booking.confirmed'
                      when o.status = 'CONFIRMED' and n.status = 'CANCELLED' then 'booking.cancelled'
                      when o.status = 'CONFIRMED' and n.status = 'COMPLETED' then 'booking.completed'
                      when o.status = 'CONFIRMED' and n.status = 'NO_SHOW' then 'booking.no_show'
                      when o.status = 'CONFIRMED' and n.status = 'CONFIRMED'
                           and (o.stylist_id, o.location_id, o.starts_at, o.ends_at)
                               is distinct from (n.stylist_id, n.location_id, n.starts_at, n.ends_at) then 'booking.rescheduled'
                  end as event) e
      where e.event is not null;
    return null;
end $$;
create trigger bookings_tell_insert after insert on bookings
    referencing new table as new_rows for each statement execute function bookings_tell();
create trigger bookings_tell_update after update on bookings
    referencing old table as old_rows new table as new_rows for each statement execute function bookings_tell();

-- An offer, with whom to reach. It is told under its hold's id, which is the booking's if it is taken.
create function waitlist_offers_tell() returns trigger language plpgsql as $$
begin
    perform outbox_put(
        new.tenant_id, new.hold_id, 'waitlist.offered',
        (claim_json(b) - 'customer') || jsonb_build_object(
            'expiresAt', instant_text(b.expires_at),
            'waitlistEntry', jsonb_build_object('id', w.id, 'joinedAt', instant_text(w.joined_at)),
            'customer', jsonb_build_object('id', c.id, 'name', c.name, 'email', c.email, 'phone', c.phone)))
       from bookings b, waitlist w, customers c
      where b.tenant_id = new.tenant_id and b.id = new.hold_id
        and w.tenant_id = new.tenant_id and w.id = new.entry_id
        and c.tenant_id = new.tenant_id and c.id = w.customer_id;
    return null;
end $$;
create trigger waitlist_offers_tell after insert on waitlist_offers
    for each row execute function waitlist_offers_tell();

-- What is asked across tenants is answered as the owner, and says no more than whose turn it is.
create policy owner on webhooks to current_user using (true);
create policy owner on outbox to current_user using (true);

-- The tenants that have something due, the longest due first.
create function outbox_due(most integer) returns setof uuid
language sql volatile security definer as $$
    select o.tenant_id
      from outbox o
      join webhooks w on w.tenant_id = o.tenant_id and w.id = o.webhook_id and w.active
     where o.state = 'PENDING' and o.next_at <= clock_timestamp()
       and not exists (select from outbox e
                        where e.tenant_id = o.tenant_id and e.webhook_id = o.webhook_id and e.booking_id = o.booking_id
                          and e.state = 'PENDING' and e.seq < o.seq)
     group by o.tenant_id
     order by min(o.next_at)
     limit most
$$;

-- How much waits to be told to endpoints that are active, and for how many seconds the oldest of it.
create function outbox_waiting(out pending bigint, out oldest_s float8)
language sql volatile security definer as $$
    select count(*), coalesce(extract(epoch from clock_timestamp() - min(o.created_at)), 0)::float8
      from outbox o
      join webhooks w on w.tenant_id = o.tenant_id and w.id = o.webhook_id and w.active
     where o.state = 'PENDING'
$$;

-- Forgets some of what was delivered a week ago, or given up a month ago; how many rows.
create function outbox_clear(most integer) returns bigint
language sql volatile security definer as $$
    with old as (
        select o.tenant_id, o.id
          from outbox o
         where o.state <> 'PENDING'
           and o.ended_at < clock_timestamp() - case o.state when 'FAILED' then interval '30 days' else interval '7 days' end
           and o.ended_at < clock_timestamp() - interval '7 days'
         order by o.ended_at
         limit most),
    gone as (delete from outbox o using old where o.tenant_id = old.tenant_id and o.id = old.id returning 1)
    select count(*) from gone
$$;

-- The writer's search_path is the writer's own, as in 0003.
do $$
declare
    named text;
begin
    foreach named in array array['instant_text(timestamptz)', 'claim_json(bookings)', 'outbox_put(uuid, uuid, text, jsonb)',
                                 'bookings_tell()', 'waitlist_offers_tell()'] loop
        execute format('alter function %s set search_path = %I, pg_temp', named, current_schema());
    end loop;
    foreach named in array array['outbox_due(integer)', 'outbox_waiting()', 'outbox_clear(integer)'] loop
        execute format('alter function %s set search_path = %I, pg_temp', named, current_schema());
        execute format('revoke execute on function %s from public', named);
        execute format('grant execute on function %s to chairtime_app', named);
    end loop;
end $$;
