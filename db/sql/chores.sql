-- name: chore_turn(name)$
-- Takes a chore's turn until the transaction ends; false when another process has it. 3217 tells it from other advisory locks.
select pg_try_advisory_xact_lock(3217, hashtext(:name));
