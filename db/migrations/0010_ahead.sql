-- Days that are prepared before anybody asks: how far each tenant's night has come, and which of its days are asked for most.

-- The night that began at 02:00 of on_date in the tenant's zone. after_id: the last stylist whose days were prepared in it.
create table nights (
    tenant_id uuid not null,
    on_date date not null,
    after_id uuid,
    days_prepared integer not null default 0,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    constraint nights_pkey primary key (tenant_id),
    constraint nights_tenant_fkey foreign key (tenant_id) references tenants on delete cascade,
    constraint nights_days_prepared_range check (days_prepared >= 0)
);
alter table nights enable row level security, force row level security;
create policy tenant on nights using (tenant_id = (select current_tenant()));
create policy owner on nights to current_user using (true);
grant select, insert, update, delete on nights to chairtime_app;

-- How often a stylist's date was asked for so many days ahead, on one day of the week (1 = Monday), all in the tenant's zone.
-- Half as much counts of the week before. Nothing of who asked.
create table asked (
    tenant_id uuid not null,
    weekday smallint not null,
    stylist_id uuid not null,
    ahead smallint not null,
    asked real not null,
    last_on date not null,
    constraint asked_pkey primary key (tenant_id, weekday, stylist_id, ahead),
    constraint asked_stylist_fkey foreign key (tenant_id, stylist_id) references stylists on delete cascade,
    constraint asked_weekday_range check (weekday between 1 and 7),
    constraint asked_ahead_range check (ahead between 0 and 366)
);
create index asked_stylist_idx on asked (tenant_id, stylist_id);
create index asked_most_idx on asked (tenant_id, weekday, asked desc);
alter table asked enable row level security, force row level security;
create policy tenant on asked using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on asked to chairtime_app;

-- Each tenant's night at an instant, those first whose turn it is. Asked across tenants, so answered as the owner.
create function nights_at(at timestamptz, most integer) returns table (tenant_id uuid, on_date date, is_due boolean)
language sql stable security definer as $$
    select t.id, now_on.on_date, n.on_date is distinct from now_on.on_date or n.finished_at is null
      from tenants t
      cross join lateral (select ((nights_at.at at time zone t.timezone) - interval '2 hours')::date as on_date) now_on
      left join nights n on n.tenant_id = t.id
     order by 3 desc, n.started_at nulls first, t.id
     limit most
$$;
do $$
begin
    execute format('alter function nights_at(timestamptz, integer) set search_path = %I, pg_temp', current_schema());
    revoke execute on function nights_at(timestamptz, integer) from public;
    grant execute on function nights_at(timestamptz, integer) to chairtime_app;
end $$;
