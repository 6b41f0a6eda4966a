-- +goose Up

-- Kits of several wells a sample: one target in each (singleplex), or replicates.
ALTER TABLE wells ADD COLUMN target text NOT NULL DEFAULT ''; -- the one target that is measured here; '': all of the kit's

-- A sample that is tested with two kits goes by one policy, from its first arm on.
ALTER TABLE sample_arms ADD COLUMN ruled boolean NOT NULL DEFAULT false; -- rules_id says it, NULL being the built-in table; false: by the day of registration

-- What is suspicious in the well of a pool is told of the pool.
ALTER TABLE flags ADD COLUMN pool_id bigint REFERENCES pools;
UPDATE flags f SET pool_id = w.pool_id FROM wells w WHERE f.sample_id IS NULL AND w.plate_id = f.plate_id AND w.pos = f.pos AND w.pool_id IS NOT NULL;

-- A pool that is tested with two kits is tested with both each time, and is negative where both say so.
ALTER TABLE pools ADD COLUMN second_kit text REFERENCES kits (key);
ALTER TABLE pool_reads ADD COLUMN kit_key text REFERENCES kits (key);
UPDATE pool_reads SET kit_key = p.kit_key FROM pools p WHERE p.id = pool_reads.pool_id;
ALTER TABLE pool_reads ALTER COLUMN kit_key SET NOT NULL;
ALTER TABLE pool_reads DROP CONSTRAINT pool_reads_pkey, ADD PRIMARY KEY (pool_id, run_id, kit_key);
