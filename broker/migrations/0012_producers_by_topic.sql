-- For clearing the producers of a topic that was deleted, without a look at all others. Only a
-- registration pays for it. Done over, it does nothing.
SET @ddl = IF(
    EXISTS (
        SELECT 1 FROM information_schema.statistics
        WHERE table_schema = DATABASE() AND table_name = 'producers' AND index_name = 'topic'
    ),
    'DO 0',
    'ALTER TABLE producers ADD KEY topic (topic)'
);
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;
