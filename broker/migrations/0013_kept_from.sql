-- Everything before this offset was deleted for its age, or is about to be. It is written before
-- the first of it goes, so that messages which are not there any more are told from messages that are
-- lost. Done over, it does nothing.
SET @ddl = IF(
    EXISTS (
        SELECT 1 FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name = 'topics' AND column_name = 'kept_from'
    ),
    'DO 0',
    'ALTER TABLE topics ADD COLUMN kept_from BIGINT UNSIGNED NOT NULL DEFAULT 0'
);
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;
