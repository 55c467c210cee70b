-- name: versions_now(tenant_ids, stylist_ids, days)
-- The versions of stylist-days, or (stylist null) of tenants' directories, in the order of the arrays, and the clock.
-- A directory's version comes as `rules`, with day 0.
select coalesce(s.version, t.version, 0) as rules, coalesce(d.version, 0) as day, clock_timestamp() as now
  from unnest(:tenant_ids::uuid[], :stylist_ids::uuid[], :days::date[]) with ordinality k(tenant_id, stylist_id, on_date, n)
  left join stylist_versions s on s.tenant_id = k.tenant_id and s.stylist_id = k.stylist_id
  left join day_versions d on d.tenant_id = k.tenant_id and d.stylist_id = k.stylist_id and d.on_date = k.on_date
  left join directory_versions t on t.tenant_id = k.tenant_id and k.stylist_id is null
 order by k.n;
