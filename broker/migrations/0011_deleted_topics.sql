-- The ids of topics that were deleted and of which something may be left. A row is taken away when
-- all is cleared and enough time has passed that nothing can come any more.
CREATE TABLE IF NOT EXISTS deleted_topics (
    topic   INT UNSIGNED NOT NULL,
    deleted TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (topic)
) ENGINE = InnoDB;
