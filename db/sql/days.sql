-- name: day_facts(tenant_id, stylist_ids, from_days, until_days)$
-- All facts of runs of stylist-days, with their versions, in one snapshot: a JSON object
--   {now, zones: {location: zone}, travel: [[from, to, minutes]], closures: [[location, date]],
--    rules: [[name, basis_points, service, weekdays, from_minute, to_minute, from_on, until_on]],
--    runs: [{stylist, from, until, rules, days: {date: version}, hours, overrides, off, busy, claims, wishes, avoided, stale,
--            terms}]}
-- runs in the order of the arrays, both ends in. Spans that can touch a start of the run: a day's instants lie within
-- 14 hours of its UTC date; stylist_reach says how far a start reaches; a claim occupies at most 48 hours.
-- `case` names the tenant before anything is read, so that this stays one statement and one round trip.
select case when set_config('app.tenant_id', (:tenant_id::uuid)::text, true) <> '' then (
with run as (
    select n, r.stylist_id, r.from_day, r.until_day,
           (r.from_day::timestamp at time zone 'UTC') - interval '14 hours' - reach.ahead as reach_from,
           (r.until_day::timestamp at time zone 'UTC') + interval '38 hours' + reach.back as reach_until
      from unnest(:stylist_ids::uuid[], :from_days::date[], :until_days::date[]) with ordinality r(stylist_id, from_day, until_day, n),
           stylist_reach(:tenant_id::uuid, r.stylist_id) reach)
select json_build_object(
    'now', clock_timestamp(),
    'zones', (select coalesce(json_object_agg(l.id, l.timezone), '{}') from locations l where l.tenant_id = :tenant_id::uuid),
    'travel', (select coalesce(json_agg(json_build_array(t.from_location_id, t.to_location_id, t.minutes)), '[]')
                 from travel_times t where t.tenant_id = :tenant_id::uuid),
    'closures', (select coalesce(json_agg(json_build_array(c.location_id, c.closed_on)), '[]')
                   from closures c
                  where c.tenant_id = :tenant_id::uuid
                    and c.closed_on between (select min(from_day) - 3 from run) and (select max(until_day) + 3 from run)),
    'rules', (select coalesce(json_agg(json_build_array(p.name, p.basis_points, p.service_id, p.weekdays, p.from_minute,
                                                        p.to_minute, p.from_on, p.until_on) order by p.position), '[]')
                from price_rules p where p.tenant_id = :tenant_id::uuid),
    'runs', (select coalesce(json_agg(json_build_object(
        'stylist', run.stylist_id,
        'from', run.from_day,
        'until', run.until_day,
        'rules', coalesce((select v.version from stylist_versions v
                            where v.tenant_id = :tenant_id::uuid and v.stylist_id = run.stylist_id), 0),
        'days', (select coalesce(json_object_agg(v.on_date, v.version), '{}')
                   from day_versions v
                  where v.tenant_id = :tenant_id::uuid and v.stylist_id = run.stylist_id
                    and v.on_date between run.from_day and run.until_day),
        'hours', (select coalesce(json_agg(json_build_array(h.weekday, h.starts_minute, h.ends_minute, h.location_id, h.is_break,
                                                            h.valid_from, h.valid_until)), '[]')
                    from schedule_hours h
                   where h.tenant_id = :tenant_id::uuid and h.stylist_id = run.stylist_id
                     and (h.valid_from is null or h.valid_from <= run.until_day + 3)
                     and (h.valid_until is null or h.valid_until >= run.from_day - 3)),
        'overrides', (select coalesce(json_agg(json_build_array(o.on_date, o.location_id,
                          (select coalesce(json_agg(json_build_array(h.starts_minute, h.ends_minute, h.is_break)), '[]')
                             from override_hours h
                            where h.tenant_id = o.tenant_id and h.stylist_id = o.stylist_id and h.on_date = o.on_date))), '[]')
                        from overrides o
                       where o.tenant_id = :tenant_id::uuid and o.stylist_id = run.stylist_id
                         and o.on_date between run.from_day - 3 and run.until_day + 3),
        'off', (select coalesce(json_agg(json_build_array(f.starts_at, f.ends_at)), '[]')
                  from time_off f
                 where f.tenant_id = :tenant_id::uuid and f.stylist_id = run.stylist_id
                   and f.ends_at > run.reach_from and f.starts_at < run.reach_until),
        'busy', (select coalesce(json_agg(json_build_array(f.starts_at, f.ends_at, f.source)), '[]')
                   from busy_times f
                  where f.tenant_id = :tenant_id::uuid and f.stylist_id = run.stylist_id
                    and f.ends_at > run.reach_from and f.starts_at < run.reach_until),
        'claims', (select coalesce(json_agg(json_build_array(b.starts_at, b.ends_at, lower(b.occupied), upper(b.occupied),
                                                             b.location_id, b.status = 'HELD', b.holder,
                                                             case b.status when 'HELD' then b.expires_at
                                                                           when 'CONFIRMED' then b.payment_due_at end, b.id)
                                            order by b.starts_at), '[]')
                     from bookings b
                    where b.tenant_id = :tenant_id::uuid and b.stylist_id = run.stylist_id
                      and b.status in ('HELD', 'CONFIRMED', 'COMPLETED', 'NO_SHOW')
                      and b.starts_at > run.reach_from - interval '36 hours' and b.starts_at < run.reach_until + interval '12 hours'
                      and b.occupied && tstzrange(run.reach_from, run.reach_until)
                      -- Those that ended an hour ago at most too: how the day looked then can be told to who comes back.
                      and (b.status <> 'HELD' or b.expires_at > clock_timestamp() - interval '1 hour')
                      and (b.status <> 'CONFIRMED' or b.payment_due_at is null
                           or b.payment_due_at > clock_timestamp() - interval '1 hour')),
        'wishes', (select json_build_array(w.run_minutes_max, w.pause_minutes, w.bookings_a_day_max)
                     from preferences w where w.tenant_id = :tenant_id::uuid and w.stylist_id = run.stylist_id),
        'avoided', (select coalesce(json_agg(json_build_array(a.service_id, a.weekdays, a.from_minute, a.to_minute, y.home_location_id)), '[]')
                      from avoided_services a
                      join stylists y on y.tenant_id = a.tenant_id and y.id = a.stylist_id
                     where a.tenant_id = :tenant_id::uuid and a.stylist_id = run.stylist_id),
        'stale', (select json_build_array(b.source, b.as_of + make_interval(secs => t.busy_stale_seconds))
                    from busy_sources b
                    join tenants t on t.id = b.tenant_id and t.busy_stale_closes and t.busy_stale_seconds is not null
                   where b.tenant_id = :tenant_id::uuid and b.stylist_id = run.stylist_id
                   order by b.as_of, b.source limit 1),
        'terms', (select coalesce(json_agg(json_build_array(s.id, coalesce(o.duration_minutes, s.duration_minutes),
                                                            s.slot_interval_minutes, s.buffer_before_minutes, s.buffer_after_minutes,
                                                            s.min_notice_minutes, s.horizon_days,
                                                            coalesce(o.price_cents, s.price_cents))), '[]')
                    from offerings o
                    join services s on s.tenant_id = o.tenant_id and s.id = o.service_id and s.active
                    join stylists y on y.tenant_id = o.tenant_id and y.id = o.stylist_id and y.active
                   where o.tenant_id = :tenant_id::uuid and o.stylist_id = run.stylist_id)
    ) order by run.n), '[]') from run)
)::text) end;
