-- One business never sees another's: every table with a tenant_id shows and takes the rows of one tenant, the one that
-- app.tenant_id names in the transaction. The program works as a role that is neither owner nor superuser, so that no mistake
-- in a statement can reach past this.

-- Roles are the cluster's, not the database's: another database of ours may have made it.
do $$
begin
    if not exists (select from pg_roles where rolname = 'chairtime_app') then
        create role chairtime_app nologin;
    end if;
exception when duplicate_object or unique_violation then
    null;
end $$;
do $$
begin
    if not pg_has_role(current_user, 'chairtime_app', 'member') then
        execute format('grant chairtime_app to %I', current_user);
    end if;
    execute format('grant usage on schema %I to chairtime_app', current_schema());
end $$;

-- The tenant of this transaction, null where none was named: then no row is anyone's.
create function current_tenant() returns uuid
language sql stable as $$
    select nullif(current_setting('app.tenant_id', true), '')::uuid
$$;

alter table tenants enable row level security, force row level security;
create policy tenant on tenants using (id = (select current_tenant()));
grant select, insert, update, delete on tenants to chairtime_app;

alter table locations enable row level security, force row level security;
create policy tenant on locations using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on locations to chairtime_app;

alter table closures enable row level security, force row level security;
create policy tenant on closures using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on closures to chairtime_app;

alter table travel_times enable row level security, force row level security;
create policy tenant on travel_times using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on travel_times to chairtime_app;

alter table services enable row level security, force row level security;
create policy tenant on services using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on services to chairtime_app;

alter table stylists enable row level security, force row level security;
create policy tenant on stylists using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on stylists to chairtime_app;

alter table offerings enable row level security, force row level security;
create policy tenant on offerings using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on offerings to chairtime_app;

alter table schedule_hours enable row level security, force row level security;
create policy tenant on schedule_hours using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on schedule_hours to chairtime_app;

alter table overrides enable row level security, force row level security;
create policy tenant on overrides using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on overrides to chairtime_app;

alter table override_hours enable row level security, force row level security;
create policy tenant on override_hours using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on override_hours to chairtime_app;

alter table time_off enable row level security, force row level security;
create policy tenant on time_off using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on time_off to chairtime_app;

alter table busy_sources enable row level security, force row level security;
create policy tenant on busy_sources using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on busy_sources to chairtime_app;

alter table busy_times enable row level security, force row level security;
create policy tenant on busy_times using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on busy_times to chairtime_app;

alter table price_rules enable row level security, force row level security;
create policy tenant on price_rules using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on price_rules to chairtime_app;

alter table customers enable row level security, force row level security;
create policy tenant on customers using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on customers to chairtime_app;

alter table bookings enable row level security, force row level security;
create policy tenant on bookings using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on bookings to chairtime_app;

alter table idempotency_keys enable row level security, force row level security;
create policy tenant on idempotency_keys using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on idempotency_keys to chairtime_app;

alter table directory_versions enable row level security, force row level security;
create policy tenant on directory_versions using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on directory_versions to chairtime_app;

alter table stylist_versions enable row level security, force row level security;
create policy tenant on stylist_versions using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on stylist_versions to chairtime_app;

alter table day_versions enable row level security, force row level security;
create policy tenant on day_versions using (tenant_id = (select current_tenant()));
grant select, insert, update, delete on day_versions to chairtime_app;

-- What was done is only ever added to.
alter table audit_log enable row level security, force row level security;
create policy tenant on audit_log using (tenant_id = (select current_tenant()));
grant select, insert on audit_log to chairtime_app;

-- Two questions that are asked before, or across, tenants. They are answered as the owner, who for these tables sees all rows.
create policy owner on tenants to current_user using (true);
create policy owner on directory_versions to current_user using (true);
create policy owner on stylist_versions to current_user using (true);
create policy owner on day_versions to current_user using (true);

-- The id of the tenant with this slug, of the oldest for the empty slug, or null.
create function tenant_id_of(wanted text) returns uuid
language sql stable security definer as $$
    select id from tenants where slug = wanted or wanted = '' order by created_at, id limit 1
$$;

-- The versions of stylist-days, or (stylist null) of tenants' directories, in the order of the arrays, and the clock. A
-- directory's version comes as `rules`, with day 0. What it tells of ids that are not the asker's is a number.
create function versions_now(tenant_ids uuid[], stylist_ids uuid[], days date[])
returns table (rules bigint, day bigint, now timestamptz)
language plpgsql volatile security definer as $$
begin
    return query
    select coalesce(s.version, t.version, 0), coalesce(d.version, 0), clock_timestamp()
      from unnest(tenant_ids, stylist_ids, days) with ordinality k(tenant_id, stylist_id, on_date, n)
      left join stylist_versions s on s.tenant_id = k.tenant_id and s.stylist_id = k.stylist_id
      left join day_versions d on d.tenant_id = k.tenant_id and d.stylist_id = k.stylist_id and d.on_date = k.on_date
      left join directory_versions t on t.tenant_id = k.tenant_id and k.stylist_id is null
     order by k.n;
end $$;

-- A caller's temporary tables must not stand in for ours where the owner's rights apply.
do $$
declare
    named text;
begin
    foreach named in array array['tenant_id_of(text)', 'versions_now(uuid[], uuid[], date[])'] loop
        execute format('alter function %s set search_path = %I, pg_temp', named, current_schema());
        execute format('revoke execute on function %s from public', named);
        execute format('grant execute on function %s to chairtime_app', named);
    end loop;
end $$;
