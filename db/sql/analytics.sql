-- Each by local date, and hour, in a zone, of dates in [from_on, until_on]. Bookings that were called off, or not paid in time, count
-- only where it says so.

-- name: popular_times(tenant_id, zone, from_on, until_on)
-- How many bookings begin in each hour.
select (starts_at at time zone :zone)::date as date, extract(hour from starts_at at time zone :zone)::integer as hour,
       count(*) as bookings
  from bookings
 where tenant_id = :tenant_id::uuid
   and starts_at >= :from_on::date::timestamp at time zone :zone and starts_at < (:until_on::date + 1)::timestamp at time zone :zone
   and state_now(bookings) in ('CONFIRMED', 'COMPLETED', 'NO_SHOW')
 group by 1, 2
 order by 1, 2;

-- name: lead_times(tenant_id, zone, from_on, until_on)
-- How long before their start bookings were made, by the date of making, called off later or not; minutes.
select (created_at at time zone :zone)::date as date, count(*) as bookings,
       avg(extract(epoch from starts_at - created_at) / 60)::float8 as average_minutes,
       percentile_cont(0.5) within group (order by extract(epoch from starts_at - created_at) / 60)::float8 as median_minutes
  from bookings
 where tenant_id = :tenant_id::uuid
   and created_at >= :from_on::date::timestamp at time zone :zone and created_at < (:until_on::date + 1)::timestamp at time zone :zone
   and status not in ('HELD', 'RELEASED') and starts_at >= created_at
 group by 1
 order by 1;

-- name: conversion(tenant_id, zone, from_on, until_on)
-- From lists shown to holds to bookings: how many of each, and of how many callers who said who they are. held: claims that began
-- as holds, whatever became of them; booked: claims that became bookings, held before or not.
with shown as (
    select (at at time zone :zone)::date as date, sum(times) as answers, count(distinct who) as callers
      from offers
     where tenant_id = :tenant_id::uuid
       and at >= :from_on::date::timestamp at time zone :zone and at < (:until_on::date + 1)::timestamp at time zone :zone
     group by 1),
claimed as (
    select (created_at at time zone :zone)::date as date,
           count(*) filter (where expires_at is not null) as held,
           count(*) filter (where status not in ('HELD', 'RELEASED')) as booked,
           count(*) filter (where expires_at is not null and status not in ('HELD', 'RELEASED')) as held_and_booked,
           count(distinct holder) filter (where expires_at is not null) as holders,
           count(distinct holder) filter (where status not in ('HELD', 'RELEASED')) as bookers
      from bookings
     where tenant_id = :tenant_id::uuid
       and created_at >= :from_on::date::timestamp at time zone :zone and created_at < (:until_on::date + 1)::timestamp at time zone :zone
     group by 1)
select date, coalesce(answers, 0)::bigint as answers, coalesce(callers, 0) as callers, coalesce(held, 0) as held,
       coalesce(holders, 0) as holders, coalesce(booked, 0) as booked, coalesce(bookers, 0) as bookers,
       coalesce(held_and_booked, 0) as held_and_booked
  from shown
  full join claimed using (date)
 order by date;

-- name: demand(tenant_id, zone, from_on, until_on)
-- How often dates of a service were asked for in each hour, and how often nothing was free.
select (quarter at time zone :zone)::date as date, extract(hour from quarter at time zone :zone)::integer as hour,
       service_id::text, sum(asked)::bigint as asked, sum(empty)::bigint as empty
  from demand
 where tenant_id = :tenant_id::uuid
   and quarter >= :from_on::date::timestamp at time zone :zone and quarter < (:until_on::date + 1)::timestamp at time zone :zone
 group by 1, 2, 3
 order by 1, 2, 3;

-- name: refused_demand(tenant_id, zone, from_on, until_on)
-- How often somebody wanted a start and did not get it, by service where that is known, and by why.
select (at at time zone :zone)::date as date, after ->> 'serviceId' as service_id, outcome as reason, count(*) as times
  from audit_log
 where tenant_id = :tenant_id::uuid
   and at >= :from_on::date::timestamp at time zone :zone and at < (:until_on::date + 1)::timestamp at time zone :zone
   and action in ('holdPlace', 'bookingCreate', 'bookingReschedule') and outcome in ('SlotTaken', 'SlotNotOffered')
 group by 1, 2, 3
 order by 1, 2, 3;

-- name: no_shows(tenant_id, zone, from_on, until_on)
-- Bookings by what became of them, by the date of their start; those called off too.
select (starts_at at time zone :zone)::date as date,
       count(*) filter (where state = 'COMPLETED') as completed,
       count(*) filter (where state = 'NO_SHOW') as no_shows,
       count(*) filter (where state = 'CANCELLED') as cancelled
  from (select starts_at, state_now(bookings) as state
          from bookings
         where tenant_id = :tenant_id::uuid
           and starts_at >= :from_on::date::timestamp at time zone :zone
           and starts_at < (:until_on::date + 1)::timestamp at time zone :zone) b
 where state in ('COMPLETED', 'NO_SHOW', 'CANCELLED')
 group by 1
 order by 1;

-- name: revenue_by_service(tenant_id, zone, from_on, until_on)
-- Minor units by service and the date of the start: of what took place, and of what is to or may have.
select (starts_at at time zone :zone)::date as date, service_id::text,
       count(*) as bookings,
       coalesce(sum(price_cents) filter (where status = 'COMPLETED'), 0)::bigint as earned_cents,
       coalesce(sum(price_cents) filter (where status = 'CONFIRMED'), 0)::bigint as expected_cents
  from bookings
 where tenant_id = :tenant_id::uuid
   and starts_at >= :from_on::date::timestamp at time zone :zone and starts_at < (:until_on::date + 1)::timestamp at time zone :zone
   and state_now(bookings) in ('CONFIRMED', 'COMPLETED')
 group by 1, 2
 order by 1, 2;

-- name: revenue_by_rule(tenant_id, zone, from_on, until_on)
-- The same by the price rules that applied, by name; null for prices without any. A booking counts under each of its rules.
select (starts_at at time zone :zone)::date as date, rule ->> 0 as rule,
       count(*) as bookings,
       coalesce(sum(price_cents) filter (where status = 'COMPLETED'), 0)::bigint as earned_cents,
       coalesce(sum(price_cents) filter (where status = 'CONFIRMED'), 0)::bigint as expected_cents
  from bookings
  left join lateral jsonb_array_elements(price_trace -> 'rules') rule on true
 where tenant_id = :tenant_id::uuid
   and starts_at >= :from_on::date::timestamp at time zone :zone and starts_at < (:until_on::date + 1)::timestamp at time zone :zone
   and state_now(bookings) in ('CONFIRMED', 'COMPLETED')
 group by 1, 2
 order by 1, 2 nulls first;
