-- name: versions_now(tenant_ids, stylist_ids, days)
-- The versions of stylist-days, or (stylist null) of tenants' directories, in the order of the arrays, and the clock.
select rules, day, now from versions_now(:tenant_ids::uuid[], :stylist_ids::uuid[], :days::date[]);

-- name: lineage()$
-- Which database this is, and on which of its histories: a copy of it, or a standby that takes over, counts the same versions
-- for other facts.
select concat_ws('.', (select system_identifier from pg_control_system()),
                      (select timeline_id from pg_control_checkpoint()),
                      (select oid from pg_database where datname = current_database()));
