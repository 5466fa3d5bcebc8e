-- Counted on by every transaction that deletes what all subscriptions are past. On a cluster locks are
-- known on their node alone, but two transactions that write one row conflict: so a registration
-- on another node, which writes it too, comes before or after and not between. Done over, it does
-- nothing.
SET @ddl = IF(
    EXISTS (
        SELECT 1 FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name = 'store' AND column_name = 'deletions'
    ),
    'DO 0',
    'ALTER TABLE store ADD COLUMN deletions BIGINT UNSIGNED NOT NULL DEFAULT 0'
);
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;
