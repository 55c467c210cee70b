-- name: lists_put(tenant_id, rows)!
-- Lists that were shown, as a JSON list of their columns. One that is known is only marked as shown again, once a day.
insert into offered_lists as l (tenant_id, id, stylist_id, service_id, on_date, zone, version, free, is_whole, shown_at)
select :tenant_id::uuid, id, stylist_id, service_id, on_date, zone, version, free, is_whole, now()
  from jsonb_to_recordset(:rows::jsonb) as r (id bigint, stylist_id uuid, service_id uuid, on_date date, zone text, version text,
                                              free timestamptz[], is_whole boolean)
 order by id
on conflict (tenant_id, id) do update set shown_at = excluded.shown_at where l.shown_at < excluded.shown_at - interval '1 day';

-- name: offers_put(tenant_id, rows)!
-- Answers in which lists were shown, as a JSON list of their columns.
insert into offers (tenant_id, at, who, lists, times)
select :tenant_id::uuid, at, who, lists, times
  from jsonb_to_recordset(:rows::jsonb) as r (at timestamptz, who text, lists bigint[], times integer);

-- name: demand_add(tenant_id, rows)!
-- Adds to what was asked for, by quarter of an hour and service, as a JSON list of columns.
insert into demand as d (tenant_id, quarter, service_id, asked, empty)
select :tenant_id::uuid, quarter, service_id, asked, empty
  from jsonb_to_recordset(:rows::jsonb) as r (quarter timestamptz, service_id uuid, asked bigint, empty bigint)
 order by quarter, service_id
on conflict (tenant_id, quarter, service_id) do update set asked = d.asked + excluded.asked, empty = d.empty + excluded.empty;

-- name: offers_expire(kept_days, most)$
-- Takes away what is older than that, of all tenants, at most so many rows of each kind; how many it was.
select offers_expire(make_interval(days => :kept_days::integer), :most::integer);

-- name: offer_history(tenant_id, stylist_id, starts_at, from_at, until_at, most)
-- What was shown of a stylist's start in [from_at, until_at), and what was asked for there, in order of time. was_free: whether it was
-- among the free ones; null for what is no list. who: a hash, the same for the same caller.
with lists as (
    select l.id, l.service_id, l.version, l.is_whole, :starts_at::timestamptz = any (l.free) as was_free
      from offered_lists l
      join stylists y on y.tenant_id = l.tenant_id and y.id = l.stylist_id
      join locations h on h.tenant_id = y.tenant_id and h.id = y.home_location_id
     where l.tenant_id = :tenant_id::uuid
       and l.stylist_id = :stylist_id::uuid
       and l.on_date between (:starts_at::timestamptz at time zone 'UTC')::date - 1 and (:starts_at::timestamptz at time zone 'UTC')::date + 1
       and (:starts_at::timestamptz = any (l.free)
            or (l.is_whole and (:starts_at::timestamptz at time zone coalesce(l.zone, h.timezone))::date = l.on_date)))
select * from (
    select o.at, 'OFFERED' as what, null as outcome, o.who, l.service_id::text, l.version, l.was_free, o.times
      from offers o
      join lists l on l.id = any (o.lists)
     where o.tenant_id = :tenant_id::uuid and o.at >= :from_at and o.at < :until_at
    union all
    select a.at, a.action, a.outcome, offer_who(a.tenant_id, substr(a.actor, strpos(a.actor, ':') + 1)),
           coalesce(a.after ->> 'service_id', a.after ->> 'serviceId'), a.after ->> 'seenVersion', null, 1
      from audit_log a
     where a.tenant_id = :tenant_id::uuid and a.at >= :from_at and a.at < :until_at
       and a.action in ('holdPlace', 'holdRelease', 'bookingConfirm', 'bookingCreate', 'bookingReschedule', 'bookingCancel')
       and case when a.outcome = 'DONE'
                then (a.after ->> 'stylist_id' = :stylist_id::uuid::text and (a.after ->> 'starts_at')::timestamptz <= :starts_at::timestamptz
                      and (a.after ->> 'ends_at')::timestamptz > :starts_at::timestamptz)
                  or (a.before ->> 'stylist_id' = :stylist_id::uuid::text and (a.before ->> 'starts_at')::timestamptz <= :starts_at::timestamptz
                      and (a.before ->> 'ends_at')::timestamptz > :starts_at::timestamptz)
                else (a.after ->> 'startUtc')::timestamptz = :starts_at::timestamptz
                     and (a.after ->> 'stylistId' = :stylist_id::uuid::text or a.after -> 'anyOf' ? :stylist_id::uuid::text)
           end) history
 order by at
 limit :most;
