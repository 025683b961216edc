UPDATE theriac.entry_group SET
    held      = held      + ($3::text = 'held')::integer      - ($2::text = 'held')::integer,
    replaying = replaying + ($3::text = 'replaying')::integer - ($2::text = 'replaying')::integer,
    replayed  = replayed  + ($3::text = 'replayed')::integer  - ($2::text = 'replayed')::integer,
    discarded = discarded + ($3::text = 'discarded')::integer - ($2::text = 'discarded')::integer
WHERE seq = $1
