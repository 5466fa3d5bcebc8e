-- The one row of what is not of a topic. Ids come from its counters, under its lock, in the
-- transaction that inserts what gets them: AUTO_INCREMENT starts at 1 and leaves gaps.
CREATE TABLE IF NOT EXISTS store (
    one           TINYINT UNSIGNED NOT NULL,
    -- This life of the store: what was counted in another means nothing here.
    epoch         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    next_topic    INT UNSIGNED NOT NULL DEFAULT 0,
    next_producer BIGINT UNSIGNED NOT NULL DEFAULT 0,
    next_consumer BIGINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (one)
) ENGINE = InnoDB;
