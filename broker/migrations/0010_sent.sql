-- When a producer was last known to send, in milliseconds since 1970, for brokers that end those that
-- send nothing; 0 where it is not known, and then they wait from when they see it. Done over, it
-- does nothing.
SET @ddl = IF(
    EXISTS (
        SELECT 1 FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name = 'producers' AND column_name = 'sent'
    ),
    'DO 0',
    'ALTER TABLE producers ADD COLUMN sent BIGINT UNSIGNED NOT NULL DEFAULT 0'
);
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;
