-- The first sequence of the request that a message came in, where it has one. So the messages
-- alone tell where a producer's last numbered request went. It comes last, so that a server which
-- can adds it at once, however many messages there are. Done over, it does nothing: neither MySQL
-- nor MariaDB rolls it back, and MySQL has no IF NOT EXISTS here.
SET @ddl = IF(
    EXISTS (
        SELECT 1 FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name = 'messages'
          AND column_name = 'first_sequence'
    ),
    'DO 0',
    'ALTER TABLE messages ADD COLUMN first_sequence BIGINT UNSIGNED NULL'
);
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;
