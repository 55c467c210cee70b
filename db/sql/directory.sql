-- name: tenant_id_of(slug)$
-- The id of the tenant with this slug, of the oldest for the empty slug, or null.
select tenant_id_of(:slug)::text;

-- name: directory(tenant_id)$
-- What lists and names need of a tenant, with its version, in one snapshot: a JSON object, or null without the tenant.
-- `case` names the tenant before anything is read, so that this stays one statement and one round trip.
select case when set_config('app.tenant_id', (:tenant_id::uuid)::text, true) <> '' then (select json_build_object(
    'now', clock_timestamp(),
    'version', coalesce((select version from directory_versions v where v.tenant_id = t.id), 0),
    'tenant', json_build_array(t.id, t.slug, t.name, t.currency, t.timezone, t.hold_seconds, t.payment_url, t.payment_seconds),
    'locations', (select coalesce(json_agg(json_build_array(l.id, l.name, l.timezone) order by l.name, l.id), '[]')
                    from locations l where l.tenant_id = t.id),
    'services', (select coalesce(json_agg(json_build_array(s.id, s.name, s.duration_minutes, s.slot_interval_minutes,
                                                           s.buffer_before_minutes, s.buffer_after_minutes, s.price_cents,
                                                           s.min_notice_minutes, s.horizon_days, s.active)
                                          order by s.name, s.id), '[]')
                   from services s where s.tenant_id = t.id),
    'stylists', (select coalesce(json_agg(json_build_array(y.id, y.name, y.active, y.home_location_id,
                          (select coalesce(json_agg(distinct places.location_id), '[]')
                             from (select h.location_id from schedule_hours h where h.tenant_id = y.tenant_id and h.stylist_id = y.id
                                   union all
                                   select o.location_id from overrides o where o.tenant_id = y.tenant_id and o.stylist_id = y.id)
                                  places)) order by y.name, y.id), '[]')
                   from stylists y where y.tenant_id = t.id),
    'offerings', (select coalesce(json_agg(json_build_array(o.stylist_id, o.service_id,
                                                            coalesce(o.duration_minutes, s.duration_minutes),
                                                            coalesce(o.price_cents, s.price_cents)) order by s.name, s.id), '[]')
                    from offerings o
                    join services s on s.tenant_id = o.tenant_id and s.id = o.service_id
                   where o.tenant_id = t.id)
)::text
  from tenants t
 where t.id = :tenant_id::uuid) end;
