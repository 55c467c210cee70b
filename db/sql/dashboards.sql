-- name: dashboard(tenant_id, customer_id, holder, is_staff, at)^
-- One customer's figures, or without one those of what the holder made, as of an instant, null = now: bookings to come; those
-- of the month that it is at each booking's place, past and to come; how many took place; the id of the next; the last five activities
-- as JSON, the latest first. is_known: whether there is such a customer for the holder, or for staff.
with moment as (select coalesce(:at::timestamptz, clock_timestamp()) as now),
unpaid as (
    select id, payment_due_at
      from bookings
     where tenant_id = :tenant_id::uuid and customer_id = :customer_id::uuid
       and status = 'CONFIRMED' and payment_due_at is not null
    union all
    select id, payment_due_at
      from bookings
     where :customer_id::uuid is null and tenant_id = :tenant_id::uuid and holder = :holder
       and status = 'CONFIRMED' and payment_due_at is not null),
near as (
    select id, location_id, starts_at, status
      from bookings
     where tenant_id = :tenant_id::uuid and customer_id = :customer_id::uuid
       and starts_at > (select now - interval '33 days' from moment) and status in ('CONFIRMED', 'COMPLETED', 'NO_SHOW')
    union all
    select id, location_id, starts_at, status
      from bookings
     where :customer_id::uuid is null and tenant_id = :tenant_id::uuid and holder = :holder
       and starts_at > (select now - interval '33 days' from moment) and status in ('CONFIRMED', 'COMPLETED', 'NO_SHOW')),
months as materialized (
    select id as location_id, date_trunc('month', now at time zone timezone) at time zone timezone as starts_at,
           (date_trunc('month', now at time zone timezone) + interval '1 month') at time zone timezone as ends_at
      from locations, moment
     where tenant_id = :tenant_id::uuid),
counted as (
    select near.id, near.starts_at, near.status = 'CONFIRMED' and near.starts_at > now as is_to_come,
           near.starts_at >= m.starts_at and near.starts_at < m.ends_at as is_of_the_month
      from near
     cross join moment
      join months m using (location_id)
     where near.id not in (select id from unpaid where payment_due_at <= now)),
kept as (
    select completed, recent
      from summaries
     where tenant_id = :tenant_id::uuid and whose = coalesce('customer:' || :customer_id::uuid, :holder))
select :customer_id::uuid is null or exists (
           select from customers
            where tenant_id = :tenant_id::uuid and id = :customer_id::uuid and (:is_staff::boolean or owner = :holder)) as is_known,
       (select count(*) from counted where is_to_come) as upcoming,
       (select count(*) from counted where is_of_the_month) as this_month,
       coalesce((select completed from kept), 0) as completed,
       (select id::text from counted where is_to_come order by starts_at, id limit 1) as next_id,
       latest_five(coalesce((select recent from kept), '[]') || coalesce(
           (select jsonb_agg(jsonb_build_object('what', 'CANCELLED', 'id', id, 'at', payment_due_at))
              from unpaid, moment
             where payment_due_at <= now), '[]'))::text as recent;
