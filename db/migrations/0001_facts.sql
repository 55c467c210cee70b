-- The facts: tenants and what each has. Dates and instants stay within what every reader can parse. tenant_id leads every key. Wall time is kept as minutes from 00:00 of its date,
-- past 1440 on the next one; instants as timestamptz; durations as minutes; money as minor units.

-- An exclusion constraint needs a GiST operator class, and core has none for uuid: a range of one uuid does it without btree_gist.
create type uuid_range as range (subtype = uuid);

create table tenants (
    id uuid not null default gen_random_uuid(),
    slug text not null,
    name text not null,
    timezone text not null,
    currency text not null,
    hold_seconds integer not null default 600,
    created_at timestamptz not null default now(),
    constraint tenants_pkey primary key (id),
    constraint tenants_slug_key unique (slug),
    constraint tenants_slug_shape check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    constraint tenants_name_given check (name <> ''),
    constraint tenants_timezone_known check (timestamptz '2000-01-01Z' at time zone timezone is not null),
    constraint tenants_currency_shape check (currency ~ '^[A-Z]{3}$'),
    constraint tenants_hold_seconds_range check (hold_seconds between 1 and 86400)
);

create table locations (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    name text not null,
    timezone text not null,
    constraint locations_pkey primary key (tenant_id, id),
    constraint locations_tenant_fkey foreign key (tenant_id) references tenants on delete cascade,
    constraint locations_name_given check (name <> ''),
    constraint locations_timezone_known check (timestamptz '2000-01-01Z' at time zone timezone is not null)
);

create table closures (
    tenant_id uuid not null,
    location_id uuid not null,
    closed_on date not null,
    reason text,
    constraint closures_pkey primary key (tenant_id, location_id, closed_on),
    constraint closures_location_fkey foreign key (tenant_id, location_id) references locations on delete cascade,
    constraint closures_closed_on_range check (closed_on between '1900-01-01' and '2999-12-31')
);

-- Minutes on the way between two locations, the same both ways: kept once, with the lesser id first.
create table travel_times (
    tenant_id uuid not null,
    from_location_id uuid not null,
    to_location_id uuid not null,
    minutes integer not null,
    constraint travel_times_pkey primary key (tenant_id, from_location_id, to_location_id),
    constraint travel_times_from_fkey foreign key (tenant_id, from_location_id) references locations on delete cascade,
    constraint travel_times_to_fkey foreign key (tenant_id, to_location_id) references locations on delete cascade,
    constraint travel_times_ordered check (from_location_id < to_location_id),
    constraint travel_times_minutes_range check (minutes between 0 and 1440)
);
create index travel_times_to_idx on travel_times (tenant_id, to_location_id);

create table services (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    name text not null,
    duration_minutes integer not null,
    slot_interval_minutes integer not null default 30,
    buffer_before_minutes integer not null default 0,
    buffer_after_minutes integer not null default 0,
    price_cents bigint not null,
    min_notice_minutes integer not null default 0,
    horizon_days integer not null default 60,
    active boolean not null default true,
    constraint services_pkey primary key (tenant_id, id),
    constraint services_tenant_fkey foreign key (tenant_id) references tenants on delete cascade,
    constraint services_name_given check (name <> ''),
    constraint services_duration_range check (duration_minutes between 1 and 1440),
    constraint services_interval_range check (slot_interval_minutes between 1 and 1440),
    constraint services_buffer_before_range check (buffer_before_minutes between 0 and 720),
    constraint services_buffer_after_range check (buffer_after_minutes between 0 and 720),
    constraint services_price_range check (price_cents between 0 and 2000000000),
    constraint services_min_notice_range check (min_notice_minutes between 0 and 527040),
    constraint services_horizon_range check (horizon_days between 0 and 3660)
);

create table stylists (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    name text not null,
    home_location_id uuid not null,
    active boolean not null default true,
    constraint stylists_pkey primary key (tenant_id, id),
    constraint stylists_home_fkey foreign key (tenant_id, home_location_id) references locations on delete cascade,
    constraint stylists_name_given check (name <> '')
);
create index stylists_home_idx on stylists (tenant_id, home_location_id);

-- A service as one stylist gives it; null = as the service says.
create table offerings (
    tenant_id uuid not null,
    stylist_id uuid not null,
    service_id uuid not null,
    duration_minutes integer,
    price_cents bigint,
    constraint offerings_pkey primary key (tenant_id, stylist_id, service_id),
    constraint offerings_stylist_fkey foreign key (tenant_id, stylist_id) references stylists on delete cascade,
    constraint offerings_service_fkey foreign key (tenant_id, service_id) references services on delete cascade,
    constraint offerings_duration_range check (duration_minutes between 1 and 1440),
    constraint offerings_price_range check (price_cents between 0 and 2000000000)
);
create index offerings_service_idx on offerings (tenant_id, service_id);

-- The week: windows and breaks by ISO weekday (1 = Monday), each in its season, both ends in.
create table schedule_hours (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    stylist_id uuid not null,
    location_id uuid not null,
    weekday smallint not null,
    starts_minute smallint not null,
    ends_minute smallint not null,
    is_break boolean not null default false,
    valid_from date,
    valid_until date,
    constraint schedule_hours_pkey primary key (tenant_id, id),
    constraint schedule_hours_stylist_fkey foreign key (tenant_id, stylist_id) references stylists on delete cascade,
    constraint schedule_hours_location_fkey foreign key (tenant_id, location_id) references locations on delete cascade,
    constraint schedule_hours_weekday_range check (weekday between 1 and 7),
    constraint schedule_hours_starts_range check (starts_minute between 0 and 1439),
    constraint schedule_hours_ends_range check (ends_minute > starts_minute and ends_minute <= starts_minute + 1440),
    constraint schedule_hours_season_order check (valid_until >= valid_from),
    constraint schedule_hours_from_range check (valid_from between '0001-01-01' and '9999-12-31'),
    constraint schedule_hours_until_range check (valid_until between '0001-01-01' and '9999-12-31')
);
create index schedule_hours_stylist_idx on schedule_hours (tenant_id, stylist_id);
create index schedule_hours_location_idx on schedule_hours (tenant_id, location_id);

-- One date's own hours in place of the week's; an override without hours is a day off.
create table overrides (
    tenant_id uuid not null,
    stylist_id uuid not null,
    on_date date not null,
    location_id uuid not null,
    reason text,
    constraint overrides_pkey primary key (tenant_id, stylist_id, on_date),
    constraint overrides_stylist_fkey foreign key (tenant_id, stylist_id) references stylists on delete cascade,
    constraint overrides_location_fkey foreign key (tenant_id, location_id) references locations on delete cascade,
    constraint overrides_on_date_range check (on_date between '1900-01-01' and '2999-12-31')
);
create index overrides_location_idx on overrides (tenant_id, location_id);

create table override_hours (
    tenant_id uuid not null,
    stylist_id uuid not null,
    on_date date not null,
    is_break boolean not null default false,
    starts_minute smallint not null,
    ends_minute smallint not null,
    constraint override_hours_pkey primary key (tenant_id, stylist_id, on_date, is_break, starts_minute, ends_minute),
    constraint override_hours_override_fkey foreign key (tenant_id, stylist_id, on_date) references overrides on delete cascade,
    constraint override_hours_starts_range check (starts_minute between 0 and 1439),
    constraint override_hours_ends_range check (ends_minute > starts_minute and ends_minute <= starts_minute + 1440)
);

create table time_off (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    stylist_id uuid not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    reason text,
    constraint time_off_pkey primary key (tenant_id, id),
    constraint time_off_stylist_fkey foreign key (tenant_id, stylist_id) references stylists on delete cascade,
    constraint time_off_span_order check (starts_at < ends_at and starts_at >= '1900-01-01Z' and ends_at <= '3000-01-01Z')
);
create index time_off_stylist_idx on time_off (tenant_id, stylist_id, ends_at);

-- An external calendar of a stylist, and when it was last heard of.
create table busy_sources (
    tenant_id uuid not null,
    stylist_id uuid not null,
    source text not null,
    as_of timestamptz not null default now(),
    constraint busy_sources_pkey primary key (tenant_id, stylist_id, source),
    constraint busy_sources_stylist_fkey foreign key (tenant_id, stylist_id) references stylists on delete cascade,
    constraint busy_sources_source_given check (source <> '')
);

create table busy_times (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    stylist_id uuid not null,
    source text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    constraint busy_times_pkey primary key (tenant_id, id),
    constraint busy_times_source_fkey foreign key (tenant_id, stylist_id, source) references busy_sources on delete cascade,
    constraint busy_times_span_order check (starts_at < ends_at and starts_at >= '1900-01-01Z' and ends_at <= '3000-01-01Z')
);
create index busy_times_stylist_idx on busy_times (tenant_id, stylist_id, ends_at);

-- Percentages in order of position; null and empty conditions hold always. to_minute before from_minute runs over midnight.
create table price_rules (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    position integer not null,
    name text not null,
    basis_points integer not null,
    service_id uuid,
    weekdays smallint[] not null default '{}',
    from_minute smallint,
    to_minute smallint,
    from_on date,
    until_on date,
    constraint price_rules_pkey primary key (tenant_id, id),
    constraint price_rules_position_key unique (tenant_id, position) deferrable initially deferred,
    constraint price_rules_tenant_fkey foreign key (tenant_id) references tenants on delete cascade,
    constraint price_rules_service_fkey foreign key (tenant_id, service_id) references services on delete cascade,
    constraint price_rules_name_given check (name <> ''),
    constraint price_rules_percent_range check (basis_points between -10000 and 100000),
    constraint price_rules_weekdays_range check (weekdays <@ '{1,2,3,4,5,6,7}'::smallint[]),
    constraint price_rules_from_range check (from_minute between 0 and 1439),
    constraint price_rules_to_range check (to_minute between 0 and 1440),
    constraint price_rules_season_order check (until_on >= from_on),
    constraint price_rules_from_on_range check (from_on between '0001-01-01' and '9999-12-31'),
    constraint price_rules_until_on_range check (until_on between '0001-01-01' and '9999-12-31')
);
create index price_rules_service_idx on price_rules (tenant_id, service_id);

create table customers (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    owner text,
    name text not null,
    email text,
    phone text,
    created_at timestamptz not null default now(),
    constraint customers_pkey primary key (tenant_id, id),
    constraint customers_tenant_fkey foreign key (tenant_id) references tenants on delete cascade,
    constraint customers_name_given check (name <> '')
);
-- The same caller giving the same contact is the same customer; nobody is merged with another caller's.
create unique index customers_identity_key on customers (
    tenant_id, coalesce(owner, ''), name, coalesce(email, ''), coalesce(phone, '')
);

-- Everything that claims a stylist's time, holds and bookings alike. occupied is the span widened by the buffers it was
-- booked with; the exclusion is what makes a double booking impossible, whoever writes.
create table bookings (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    stylist_id uuid not null,
    service_id uuid not null,
    location_id uuid not null,
    status text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    occupied tstzrange not null,
    price_cents bigint not null,
    holder text,
    expires_at timestamptz,
    customer_id uuid,
    notes text,
    cancel_reason text,
    created_at timestamptz not null default now(),
    ended_at timestamptz,
    constraint bookings_pkey primary key (tenant_id, id),
    constraint bookings_stylist_fkey foreign key (tenant_id, stylist_id) references stylists on delete cascade,
    constraint bookings_service_fkey foreign key (tenant_id, service_id) references services on delete cascade,
    constraint bookings_location_fkey foreign key (tenant_id, location_id) references locations on delete cascade,
    constraint bookings_customer_fkey foreign key (tenant_id, customer_id) references customers on delete cascade,
    constraint bookings_status_known
        check (status in ('HELD', 'CONFIRMED', 'COMPLETED', 'NO_SHOW', 'CANCELLED', 'RELEASED')),
    constraint bookings_span_order check (starts_at < ends_at),
    constraint bookings_span_range check (starts_at >= '1900-01-01Z' and ends_at <= '3000-01-01Z'),
    constraint bookings_length_max check (ends_at - starts_at <= interval '24 hours'),
    -- An empty range overlaps nothing, so it would slip through the exclusion (its lower_inc is false); one without an end
    -- has a null upper(), and a check that is null passes.
    constraint bookings_occupied_covers
        check (lower_inc(occupied) and not upper_inc(occupied) and not upper_inf(occupied)
               and lower(occupied) <= starts_at and ends_at <= upper(occupied)),
    constraint bookings_buffers_max
        check (starts_at - lower(occupied) <= interval '12 hours' and upper(occupied) - ends_at <= interval '12 hours'),
    constraint bookings_hold_expires check (status <> 'HELD' or expires_at is not null),
    constraint bookings_expires_range check (expires_at between '1900-01-01Z' and '3000-01-01Z'),
    constraint bookings_price_range check (price_cents >= 0),
    constraint bookings_no_overlap exclude using gist (
        uuid_range(tenant_id, tenant_id, '[]') with &&,
        uuid_range(stylist_id, stylist_id, '[]') with &&,
        occupied with &&
    ) where (status in ('HELD', 'CONFIRMED', 'COMPLETED', 'NO_SHOW'))
);
-- A day's claims: occupied spans at most 48 hours, so that a range of starts_at finds them all.
create index bookings_live_idx on bookings (tenant_id, stylist_id, starts_at)
    where status in ('HELD', 'CONFIRMED', 'COMPLETED', 'NO_SHOW');
create index bookings_stylist_idx on bookings (tenant_id, stylist_id, starts_at);
create index bookings_service_idx on bookings (tenant_id, service_id);
create index bookings_location_idx on bookings (tenant_id, location_id);
create index bookings_customer_idx on bookings (tenant_id, customer_id);
create index bookings_holder_idx on bookings (tenant_id, holder, starts_at) where holder is not null;

create table idempotency_keys (
    tenant_id uuid not null,
    owner text not null,
    mutation text not null,
    key text not null,
    input_hash bytea not null,
    result jsonb,
    created_at timestamptz not null default now(),
    constraint idempotency_keys_pkey primary key (tenant_id, owner, mutation, key),
    constraint idempotency_keys_tenant_fkey foreign key (tenant_id) references tenants on delete cascade
);
create index idempotency_keys_age_idx on idempotency_keys (created_at);

-- What was done or refused, by whom. Outlives the things it tells of, so it points at none of them.
create table audit_log (
    tenant_id uuid not null,
    id bigint generated always as identity,
    at timestamptz not null default clock_timestamp(),
    actor text not null,
    action text not null,
    entity_id uuid,
    outcome text not null default 'DONE',
    before jsonb,
    after jsonb,
    constraint audit_log_pkey primary key (tenant_id, id),
    constraint audit_log_tenant_fkey foreign key (tenant_id) references tenants on delete cascade
);
create index audit_log_at_idx on audit_log (tenant_id, at, id);
