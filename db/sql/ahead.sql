-- name: nights_at(at, most)
-- Each tenant, the date in its zone of the last 02:00, and whether that night is still to be done; those first that are.
select tenant_id::text, on_date, is_due from nights_at(:at::timestamptz, :most::int);

-- name: night_begin(tenant_id, on_date)$
-- The last stylist that the tenant's night of this date has come to, null at its beginning; one of another date is over.
insert into nights as n (tenant_id, on_date) values (:tenant_id::uuid, :on_date)
on conflict (tenant_id) do update
   set on_date = excluded.on_date,
       after_id = case when n.on_date = excluded.on_date then n.after_id end,
       days_prepared = case when n.on_date = excluded.on_date then n.days_prepared else 0 end,
       started_at = case when n.on_date = excluded.on_date then n.started_at else clock_timestamp() end,
       finished_at = case when n.on_date = excluded.on_date then n.finished_at end
returning after_id::text;

-- name: night_go_on(tenant_id, after_id, days)!
-- The night has come as far as this stylist, by so many days.
update nights set after_id = :after_id::uuid, days_prepared = days_prepared + :days where tenant_id = :tenant_id::uuid;

-- name: night_end(tenant_id)!
-- The night is done.
update nights set finished_at = clock_timestamp() where tenant_id = :tenant_id::uuid;

-- name: night_forget(tenant_id)!
-- The night is to be done again.
delete from nights where tenant_id = :tenant_id::uuid;

-- name: night_stylists(tenant_id, after_id, most)
-- The next active stylists by id.
select id::text
  from stylists
 where tenant_id = :tenant_id::uuid and active and (:after_id::uuid is null or id > :after_id::uuid)
 order by id
 limit :most::int;

-- name: demand_add(tenant_id, at, stylist_ids, days, times)!
-- So many askings for stylists' days, on the tenant's weekday of an instant, which begins at 02:00 as nights do. What was asked a
-- week ago counts half.
insert into asked as d (tenant_id, weekday, stylist_id, ahead, asked, last_on)
select :tenant_id::uuid, extract(isodow from today.today), y.id, k.day - today.today, k.times, today.today
  from unnest(:stylist_ids::uuid[], :days::date[], :times::real[]) k(stylist_id, day, times)
  join stylists y on y.tenant_id = :tenant_id::uuid and y.id = k.stylist_id
  cross join lateral (select ((:at::timestamptz at time zone t.timezone) - interval '2 hours')::date as today
                        from tenants t where t.id = :tenant_id::uuid) today
 where k.day between today.today and today.today + 366
on conflict (tenant_id, weekday, stylist_id, ahead) do update
   set asked = d.asked * 0.5 ^ ((excluded.last_on - d.last_on) / 7) + excluded.asked, last_on = excluded.last_on;

-- name: demand_most(tenant_id, on_date, most)
-- The stylists' days that the askings of this date's weekday suggest, the most often asked for first.
select stylist_id::text, :on_date::date + ahead
  from asked
 where tenant_id = :tenant_id::uuid and weekday = extract(isodow from :on_date::date)
 order by asked * 0.5 ^ ((:on_date::date - last_on) / 7) desc, stylist_id, ahead
 limit :most::int;

-- name: demand_forget(tenant_id, before, most)!
-- What nobody has asked for since a date no longer suggests anything.
delete from asked
 where ctid = any (array(select ctid from asked where tenant_id = :tenant_id::uuid and last_on < :before limit :most::int));

-- name: keys_forget(tenant_id, most)!
-- Idempotency keys that are free again.
delete from idempotency_keys
 where ctid = any (array(select ctid from idempotency_keys
                          where tenant_id = :tenant_id::uuid and created_at < now() - interval '24 hours'
                          order by created_at limit :most::int
                            for update skip locked));

-- name: holds_expired(tenant_id, most)
-- Spans of holds that expired an hour ago or longer, which day_facts no longer has, of one stylist.
select stylist_id::text, lower(occupied), upper(occupied)
  from bookings
 where tenant_id = :tenant_id::uuid and status = 'HELD' and expires_at < clock_timestamp() - interval '1 hour'
   and stylist_id = (select stylist_id from bookings
                      where tenant_id = :tenant_id::uuid and status = 'HELD'
                        and expires_at < clock_timestamp() - interval '1 hour'
                      order by expires_at limit 1)
 order by expires_at
 limit :most::int;

-- name: versions_old(tenant_id, before, least, most)
-- Stylists with at least so many versions of dates before one.
select stylist_id::text from day_versions
 where tenant_id = :tenant_id::uuid and on_date < :before
 group by stylist_id having count(*) >= :least::int
 order by stylist_id limit :most::int;

-- name: versions_raise(tenant_id, stylist_ids)$
-- Raises all dates of these stylists, and locks them until the transaction ends.
select raise_stylists(array(select row (:tenant_id::uuid, id)::touched_stylist from unnest(:stylist_ids::uuid[]) id))::text;

-- name: versions_forget(tenant_id, stylist_ids, before)!
-- Versions of these stylists' dates before one. A row that is missing counts as 0, and a version never goes down: versions_raise
-- comes first, in the same transaction.
delete from day_versions
 where tenant_id = :tenant_id::uuid and stylist_id = any (:stylist_ids::uuid[]) and on_date < :before;
