-- When a message was appended, for deleting by age. The default writes it, so that no statement names
-- it; messages that are there already count from now on. It comes last, so that a server which can
-- adds it at once, however many messages there are. Done over, it does nothing.
SET @ddl = IF(
    EXISTS (
        SELECT 1 FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name = 'messages' AND column_name = 'appended'
    ),
    'DO 0',
    'ALTER TABLE messages ADD COLUMN appended TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP'
);
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;
