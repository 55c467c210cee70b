-- name: versions_now(tenant_ids, stylist_ids, days)^
-- The clock, the snapshot as snapshot_now has it, and the versions of stylist-days, or (stylist null) of tenants' directories, in
-- the order of the arrays. The function looks after this statement's snapshot was taken: what it sees may be newer, never older.
select max(now), pg_current_snapshot()::text || pg_postmaster_start_time()::text, array_agg(rules), array_agg(day)
  from versions_now(:tenant_ids::uuid[], :stylist_ids::uuid[], :days::date[]);

-- name: snapshot_now()^
-- The clock, and which transactions are seen: two looks with one text have seen the same. Another server, or this one started
-- again after a crash, may give other transactions the same numbers.
select clock_timestamp(), pg_current_snapshot()::text || pg_postmaster_start_time()::text;

-- name: lineage()$
-- Which database this is, and on which of its histories: a copy of it, or a standby that takes over, counts the same versions
-- for other facts.
select concat_ws('.', (select system_identifier from pg_control_system()),
                      (select timeline_id from pg_control_checkpoint()),
                      (select oid from pg_database where datname = current_database()));

-- name: versions_raised(tenant_id, from_on, until_on, most)
-- How often the dates in [from_on, until_on] of the tenant's stylists, and (on_date null) all dates of one at once, were raised;
-- the most often raised first.
select stylist_id::text, on_date, version
  from (select stylist_id, on_date, version from day_versions
         where tenant_id = :tenant_id::uuid and on_date between :from_on::date and :until_on::date
        union all
        select stylist_id, null, version from stylist_versions where tenant_id = :tenant_id::uuid) as raised
 where version > 0
 order by version desc, stylist_id, on_date
 limit :most::int;
