-- A log now ends behind its last message, and `producers` says what was sent before the topic's
-- checkpoint: what came after it is told by the messages. The end that was counted so far is both
-- the right checkpoint and, where all messages were deleted, the right end. It gets a new name, so
-- that a broker which still counts it is refused by the database. Done over, it does nothing.
SET @ddl = IF(
    EXISTS (
        SELECT 1 FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name = 'topics' AND column_name = 'checkpoint'
    ),
    'DO 0',
    'ALTER TABLE topics CHANGE COLUMN next_offset checkpoint BIGINT UNSIGNED NOT NULL DEFAULT 0'
);
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;
