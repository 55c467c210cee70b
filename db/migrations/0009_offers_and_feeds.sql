-- What was shown to whom as free, so that "it was free when I clicked" can be settled and demand be counted; tokens for calendar
-- feeds; and indexes for whoever reads a business's bookings by time.

-- A list of free starts as it was shown, as a whole or only its first. id is a hash of all the rest: the same list is here once,
-- however often it is shown.
create table offered_lists (
    tenant_id uuid not null,
    id bigint not null,
    stylist_id uuid not null,
    service_id uuid not null,
    on_date date not null,
    zone text,
    version text not null,
    free timestamptz[] not null,
    is_whole boolean not null,
    shown_at timestamptz not null,
    constraint offered_lists_pkey primary key (tenant_id, id),
    constraint offered_lists_tenant_fkey foreign key (tenant_id) references tenants on delete cascade
);
create index offered_lists_stylist_idx on offered_lists (tenant_id, stylist_id, on_date);
create index offered_lists_shown_idx on offered_lists (tenant_id, shown_at);

-- An answer: at, its instant by Postgres's clock, to the second; who, a hash; times, how often within that second.
create table offers (
    tenant_id uuid not null,
    id bigint generated always as identity,
    at timestamptz not null,
    who text,
    lists bigint[] not null,
    times integer not null,
    constraint offers_pkey primary key (tenant_id, id),
    constraint offers_tenant_fkey foreign key (tenant_id) references tenants on delete cascade,
    constraint offers_times_range check (times > 0)
);
create index offers_at_idx on offers (tenant_id, at);

-- How often dates were asked for by quarter of an hour, of whatever stylist; empty: of those, the ones without anything free.
create table demand (
    tenant_id uuid not null,
    quarter timestamptz not null,
    service_id uuid not null,
    asked bigint not null,
    empty bigint not null,
    constraint demand_pkey primary key (tenant_id, quarter, service_id),
    constraint demand_tenant_fkey foreign key (tenant_id) references tenants on delete cascade,
    constraint demand_empty_range check (empty between 0 and asked)
);

-- Calendar programs send no headers, so a feed's address says it all: its token is kept as a hash, and one that is revoked is gone.
create table calendar_feeds (
    tenant_id uuid not null,
    stylist_id uuid not null,
    token_hash bytea not null,
    created_at timestamptz not null default now(),
    constraint calendar_feeds_pkey primary key (tenant_id, stylist_id),
    constraint calendar_feeds_stylist_fkey foreign key (tenant_id, stylist_id) references stylists on delete cascade,
    constraint calendar_feeds_hash_length check (length(token_hash) = 32)
);

do $$
declare
    named text;
begin
    foreach named in array array['offered_lists', 'offers', 'demand', 'calendar_feeds'] loop
        execute format('alter table %I enable row level security, force row level security', named);
        execute format('create policy tenant on %I using (tenant_id = (select current_tenant()))', named);
        execute format('grant select, insert, update, delete on %I to chairtime_app', named);
    end loop;
end $$;

create index bookings_starts_idx on bookings (tenant_id, starts_at, id);
create index bookings_created_idx on bookings (tenant_id, created_at);

-- Who was offered something, in the offer log's words: bookings know their holder, the log does not.
create function offer_who(tenant uuid, holder text) returns text
language sql immutable as $$
    select left(encode(sha256(convert_to(tenant::text || ' ' || holder, 'UTF8')), 'hex'), 24)
$$;

-- Takes at most so many rows of each kind that are older than that, of all tenants: as the owner, who for these tables sees all rows.
create policy owner on offers to current_user using (true);
create policy owner on offered_lists to current_user using (true);
create policy owner on demand to current_user using (true);
create function offers_expire(kept interval, most integer) returns bigint
language plpgsql security definer as $$
declare
    gone bigint;
    more bigint;
begin
    delete from offers
     where (tenant_id, id) in (select tenant_id, id from offers where at < now() - greatest(kept, interval '1 day') limit most);
    get diagnostics gone = row_count;
    delete from offered_lists
     where (tenant_id, id) in (
         select tenant_id, id from offered_lists where shown_at < now() - greatest(kept, interval '1 day') - interval '1 day' limit most);
    get diagnostics more = row_count;
    gone := gone + more;
    delete from demand
     where (tenant_id, quarter, service_id) in (
         select tenant_id, quarter, service_id from demand where quarter < now() - interval '400 days' limit most);
    get diagnostics more = row_count;
    return gone + more;
end $$;
do $$
begin
    execute format('alter function offers_expire(interval, integer) set search_path = %I, pg_temp', current_schema());
    revoke execute on function offers_expire(interval, integer) from public;
    grant execute on function offers_expire(interval, integer) to chairtime_app;
end $$;
